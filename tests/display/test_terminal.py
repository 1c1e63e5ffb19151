"""Output of findings and tables in a terminal and in a pipe."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys

import pytest

from binoc_runbook.display import terminal
from binoc_runbook.finding import Finding, Findings, RefusedError

FINDINGS = Findings(
    [
        Finding.ok("tree", "HEAD", "on the release branch `main`"),
        Finding.failed("tree", "git status", "1 file changed since the commit " + "and more words " * 12, "git stash"),
        Finding.unknown("remote", "git ls-remote origin", "could not be reached", "check the network"),
    ]
)


@pytest.fixture
def on_terminal(tmp_path):
    """Return a function that prints findings to a pseudo-terminal and returns its output."""

    def show(**environment: str) -> str:
        code = (
            "import sys; from binoc_runbook.display import terminal; from binoc_runbook.finding import *;"
            f"terminal.show_findings(sys.stdout, {FINDINGS!r})"
        )
        controller, side = pty.openpty()
        inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
        inherited |= {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path), **environment}
        process = subprocess.Popen([sys.executable, "-c", code], stdout=side, stderr=side, env=inherited)
        os.close(side)
        output = b""
        while True:
            try:
                chunk = os.read(controller, 4096)
            except OSError:
                break
            if not chunk:
                break
            output += chunk
        process.wait()
        os.close(controller)
        return output.decode()

    return show


def test_pipe_gets_one_line_for_each_finding_and_its_remedy():
    stream = io.StringIO()
    terminal.show_findings(stream, FINDINGS)
    lines = stream.getvalue().splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["tree", "remote"]
    assert lines[1] == "  ✓ ok  HEAD: on the release branch `main`"
    assert lines[3] == "      → git stash"
    assert "\x1b" not in stream.getvalue()


def test_terminal_gets_colours_and_wrapped_lines(on_terminal):
    output = on_terminal(COLUMNS="60")
    assert "\x1b[31m✗" in output
    assert "\x1b[33m?" in output
    lines = re.sub(r"\x1b\[[0-9;]*m", "", output).replace("\r", "").splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert not any("release branch" in line for line in lines), "a finding that is ok is shown only with -v"


def test_no_color_disables_colours(on_terminal):
    output = on_terminal(NO_COLOR="1")
    assert not any(f"\x1b[{code}" in output for code in ("31m", "32m", "1;31m"))
    assert "✗" in output


def test_plain_stream_gets_colours_only_if_they_are_forced(monkeypatch):
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    terminal.show_findings(stream, FINDINGS)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
    assert "\x1b[31m✗" in stream.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    stream = io.StringIO()
    terminal.show_findings(stream, FINDINGS)
    assert stream.getvalue() == plain


def test_refusal_of_a_command_has_each_reason_once():
    stream = io.StringIO()
    terminal.show_refusal(stream, RefusedError("nothing was done", FINDINGS.having("unknown"), "try later"))
    assert stream.getvalue().count("could not be reached") == 1


def test_table_in_a_pipe_is_separated_by_tabs():
    stream = io.StringIO()
    terminal.show_table(stream, ("name", "version"), [("demo", "0.4.0"), ("demo-sdk", "0.4.0")])
    assert stream.getvalue() == "demo\t0.4.0\ndemo-sdk\t0.4.0\n"
