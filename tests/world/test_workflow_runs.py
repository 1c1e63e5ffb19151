"""Tests of looking up and following the workflow run of a tag, with a local server that speaks GitHub's protocol."""

from __future__ import annotations

import pytest

from binoc_runbook.rehearsal.servers.github_api import GitHubServer
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.rehearsal.servers.server import Response
from binoc_runbook.world import workflow_runs
from binoc_runbook.world.github import GitHubClient
from binoc_runbook.world.triggered_run import JobRun
from binoc_runbook.world.workflow_runs import WorkflowRuns, job_results

COMMIT = "c" * 40
PATH = ".github/workflows/publish.yml"


@pytest.fixture
def github(monkeypatch):
    monkeypatch.setattr(workflow_runs, "START_PAUSE", 0.01)
    monkeypatch.setattr(workflow_runs, "END_PAUSE", 0.01)
    with GitHubServer(repository="example/demo") as server:
        yield server
    assert server.mistakes == []


def runs_of(github, **environment):
    token = github.token({"actions": "read"})
    client = GitHubClient({"GITHUB_API_URL": github.url, "GH_TOKEN": token, **environment})
    return WorkflowRuns(client, "example/demo", "publish.yml", "v0.4.0", COMMIT)


def add(github, *jobs, event="push", ref="v0.4.0", sha=COMMIT, path=PATH, completed=True):
    run = ServedRun(len(github.runs) + 1, event, ref, sha, path)
    for job in jobs:
        run.job_ended(job)
    run.completed = completed
    github.runs[run.number] = run
    return run


class ScriptedRun(ServedRun):
    """A run that is in the next of `states` after each request: the status of the run, and the status of its job."""

    states = ()

    def to_json(self, url, repository):
        self.now, *rest = self.states
        self.states = rest or [self.now]
        status = self.now[0]
        conclusion = "success" if status == "completed" else None
        return super().to_json(url, repository) | {"status": status, "conclusion": conclusion}

    def jobs_to_json(self, url, repository):
        (job,) = super().jobs_to_json(url, repository)
        status = self.now[1]
        return [job | {"status": status, "conclusion": "success" if status == "completed" else None}]


class Recorder:
    """A listener that keeps the names of its calls, with the name of the job."""

    def __init__(self):
        self.events = []

    def jobs_planned(self, total):
        pass

    def job_begins(self, name):
        self.events.append(("begins", name))

    def job_ended(self, job):
        self.events.append(("ended", job.name, job.state))

    def line(self, text):
        self.events.append("line")

    def note(self, words):
        self.events.append("note")


def test_run_is_reported_with_its_jobs(github):
    add(github, JobRun("a", "Build", 0, "success"), JobRun("b", "Publish", 0, "failure"))
    lookup = runs_of(github).latest()
    assert lookup.question == "GET /repos/example/demo/actions/workflows/publish.yml/runs"
    run = lookup.run
    assert (run.id, run.attempt, run.event, run.status, run.conclusion) == (1, 1, "push", "completed", "failure")
    assert [(job.name, job.conclusion) for job in run.jobs] == [("Build", "success"), ("Publish", "failure")]
    assert [(job.name, job.state) for job in job_results(run)] == [("Build", "success"), ("Publish", "failure")]


@pytest.mark.parametrize(
    "other", [{"ref": "main"}, {"ref": "v0.4.1"}, {"sha": "d" * 40}, {"path": ".github/workflows/ci.yml"}]
)
def test_run_of_another_ref_commit_or_workflow_does_not_count(github, other):
    add(github, **other)
    lookup = runs_of(github).latest()
    assert (lookup.kind, lookup.run) == ("no run", None)


def test_newest_of_several_runs_counts(github):
    add(github, JobRun("a", "Build", 0, "failure"))
    by_hand = add(github, JobRun("a", "Build", 0, "success"), event="workflow_dispatch")
    run = runs_of(github).latest().run
    assert (run.id, run.event, run.conclusion) == (by_hand.number, "workflow_dispatch", "success")


