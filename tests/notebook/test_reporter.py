"""The reporter of a notebook: lines inside and outside of a stage, and jobs that run in parallel."""

from __future__ import annotations

import pytest

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.notebook.messages import LIVE
from binoc_runbook.notebook.record_title import record_title
from binoc_runbook.notebook.reporter import NotebookReporter
from binoc_runbook.release.record import StageRun
from binoc_runbook.stages import STAGES, Observation
from binoc_runbook.world.triggered_run import JobRun


class Output:
    """One output of a cell: its last text, which an update replaces."""

    def __init__(self, notebook):
        self.notebook = notebook

    def update(self, data, **_):
        self.text, self.markup = data.get("text/plain", ""), data.get("text/html", "")
        self.notebook.live += data.get(LIVE, {}).get("lines", [])


class Notebook:
    """The outputs of a cell, and the lines that the terminal shows."""

    def __init__(self):
        self.outputs, self.live = [], []

    def display(self, data, **_):
        output = Output(self)
        output.update(data)
        self.outputs.append(output)
        return output


@pytest.fixture
def notebook(monkeypatch):
    notebook = Notebook()
    monkeypatch.setattr("IPython.display.display", notebook.display)
    return notebook


def test_line_outside_of_a_stage_is_shown_and_not_kept(notebook):
    NotebookReporter(str.upper, str.upper).line("waiting for `git`")
    assert notebook.live == ["WAITING FOR `GIT`"]
    assert [output.text for output in notebook.outputs] == [""]


def test_jobs_that_run_in_parallel_have_one_output_each(notebook):
    reporter = NotebookReporter(str, str)
    for name in ("one", "two", "three"):
        reporter.job_begins(name)
    for name in ("two", "three", "one"):
        reporter.job_ended(JobRun(name, name, 0, "success"))
    reporter.job_ended(JobRun("four", "four", 0, "skipped"))
    assert [output.text.split(":")[0] for output in notebook.outputs] == ["✓ two", "✓ three", "✓ one", "- four"]
    begun = [f"{name} …" for name in ("one", "two", "three")]
    assert [line.split(":")[0] for line in notebook.live] == [*begun, "✓ two", "✓ three", "✓ one", "- four"]


def ended(notebook, *findings, state):
    reporter = NotebookReporter(str, str)
    reporter.stage_started(STAGES[0], "checking")
    reporter.stage_ended(StageRun(STAGES[0], Observation(state, Findings(findings))))
    return notebook.outputs[-1].markup


def test_findings_of_a_stage_are_one_line_if_all_are_ok(notebook):
    ok = Finding.ok("tree", "git status", "clean")
    assert "<details style" in ended(notebook, ok, ok, state="done")
    assert "2 ok</summary>" in ended(notebook, ok, ok, state="done")
    warning = Finding.warning("tree", "git status", "untracked files")
    assert "<details open" in ended(notebook, ok, warning, state="done")
    blocked = ended(notebook, ok, Finding.failed("tree", "a.txt:1", "modified", "git stash"), state="blocked")
    assert "<details open" in blocked
    assert "✗ blocked</span>" in blocked


def test_remedy_of_several_findings_is_shown_once(notebook):
    failed = [Finding.failed("sync", f"a.txt:{line}", "differs", "fix it") for line in (1, 2)]
    other = Finding.failed("sync", "b.txt", "differs", "fix that")
    markup = ended(notebook, *failed, other, state="blocked")
    assert (markup.count("fix it"), markup.count("fix that")) == (1, 1)


def test_progress_of_the_tests_is_updated_in_place_without_their_output(notebook, monkeypatch):
    monkeypatch.setattr("binoc_runbook.notebook.reporter.PAUSE", 0)
    reporter = NotebookReporter(str, str)
    reporter.stage_started(STAGES[5], "just test-code")
    reporter.line("a secret")
    reporter.line("tests/test_a.py ....   [ 61%]")
    (output,) = notebook.outputs
    assert 'max="100" value="61"' in output.markup
    assert "2 lines of output" in output.markup
    assert "secret" not in output.markup + output.text


@pytest.mark.parametrize(
    ("parameters", "title"),
    [
        ({"version": "0.4.0"}, "Dry run of release 0.4.0"),
        ({"version": "0.4.0", "dry_run": False}, "Release 0.4.0"),
        ({"version": "0.4.0", "dry_run": False, "world": "rehearsal:quick"}, "Rehearsal of release 0.4.0"),
        ({"world": "rehearsal"}, "Rehearsal of a release (dry run)"),
        ({"dry_run": "no"}, "Dry run of a release"),
    ],
)
def test_title_of_a_record_is_what_ran(parameters, title):
    assert record_title("release", parameters) == title
