"""The reporter of a notebook: lines that arrive inside and outside of a stage."""

from __future__ import annotations

import pytest

from binoc_runbook.notebook.messages import LIVE
from binoc_runbook.notebook.reporter import NotebookReporter


@pytest.fixture
def displayed(monkeypatch):
    """The data of all outputs that the reporter creates."""
    outputs = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: outputs.append(data))
    return outputs


def test_line_outside_of_a_stage_is_shown_and_not_kept(displayed):
    NotebookReporter(str.upper, str.upper).line("waiting for `git`")
    assert displayed == [{LIVE: {"lines": ["WAITING FOR `GIT`"]}}]
