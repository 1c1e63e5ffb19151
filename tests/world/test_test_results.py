"""Stored results of passed tests."""

from __future__ import annotations

import pytest

from binoc_runbook.world import test_results

KEY = {"tree": "abc", "command": ["just", "test"], "toolchain": ["rustc 1"]}


@pytest.fixture
def results(tmp_path):
    return test_results.TestResults(lambda: tmp_path, may_write=True)


def test_result_is_returned_for_its_key_only(results):
    results.write(KEY, {"passed": "today"})
    assert results.read(KEY) == {"key": KEY, "passed": "today"}
    for other in ({"tree": "abd"}, {"command": ["just", "test-code"]}, {"toolchain": ["rustc 2"]}):
        assert results.read(KEY | other) is None


def test_rehearsal_reads_and_writes_no_results(results, tmp_path):
    rehearsal = test_results.TestResults(lambda: tmp_path, may_write=False)
    rehearsal.write(KEY, {"passed": "today"})
    assert list(tmp_path.iterdir()) == []
    results.write(KEY, {"passed": "today"})
    assert rehearsal.read(KEY) is None


def test_damaged_result_is_ignored(results, tmp_path):
    results.write(KEY, {"passed": "today"})
    (path,) = tmp_path.rglob("*.json")
    path.write_text('{"key": ')
    assert results.read(KEY) is None