def test_later_attempt_of_an_earlier_run_is_the_newest(github):
    first = add(github, JobRun("a", "Build", 0, "failure"))
    add(github, event="workflow_dispatch")
    first.begin(2)
    first.started += 60
    run = runs_of(github).latest().run
    assert (run.id, run.attempt, run.status) == (first.number, 2, "in_progress")


def test_all_pages_of_the_jobs_are_read(github):
    github.page = 2
    add(github, *(JobRun(str(number), f"Job {number}", 0, "success") for number in range(5)))
    assert len(runs_of(github).latest().run.jobs) == 5


def test_client_without_a_token_sends_no_request(github):
    lookup = runs_of(github, GH_TOKEN="").await_start(60, Recorder())
    assert lookup.kind == "no access"
    assert "GH_TOKEN" in lookup.reason
    assert github.log == []


def test_hidden_repository_and_missing_permission_are_not_queried_again(github):
    token = github.token({"contents": "read"})
    forbidden = runs_of(github, GH_TOKEN=token).await_start(60, Recorder())
    github.repository = "example/other"
    hidden = runs_of(github).await_start(60, Recorder())
    assert (forbidden.kind, hidden.kind) == ("no access", "no access")
    assert len(github.log) == 2  # neither is repeated


@pytest.mark.parametrize(
    "response",
    [
        Response.json(429, {"message": "API rate limit exceeded"}),
        Response.json(500, {}),
        Response.json(200, []),
        Response.json(200, {"workflow_runs": [{}]}),
        Response.text(200, "<html>"),
    ],
)
def test_unusable_response_leaves_the_run_unknown(github, monkeypatch, response):
    monkeypatch.setattr(github, "respond", lambda request: response)
    lookup = runs_of(github).latest()
    assert (lookup.kind, bool(lookup.reason)) == ("no answer", True)


def test_start_is_awaited_until_the_limit(github):
    listener = Recorder()
    lookup = runs_of(github).await_start(0.1, listener)
    assert lookup.kind == "no run"
    assert lookup.seconds > 0
    assert listener.events == ["note"]  # one line shows what is awaited


def test_state_is_looked_up_once_without_a_limit(github):
    listener = Recorder()
    assert runs_of(github).await_start(0, listener).kind == "no run"
    assert (len(github.log), listener.events) == (1, [])


def test_run_that_starts_later_is_reported(github, monkeypatch):
    respond = github.respond

    def respond_and_start(request):
        response = respond(request)
        if len(github.log) == 2:
            add(github)
        return response

    monkeypatch.setattr(github, "respond", respond_and_start)
    assert runs_of(github).await_start(60, Recorder()).run.id == 1


def test_start_is_not_awaited_while_github_does_not_respond(github, monkeypatch):
    monkeypatch.setattr(workflow_runs, "START_OUTAGE", 0.0)
    github.faults.down = True
    assert runs_of(github).await_start(3600, Recorder()).kind == "no answer"


def test_run_is_followed_job_by_job_until_it_ends(github):
    run = ScriptedRun(1, "push", "v0.4.0", COMMIT, PATH)
    run.job_begins("Publish")
    run.states = [
        ("queued", "queued"),
        ("in_progress", "waiting"),
        ("in_progress", "waiting"),
        ("in_progress", "in_progress"),
        ("completed", "completed"),
    ]
    github.runs[1] = run
    listener = Recorder()
    lookup = runs_of(github).await_end(60, listener)
    assert lookup.run.succeeded
    assert listener.events == [
        "note",  # queued
        "note",  # in progress
        "note",  # waits for approval
        ("begins", "Publish"),
        ("ended", "Publish", "success"),
    ]


def test_run_is_followed_through_an_outage(github, monkeypatch):
    add(github)
    respond = github.respond

    def respond_later(request):
        return respond(request) if len(github.log) > 2 else Response.json(502, {})

    monkeypatch.setattr(github, "respond", respond_later)
    assert runs_of(github).await_end(60, Recorder()).run.succeeded


def test_run_that_does_not_end_is_followed_until_the_limit(github):
    add(github, completed=False)
    lookup = runs_of(github).await_end(0.1, Recorder())
    assert (lookup.run.status, lookup.kind) == ("in_progress", "run")
