"""The status board of a run, from its record."""

from __future__ import annotations

import pytest

from binoc_runbook.display.board import board, board_text, groups, refusals

FAILED = {"check": "sync", "status": "failed", "looked_at": "pyproject.toml:7", "saw": "is `<0.4>`", "remedy": "fix it"}


def stage(name, before="done", after=None, *, acted=False, findings=()):
    result = {"name": name, "before": before, "after": after, "acted": acted, "findings": list(findings)}
    return {**result, "seconds": 1.0}


def record(*stages, **changes):
    return {"stages": list(stages), "jobs": [], "workflow_run": None, "dry_run": False, "world": "real", **changes}


def states(record):
    return {box.name: box.state for boxes in groups(record).values() for box in boxes}


def test_stages_after_a_refused_one_are_not_reached():
    run = record(stage("tree"), stage("surface"), stage("sync", "blocked", findings=[FAILED]))
    assert states(run) == {
        "1. tree": "✓ done",
        "2. surface": "✓ done",
        "3. sync": "✗ refused",
        **dict.fromkeys(
            ("4. workflow", "5. remote", "6. tests", "7. push-branch", "8. tag", "9. push-tag", "run of the tag"),
            "· not reached",
        ),
    }
    markup = board(run)
    assert "Refused at 3. sync" in markup
    assert "pyproject.toml:7: is <code>&lt;0.4&gt;</code><br>→ fix it" in markup
    assert "  ✗ failed: sync: pyproject.toml:7: is `<0.4>`" in list(board_text(run))


@pytest.mark.parametrize(
    ("run", "state"),
    [
        (stage("push-tag", "ready", "done", acted=True), "✓ done"),
        (stage("push-tag", "done"), "✓ done before"),
        (stage("push-tag", "ready"), "✗ refused"),
        (stage("push-tag", "ready", "unknown"), "? unknown"),
        (stage("push-tag", "ready", findings=[{**FAILED, "looked_at": "Ctrl-C"}]), "✗ interrupted"),
        (stage("push-tag", "done", findings=[{**FAILED, "status": "unknown"}]), "? unknown"),
        (stage("push-tag", "done", findings=[{**FAILED, "status": "warning"}]), "✓ done before"),
        ({"name": "push-tag", "seconds": 1.0}, "✓ done"),
    ],
)
def test_state_is_the_last_observed_one(run, state):
    assert states(record(run))["9. push-tag"] == state


def test_public_stages_of_a_dry_run_are_skipped():
    run = record(stage("tests", "ready"), stage("push-branch", "ready"), stage("tag", "blocked"), dry_run=True)
    assert states(run)["6. tests"] == "✗ refused"
    assert states(run)["7. push-branch"] == "– skipped"
    assert states(run)["8. tag"] == "✗ refused"
    assert states(run)["run of the tag"] == "– skipped"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "? not observed"),
        ({"world": "rehearsal"}, "– skipped"),
        ({"workflow_run": {"status": "in_progress", "conclusion": None}}, "… in progress"),
        ({"workflow_run": {"status": "completed", "conclusion": "success"}}, "✓ success"),
        ({"workflow_run": {"status": "completed", "conclusion": "failure"}}, "✗ failure"),
    ],
)
def test_workflow_is_a_box(changes, state):
    *_, last = states(record(stage("push-tag"), **changes)).values()
    assert last == state


def test_last_attempt_of_a_job_is_shown():
    jobs = [
        {"attempt": 1, "name": "build", "state": "failure", "seconds": 1.0, "finding": FAILED},
        {"attempt": 1, "name": "publish", "state": "skipped", "seconds": 0.0, "finding": None},
        {"attempt": 2, "name": "build", "state": "success", "seconds": 2.0, "finding": None},
    ]
    run = record(stage("push-tag"), jobs=jobs)
    assert {name: state for name, state in states(run).items() if "." not in name} == {
        "build": "✓ passed",
        "publish": "– skipped",
    }
    assert refusals(run) == []
    assert [box.name for box in refusals(record(jobs=jobs[:2]))] == ["build"]
