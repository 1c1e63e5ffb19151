"""What a person sees in a terminal, and what a program reads from a pipe."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

from binoc_runbook.display import terminal
from binoc_runbook.finding import Finding, Findings

FOUND = Findings(
    [
        Finding.ok("tree", "HEAD", "on the release branch `main`"),
        Finding.failed("tree", "git status", "1 file changed since the commit " + "and more words " * 12, "git stash"),
        Finding.unknown("remote", "git ls-remote origin", "could not be asked", "see the network"),
    ]
)


@pytest.fixture
def on_terminal(tmp_path):
    """Shows findings on a real pseudo-terminal; returns what arrived there."""

    def show(**environment: str) -> str:
        code = (
            "import sys; from binoc_runbook.display import terminal; from binoc_runbook.finding import *;"
            f"terminal.show_findings(sys.stdout, {FOUND!r})"
        )
        controller, side = pty.openpty()
        inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
        inherited |= {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path), **environment}
        process = subprocess.Popen([sys.executable, "-c", code], stdout=side, stderr=side, env=inherited)
        os.close(side)
        seen = b""
        while True:
            try:
                chunk = os.read(controller, 4096)
            except OSError:
                break
            if not chunk:
                break
            seen += chunk
        process.wait()
        os.close(controller)
        return seen.decode()

    return show


def test_a_pipe_gets_one_line_for_each_finding_and_its_remedy():
    stream = io.StringIO()
    terminal.show_findings(stream, FOUND)
    lines = stream.getvalue().splitlines()
    assert [line for line in lines if not line.startswith(" ")] == ["tree", "remote"]
    assert lines[1] == "  ✓ ok  HEAD: on the release branch `main`"
    assert lines[3] == "      → git stash"
    assert "\x1b" not in stream.getvalue()


def test_a_terminal_gets_colours_and_folded_lines(on_terminal):
    seen = on_terminal(COLUMNS="60")
    assert "\x1b[" in seen
    assert "✗ failed" in seen
    plain = [line for line in seen.replace("\r", "").splitlines() if "\x1b" not in line]
    assert all(len(line) <= 60 for line in plain)


def test_who_wants_no_colour_gets_none(on_terminal):
    seen = on_terminal(NO_COLOR="1")
    assert not any(f"\x1b[{code}" in seen for code in ("31m", "32m", "1;31m"))
    assert "✗ failed" in seen


def test_a_table_is_columns_for_a_person_and_tabs_for_a_program():
    stream = io.StringIO()
    terminal.show_table(stream, ("name", "version"), [("demo", "0.4.0"), ("demo-sdk", "0.4.0")])
    assert stream.getvalue() == "demo\t0.4.0\ndemo-sdk\t0.4.0\n"
