"""Progress of a run: redrawn on a terminal, lines elsewhere, and a summary at the end."""

from __future__ import annotations

import io
import re
import time

import pytest

from binoc_runbook.display import events, progress
from binoc_runbook.display.progress import open_progress
from binoc_runbook.display.summary import Summary
from binoc_runbook.environ import VERBOSITY
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.world.triggered_run import JobRun

FAILED = Finding.failed("sync", "pyproject.toml:7", "version is 0.4.1, expected 0.5.0", "just set-version 0.5.0")
OPENED = {
    "kind": "opened",
    "title": "Release 0.5.0 of demo",
    "detail": "3f2a91c on main",
    "stages": ["sync", "tests", "push-tag"],
    "boundary": 2,
}
RELEASED = Summary("Released 0.5.0", "ok", ("v0.5.0 points to 3f2a91c",), (("next", "./just verify 0.5.0"),))
TOKEN = "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw"
REFUSAL = f"release of 0.5.0 refused: `sync`\n{FAILED}\nthis run pushed nothing"


class Terminal(io.StringIO):
    """A terminal that keeps what is written."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def run(tmp_path):
    """Return a function that shows messages, waits until they are drawn, and returns the output and the log."""

    def show(stream, *messages, refusal=None, pause=0.0):
        log = tmp_path / "runs/0.5.0.log"
        with open_progress(stream, log, "runs/0.5.0.log") as shown:
            for lines, event in messages:
                shown.show(lines, event if event is None else [event])
                time.sleep(pause)
            summary = Summary.of_refusal(refusal, shown.shown) if refusal else None
            shown.finish(summary, [("report", "runs/0.5.0.ipynb")])
        return stream.getvalue(), log.read_text("utf-8") if log.exists() else None

    return show


def ended(name, *findings, state="done"):
    return events.check_ended(name, Findings(findings), 0.25) | {"state": state}


def without_codes(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_terminal_redraws_what_runs_and_keeps_finished_stages(run):
    output, log = run(
        Terminal(),
        (["release of 0.5.0"], OPENED),
        ([], events.started("tests", "just test-code")),
        ([f"    test one of {TOKEN}"], events.line(f"test one of {TOKEN}")),
        ([], events.line("...... [ 61%]")),
        (["✓ tests"], ended("tests", Finding.ok("tests", "just test-code", "passed"))),
        pause=0.2,
    )
    text = without_codes(output)
    assert re.search(r"tests +just test-code +\d\.\d s", text)
    assert "test one of ***" in text
    assert "just test-code  61 %" in text
    assert "push-tag" in text, "a stage that has not run"
    assert "1/3 stages" in text
    assert "log: runs/0.5.0.log" in text
    assert re.search(r"✓ tests +passed +0\.2 s", text)
    assert "\x1b[1A" in output, "the lines below are redrawn"
    assert TOKEN not in output
    assert log is not None
    assert log.splitlines()[:3] == ["release of 0.5.0", "    test one of ***", "✓ tests"]


def test_jobs_have_a_bar_and_one_line_each(run):
    jobs = [JobRun("a", "build", 0, "success", seconds=72), JobRun("b", "mac", 0, "elsewhere", "needs macOS")]
    output, _ = run(
        Terminal(),
        ([], events.jobs(3)),
        ([], events.started("build", is_job=True)),
        ([], events.started("mac", is_job=True)),
        *(([], events.job_ended(job)) for job in jobs),
        pause=0.15,
    )
    text = without_codes(output)
    assert "1/3 jobs" in text
    assert re.search(r"✓ build +1:12", text)
    assert re.search(r"- mac +needs macOS", text)


def test_summary_is_a_panel_on_a_terminal_and_lines_elsewhere(run):
    message = (list(RELEASED.lines()), events.summary(RELEASED))
    panel = without_codes(run(Terminal(), message)[0])
    lines, log = run(io.StringIO(), message)
    assert panel.count("v0.5.0 points to 3f2a91c") == 1
    for words in ("✓ Released 0.5.0", "./just verify 0.5.0", "runs/0.5.0.ipynb", "runs/0.5.0.log", "╭"):
        assert words in panel
    assert lines == "✓ v0.5.0 points to 3f2a91c\n  next: ./just verify 0.5.0\n  report: runs/0.5.0.ipynb\n"
    assert log is not None


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_refusal_is_printed_once(run, stream):
    shown = f"✗ 3. sync: blocked\n    {FAILED}".splitlines()
    output, _ = run(stream(), (shown, ended("sync", FAILED, state="blocked")), refusal=REFUSAL)
    text = without_codes(output)
    assert text.count("version is 0.4.1") == text.count("just set-version 0.5.0") == 1
    assert text.index("version is 0.4.1") < text.index("this run pushed nothing")


def test_terminal_lists_the_stages_that_did_not_run(run):
    output, _ = run(Terminal(), ([], OPENED), ([], ended("sync", FAILED, state="blocked")), refusal=REFUSAL)
    assert re.search(r"\x1b\[2m[^\n]*tests, push-tag", output)


def test_pipe_has_no_escape_codes_and_no_log_of_the_same_lines(run):
    messages = [([f"line {number}"], events.line(f"line {number}")) for number in range(3)]
    output, _ = run(io.StringIO(), *messages)
    assert output == "line 0\nline 1\nline 2\n  report: runs/0.5.0.ipynb\n"


def test_colours_can_be_forced_in_a_pipe(run, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    output, _ = run(io.StringIO(), (["✓ tree: " + "long " * 40], None))
    assert output.startswith("\x1b[32m✓\x1b[0m tree")
    assert output.splitlines()[1] == "  report: runs/0.5.0.ipynb", "lines in a pipe are not wrapped"
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in run(io.StringIO(), (["✓ tree"], None))[0]


def test_dumb_terminal_gets_lines(run, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert run(Terminal(), (["✓ tree"], ended("tree")))[0].startswith("✓ tree\n  report: ")


def test_quiet_run_prints_only_problems_and_the_summary(run, monkeypatch):
    monkeypatch.setenv(VERBOSITY, "-1")
    messages = [
        (["output"], events.line("output")),
        (["✓ tree"], ended("tree")),
        (["✗ sync"], ended("sync", FAILED, state="blocked")),
    ]
    output, log = run(io.StringIO(), *messages, refusal=REFUSAL)
    assert output.startswith("✗ sync\n✗ release of 0.5.0 refused")
    assert "output" not in output
    assert "log: runs/0.5.0.log" in output
    assert log is not None
    assert log.startswith("output\n✓ tree\n")


def test_verbose_terminal_prints_the_output(run, monkeypatch):
    messages = [([], events.line(f"line {number}")) for number in range(3)]
    monkeypatch.setenv(VERBOSITY, "1")
    output, _ = run(Terminal(), *messages)
    assert all(f"line {number}" in output for number in range(3)), "not only the last line"


def test_silence_is_broken_by_a_line(run, monkeypatch):
    monkeypatch.setattr(progress, "SILENCE", 0.05)
    monkeypatch.setattr(progress.Progress, "pause", 0.05)
    output, _ = run(io.StringIO(), (["tests …"], events.started("tests", "just test")), pause=0.3)
    assert re.search(r"^ +tests: running for 0 s$", output, re.MULTILINE)


def test_closed_terminal_does_not_end_the_run(tmp_path):
    stream = Terminal()
    with open_progress(stream, tmp_path / "log", "log") as shown:
        stream.close()
        shown.show(["✓ tree"], [ended("tree")])
        shown.finish(RELEASED, [])
