"""The runs of the publish workflow at GitHub: one query, and waiting for the start and the end of a run.

From GitHub's documentation of its REST API: "List workflow runs for a workflow" and "List jobs for a workflow run". The
requests only read. They need the permission `actions: read`.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from binoc_runbook.checks.observations import GitHubJob, GitHubResponse, GitHubRun, RunLookup
from binoc_runbook.world.github import GitHubClient
from binoc_runbook.world.triggered_run import JobRun, JobState, TriggerListener

#: How long to wait for the end of a run, in seconds.
END_LIMIT = 6 * 3600.0
#: How long GitHub may fail to respond while waiting for the start and the end of a run, in seconds.
START_OUTAGE, END_OUTAGE = 15.0, 300.0
#: The timeout of a request, in seconds.
TIMEOUT = 15.0
#: The time between two queries while waiting for the start and the end of a run, in seconds.
START_PAUSE, END_PAUSE = 3.0, 10.0

_STATES: dict[str | None, JobState] = {"success": "success", "neutral": "success", "skipped": "skipped"}


@dataclass(frozen=True, slots=True)
class WorkflowRuns:
    """The runs of one workflow of a repository, `owner/name`, for a tag that points to `commit`."""

    client: GitHubClient
    repository: str
    workflow: str
    tag: str
    commit: str

    def latest(self) -> RunLookup:
        """Look up the run whose last attempt started last, with its jobs.

        A run by hand for the tag has the same commit and ref as the run that the push started. The filters `branch`
        and `event` of the request are not used, because they are not reliable for tags.
        """
        query = f"head_sha={self.commit}&per_page=100"
        response = self.client.get(f"/repos/{self.repository}/actions/workflows/{self.workflow}/runs?{query}")
        if response.outcome != "value":
            return _without_value(response)
        try:
            runs = [run for run in response.value["workflow_runs"] if self._is_of_this_tag(run)]
            if not runs:
                return RunLookup("no run", response.question)
            newest = max(runs, key=lambda run: (run.get("run_started_at") or run["created_at"], run["id"]))
            path = f"/repos/{self.repository}/actions/runs/{newest['id']}/jobs?filter=latest&per_page=100"
            jobs = self.client.get(path)
            if jobs.outcome != "value":
                return _without_value(jobs)
            return RunLookup("run", response.question, _run(newest, jobs.value["jobs"]))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            reason = f"invalid response: {type(error).__name__}"
            return RunLookup("no answer", response.question, reason=reason)

    def await_start(self, limit: float, listener: TriggerListener) -> RunLookup:
        """Look up the run until there is one, for up to `limit` seconds; 0 means once."""
        progress = _Progress(listener)

        def is_started(lookup: RunLookup) -> bool:
            if limit and lookup.kind in ("no run", "no answer"):
                progress.wait(f"waiting for GitHub to start {self.workflow}, for up to {limit:.0f} s", lookup.reason)
            return lookup.run is not None

        return self._repeat(is_started, limit, START_OUTAGE, START_PAUSE)

    def await_end(self, limit: float, listener: TriggerListener) -> RunLookup:
        """Follow the run until it has ended, for up to `limit` seconds, and show its jobs while they start and end."""
        progress = _Progress(listener)

        def is_ended(lookup: RunLookup) -> bool:
            if lookup.run is not None:
                progress.show(lookup.run)
            elif lookup.kind == "no answer":
                progress.wait("waiting for GitHub to respond", lookup.reason)
            return lookup.kind == "no run" or (lookup.run is not None and lookup.run.completed)

        return self._repeat(is_ended, limit, END_OUTAGE, END_PAUSE)

    def _repeat(self, is_done: Callable[[RunLookup], bool], limit: float, outage: float, pause: float) -> RunLookup:
        """Look up the run until it is done, for at most `limit` seconds, and `outage` seconds without an answer."""
        began = answered = time.monotonic()
        while True:
            lookup = self.latest()
            now = time.monotonic()
            if lookup.kind in ("run", "no run"):
                answered = now
            left = min(began + limit, answered + outage) - now
            if is_done(lookup) or lookup.kind == "no access" or left <= 0:
                return replace(lookup, seconds=now - began if limit else 0.0)
            time.sleep(min(pause, left))

    def _is_of_this_tag(self, run: Mapping[str, Any]) -> bool:
        return bool(run["head_sha"] == self.commit and run["head_branch"] == self.tag)


def job_results(run: GitHubRun) -> list[JobRun]:
    """Return the results of the jobs that have ended."""
    return [_result(job) for job in run.jobs if job.status == "completed"]


class _Progress:
    """Shows each change of a run and of its jobs once."""

    def __init__(self, listener: TriggerListener) -> None:
        self._listener = listener
        self._shown: set[tuple[object, ...]] = set()

    def wait(self, purpose: str, reason: str) -> None:
        if self._is_new(purpose, reason):
            self._listener.note(f"{purpose}: {reason}" if reason else purpose)

    def show(self, run: GitHubRun) -> None:
        if not run.completed and self._is_new("run", run.status):
            self._listener.note(f"run {run.id} is {run.status.replace('_', ' ')}: {run.url}")
        if self._is_new("jobs", len(run.jobs)):
            self._listener.jobs_planned(len(run.jobs))
        for job in run.jobs:
            if not self._is_new(job.id, job.status):
                continue
            if job.status == "completed":
                self._listener.job_ended(_result(job))
            elif job.status == "in_progress":
                self._listener.job_begins(job.name)
            elif job.status == "waiting":
                self._listener.note(f"{job.name} waits for approval: {run.url}")

    def _is_new(self, *event: object) -> bool:
        is_new = event not in self._shown
        self._shown.add(event)
        return is_new


def _without_value(response: GitHubResponse) -> RunLookup:
    kind: Any = "no answer" if response.outcome == "no answer" else "no access"
    return RunLookup(kind, response.question, reason=response.reason)


def _run(run: Mapping[str, Any], jobs: list[Mapping[str, Any]]) -> GitHubRun:
    return GitHubRun(
        id=int(run["id"]),
        attempt=int(run.get("run_attempt") or 1),
        event=str(run["event"]),
        status=str(run["status"]),
        conclusion=run["conclusion"],
        url=str(run["html_url"]),
        jobs=tuple(
            GitHubJob(int(job["id"]), str(job["name"]), str(job["status"]), job["conclusion"], _seconds(job))
            for job in jobs
        ),
    )


def _seconds(job: Mapping[str, Any]) -> float:
    if not job.get("started_at") or not job.get("completed_at"):
        return 0.0
    began, ended = (datetime.datetime.fromisoformat(job[name]) for name in ("started_at", "completed_at"))
    return max(0.0, (ended - began).total_seconds())  # a skipped job can end before it starts


def _result(job: GitHubJob) -> JobRun:
    state = _STATES.get(job.conclusion, "failure")
    reason = f"ended as `{job.conclusion}`" if job.conclusion not in ("success", "failure", "skipped") else ""
    return JobRun(str(job.id), job.name, 0, state, reason, job.seconds)
