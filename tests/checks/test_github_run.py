"""Tests of the findings about the workflow run of a pushed tag."""

from __future__ import annotations

import pytest

from binoc_runbook.checks.github_run import RETENTION, unfinished, workflow_run
from binoc_runbook.checks.observations import GitHubJob, GitHubRun, RunLookup
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy

QUESTION = "GET /repos/example/demo/actions/workflows/publish.yml/runs"
URL = "https://github.com/example/demo/actions/runs/42"
COMMIT = "c" * 40
VERSION = Version.parse("0.4.0")


@pytest.fixture
def policy(checkout):
    return read_policy(checkout.root)


def run(status, conclusion=None, *jobs, attempt=1):
    listed = (GitHubJob(number, *job, 1.0) for number, job in enumerate(jobs))
    return GitHubRun(42, attempt, "push", status, conclusion, URL, tuple(listed))


def observed(*state, **more):
    return RunLookup("run", QUESTION, run(*state, **more))


BUILD = ("Build", "completed", "success")
FAILED = ("Publish demo", "completed", "failure")
WAITING = ("Publish demo", "waiting", None)
NOT_RUN = ("GitHub release", "completed", "skipped")


@pytest.mark.parametrize(
    ("lookup", "status", "named"),
    [
        (observed("queued"), "ok", "42"),
        (observed("in_progress", None, BUILD, ("Publish demo", "in_progress", None)), "ok", "1 of 2 jobs"),
        (observed("waiting", None, BUILD, WAITING), "warning", "`Publish demo`"),
        (observed("in_progress", None, BUILD, WAITING), "warning", "`Publish demo`"),
        (observed("waiting"), "warning", "approval"),
        (observed("in_progress", None, FAILED, WAITING), "warning", "`Publish demo`"),
        (observed("completed", "success", BUILD), "ok", "42"),
        (observed("completed", "success", BUILD, attempt=2), "ok", "attempt 2"),
        (observed("completed", "failure", BUILD, FAILED, NOT_RUN), "failed", "failed jobs: `Publish demo`"),
        (observed("completed", "cancelled", ("Build", "completed", "cancelled")), "failed", "`Build`"),
        (observed("completed", "startup_failure"), "failed", "startup_failure"),
        (observed("completed", "action_required"), "failed", "action_required"),
    ],
)
def test_state_of_a_run(policy, lookup, status, named):
    finding = workflow_run(lookup, policy, VERSION, COMMIT, None)
    assert (finding.check, finding.status, finding.looked_at) == ("publication", status, QUESTION)
    assert named in finding.saw
    assert URL in finding.saw
    assert bool(finding.remedy) == (status != "ok")


@pytest.mark.parametrize(
    ("conclusion", "remedy"),
    [
        ("failure", "gh run rerun 42 --failed"),
        ("timed_out", "gh run rerun 42 --failed"),
        ("startup_failure", "publish.yml"),
        ("action_required", URL),
    ],
)
def test_fix_of_a_failed_run(policy, conclusion, remedy):
    finding = workflow_run(observed("completed", conclusion, FAILED), policy, VERSION, COMMIT, None)
    assert remedy in finding.remedy


def test_missing_run_has_failed_and_the_fix_starts_it_for_each_artifact(policy):
    finding = workflow_run(RunLookup("no run", QUESTION, seconds=90.0), policy, VERSION, COMMIT, None)
    assert finding.status == "failed"
    assert finding.remedy.startswith("gh workflow run publish.yml --ref v0.4.0 -f artifact=demo;")
    assert "`demo-sdk`" in finding.remedy
    assert "90 s" in finding.saw


def test_missing_run_of_an_old_tag_is_unknown(policy):
    finding = workflow_run(RunLookup("no run", QUESTION), policy, VERSION, COMMIT, RETENTION)
    assert (finding.status, finding.remedy) == ("unknown", "just verify 0.4.0")


@pytest.mark.parametrize("kind", ["no answer", "no access"])
def test_unknown_run_has_the_page_to_open(policy, kind):
    finding = workflow_run(RunLookup(kind, QUESTION, reason="no response"), policy, VERSION, COMMIT, None)
    assert finding.status == "unknown"
    assert "no response" in finding.saw
    assert finding.remedy.startswith(f"gh run list --workflow publish.yml --commit {COMMIT}")
    assert "https://github.com/example/demo/actions/workflows/publish.yml" in finding.remedy


def test_run_that_has_not_ended_is_unknown_after_the_limit():
    finding = unfinished(run("in_progress"), QUESTION, VERSION, 6 * 3600.0)
    assert finding.status == "unknown"
    assert "6 h" in finding.saw
