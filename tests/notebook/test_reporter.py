"""The reporter of a notebook: lines inside and outside of a stage, and jobs that run in parallel."""

from __future__ import annotations

import pytest

from binoc_runbook.notebook.messages import LIVE
from binoc_runbook.notebook.reporter import NotebookReporter
from binoc_runbook.world.triggered_run import JobRun


class Output:
    """One output of a cell: its last text, which an update replaces."""

    def __init__(self, notebook):
        self.notebook = notebook

    def update(self, data, **_):
        self.text = data.get("text/plain", "")
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
