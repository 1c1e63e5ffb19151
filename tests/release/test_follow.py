"""Tests of a release after the tag push, with a local server that answers like GitHub's API."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.rehearsal.servers.github_api import GitHubRelease, GitHubServer, ReleaseAsset
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.run import Release
from binoc_runbook.release.verification import CHAPTERS, Verification, download_checksums
from binoc_runbook.stages import STAGES
from binoc_runbook.version import Version
from binoc_runbook.world import World, workflow_runs
from binoc_runbook.world.triggered_run import JobRun

PATH = ".github/workflows/publish.yml"


class Reporter:
    """A reporter that keeps the results that follow the stages, and the names of the other calls."""

    def __init__(self):
        self.results, self.calls = [], []

    def result(self, headline, findings):
        self.results.append(findings)

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append(name)

    @property
    def statuses(self):
        return [(finding.check, finding.status) for findings in self.results for finding in findings]


@pytest.fixture
def github(checkout, monkeypatch):
    """A local GitHub that the client of the release uses, and that has no runs."""
    checkout.edit("pyproject.toml", 'remote = "origin"', 'remote = "origin"\nstart-timeout = 0.05')
    checkout.commit("A short timeout")
    monkeypatch.setattr(workflow_runs, "START_PAUSE", 0.01)
    monkeypatch.setattr(workflow_runs, "END_PAUSE", 0.01)
    with GitHubServer(checkout.remote, "example/demo") as server:
        monkeypatch.setenv("GITHUB_API_URL", server.url)
        monkeypatch.setenv("GH_TOKEN", server.token({"actions": "read", "contents": "read"}))
        yield server
    assert server.mistakes == []


@pytest.fixture
def release(checkout, monkeypatch):
    """A function that runs a release up to the push of the tag, like the cells of the notebook."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)

    def run(*, dry_run=False, wait=False):
        target = open_target(World.real(checkout.root), Version.parse("0.4.0"))
        release = Release(target, Reporter(), checkout.root / "runs", dry_run=dry_run, wait=wait)
        for stage in STAGES:
            if stage.name == "push-branch":
                release.recheck()
            release.run(stage.name)
        return release

    return run


def add(github, checkout, *states, event="push", completed=True):
    """Add a run of the tag to GitHub, with a job for each state."""
    run = ServedRun(len(github.runs) + 1, event, "v0.4.0", checkout.head(), PATH)
    for number, state in enumerate(states):
        run.job_ended(JobRun(str(number), f"Job {number}", 0, state))
    run.completed = completed
    github.runs[run.number] = run
    return run


def follow(release):
    """Follow the workflow run and finish; return the exception, and the results that were shown."""
    try:
        release.follow()
        release.finish()
    except RefusedError as error:
        return error, release._reporter.statuses
    return None, release._reporter.statuses


def filed(checkout):
    return json.loads((checkout.root / "docs/releases/0.4.0.json").read_text("utf-8"))


def test_run_that_has_started_is_reported_and_recorded(checkout, github, release):
    run = release()
    add(github, checkout, completed=False)
    refusal, results = follow(run)
    assert (refusal, results) == (None, [("publication", "ok")])
    assert filed(checkout)["workflow_run"] == {
        "id": 1,
        "attempt": 1,
        "event": "push",
        "status": "in_progress",
        "conclusion": None,
        "url": f"{github.url}/example/demo/actions/runs/1",
    }
    assert {entry.method for entry in github.log} == {"GET"}


def test_run_that_was_not_started_fails_after_the_record_is_filed(checkout, github, release):
    refusal, results = follow(release())
    assert results == [("publication", "failed")]
    assert [(finding.check, finding.status) for finding in refusal.findings] == [("publication", "failed")]
    assert (filed(checkout)["outcome"], filed(checkout)["workflow_run"]) == ("released", None)
    assert "refs/tags/v0.4.0" in checkout.remote_refs()


def test_failed_run_is_reported_by_the_same_command_until_it_is_run_again(checkout, github, release):
    before = release()
    failed = add(github, checkout, "success", "failure")
    assert follow(before)[0].findings[0].remedy == "gh run rerun 1 --failed"
    refs = checkout.remote_refs()

    assert follow(release())[0].findings[0].status == "failed"
    failed.begin(2)
    failed.job_ended(JobRun("1", "Job 1", 0, "success"))
    failed.completed = True
    assert follow(release()) == (None, [("publication", "ok")])
    assert checkout.remote_refs() == refs


