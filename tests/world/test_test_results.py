"""What is remembered of passed tests, and for what it counts."""

from __future__ import annotations

import pytest

from binoc_runbook.world import test_results as notes

KEY = {"tree": "abc", "command": ["just", "test"], "toolchain": ["rustc 1"]}


@pytest.fixture
def evidence(tmp_path):
    return notes.TestResults(lambda: tmp_path, may_write=True)


def test_a_note_is_found_again_under_exactly_its_key(evidence):
    evidence.write(KEY, {"passed": "today"})
    assert evidence.read(KEY) == {"key": KEY, "passed": "today"}
    for other in ({"tree": "abd"}, {"command": ["just", "test-code"]}, {"toolchain": ["rustc 2"]}):
        assert evidence.read(KEY | other) is None


def test_a_rehearsal_leaves_no_note_and_believes_none(evidence, tmp_path):
    rehearsal = notes.TestResults(lambda: tmp_path, may_write=False)
    rehearsal.write(KEY, {"passed": "today"})
    assert list(tmp_path.iterdir()) == []
    evidence.write(KEY, {"passed": "today"})
    assert rehearsal.read(KEY) is None


def test_a_note_that_was_damaged_is_no_note(evidence, tmp_path):
    evidence.write(KEY, {"passed": "today"})
    (note,) = tmp_path.rglob("*.json")
    note.write_text('{"key": ')
    assert evidence.read(KEY) is None