def test_released_version_is_looked_up_once(checkout, github, release, monkeypatch):
    add(github, checkout, "success")
    assert follow(release())[0] is None
    github.log.clear()
    assert follow(release())[0] is None
    assert [entry.path.rpartition("/")[2] for entry in github.log] == ["runs", "jobs"]


@pytest.mark.parametrize("wait", [False, True])
def test_unknown_run_fails_only_a_release_that_waits(checkout, github, release, monkeypatch, wait):
    monkeypatch.delenv("GH_TOKEN")
    refusal, results = follow(release(wait=wait))
    assert results == [("publication", "unknown")]
    assert (refusal is not None) == wait
    assert filed(checkout)["outcome"] == "released"
    assert github.log == []


def test_dry_run_sends_no_request(github, release):
    run = release(dry_run=True)
    assert follow(run) == (None, [])
    assert run._reporter.calls[-2:] == ["publication", "finished"]
    assert github.log == []


def test_run_is_unknown_without_a_repository_in_the_policy(checkout, github, release):
    run = release()
    run.target.policy = dataclasses.replace(run.target.policy, repository=None)
    assert follow(run) == (None, [("publication", "unknown")])
    assert github.log == []


@pytest.mark.parametrize("statuses", [[], ["failed"]])
def test_release_that_waits_follows_the_jobs_and_verifies(checkout, github, release, monkeypatch, statuses):
    # The registries are replaced: the verification has its own tests.
    findings = Findings(Finding("published", status, "the registries", "a result", "") for status in statuses)
    monkeypatch.setattr(Verification, "_check_registries", lambda self: findings)
    run = release(wait=True)
    add(github, checkout, "success", "skipped")
    refusal, results = follow(run)
    published = [("published", status) for status in statuses]
    assert results[: 1 + len(published)] == [("publication", "ok"), *published]
    assert set(run.verification.findings) == set(CHAPTERS)
    assert run._reporter.calls.count("job_ended") == 2
    record = filed(checkout)
    assert [(job["name"], job["state"], job["attempt"]) for job in record["jobs"]] == [
        ("Job 0", "success", 1),
        ("Job 1", "skipped", 1),
    ]
    assert (refusal is not None) == bool(statuses)
    assert (checkout.root / "runs/verify-0.4.0.json").is_file()


def test_release_that_waits_does_not_verify_a_failed_run(checkout, github, release):
    run = release(wait=True)
    add(github, checkout, "failure")
    refusal, _ = follow(run)
    assert [finding.check for finding in refusal.findings] == ["publication"]
    assert run.verification is None


def test_run_that_has_not_ended_is_unknown_and_the_same_command_continues(checkout, github, release, monkeypatch):
    monkeypatch.setattr(workflow_runs, "END_LIMIT", 0.05)
    run = release(wait=True)
    started = add(github, checkout, completed=False)
    refusal, results = follow(run)
    assert (results, bool(refusal)) == ([("publication", "unknown")], True)
    assert filed(checkout)["workflow_run"]["status"] == "in_progress"

    started.job_ended(JobRun("0", "Job 0", 0, "failure"))
    started.completed = True
    assert follow(release(wait=True))[1] == [("publication", "failed")]


def test_interruption_while_following_says_that_the_tag_is_on_the_remote(checkout, github, release, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    run = release(wait=True)
    add(github, checkout, completed=False)
    monkeypatch.setattr("time.sleep", interrupt)
    refusal, _ = follow(run)
    assert [(finding.check, finding.looked_at) for finding in refusal.findings] == [("publication", "Ctrl-C")]
    assert "v0.4.0" in refusal.after


def test_checksums_are_those_of_the_github_release(checkout, github, release):
    digest = hashlib.sha256(b"").hexdigest()
    published = GitHubRelease(1, "v0.4.0", "", "", draft=False, prerelease=False)
    published.assets.append(ReleaseAsset(2, "SHA256SUMS", f"{digest}  demo-0.4.0.tar.gz\n".encode()))
    target = release(dry_run=True).target
    assert download_checksums(target) == {}
    github.releases.append(published)
    assert download_checksums(target) == {"demo-0.4.0.tar.gz": digest}
    published.assets[0].content = b"\xff"
    assert download_checksums(target) == {}
