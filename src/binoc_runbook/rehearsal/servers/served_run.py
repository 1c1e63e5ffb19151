"""A run of the workflow in a rehearsal, and its JSON in GitHub's API.

The shapes are those of GitHub's documentation of its REST API, pages "Workflow runs" and "Workflow jobs".
"""

from __future__ import annotations

import datetime
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from binoc_runbook.world.triggered_run import JobRun, JobState

#: GitHub runs a job that this host cannot run. Here it was not run, and the jobs that need it were.
_CONCLUSIONS: dict[JobState, str] = {
    "success": "success",
    "failure": "failure",
    "skipped": "skipped",
    "elsewhere": "skipped",
}


@dataclass
class ServedJob:
    """A job of a run; times are in seconds since the epoch, `conclusion` is `None` while it is in progress."""

    number: int
    attempt: int
    name: str
    started: float
    ended: float | None = None
    conclusion: str | None = None


@dataclass
class ServedRun:
    """A run in its last attempt, for a short ref name and its commit. The runner reports the jobs to it.

    `path` is the path of the workflow file in the repository.
    """

    number: int
    event: str
    ref_name: str
    sha: str
    path: str
    attempt: int = 1
    completed: bool = False
    created: float = field(default_factory=time.time)
    started: float = field(default_factory=time.time)
    #: The last execution of each job, by name.
    jobs: dict[str, ServedJob] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, attempt: int) -> None:
        """Start an attempt; a later one runs the failed jobs, and the jobs that need them, again."""
        self.attempt, self.completed, self.started = attempt, False, time.time()
        self.jobs = {name: job for name, job in self.jobs.items() if job.conclusion != "failure"}

    def job_begins(self, name: str) -> None:
        """Add a job that starts."""
        number = self.number * 1000 + next(self._numbers)
        self.jobs[name] = ServedJob(number, self.attempt, name, time.time())

    def job_ended(self, job: JobRun) -> None:
        """Add the result of a job, which may not have started."""
        if job.name not in self.jobs or self.jobs[job.name].ended is not None:
            self.job_begins(job.name)
        served = self.jobs[job.name]
        served.ended, served.conclusion = time.time(), _CONCLUSIONS[job.state]

    def to_json(self, url: str, repository: str) -> dict[str, Any]:
        """Return the run as the API shows it; `url` is the URL of the server, `repository` is `owner/name`."""
        failed = any(job.conclusion == "failure" for job in self.jobs.values())
        last = max((job.ended or job.started for job in self.jobs.values()), default=self.started)
        return {
            "id": self.number,
            "name": self.path,
            "path": self.path,
            "display_title": self.ref_name,
            "head_branch": self.ref_name,
            "head_sha": self.sha,
            "run_number": self.number,
            "run_attempt": self.attempt,
            "event": self.event,
            "status": "completed" if self.completed else "in_progress",
            "conclusion": ("failure" if failed else "success") if self.completed else None,
            "url": f"{url}/repos/{repository}/actions/runs/{self.number}",
            "jobs_url": f"{url}/repos/{repository}/actions/runs/{self.number}/jobs",
            "html_url": f"{url}/{repository}/actions/runs/{self.number}",
            "created_at": _time(self.created),
            "run_started_at": _time(self.started),
            "updated_at": _time(last),
        }

    def jobs_to_json(self, url: str, repository: str) -> list[dict[str, Any]]:
        """Return the last execution of each job as the API shows it."""
        return [
            {
                "id": job.number,
                "run_id": self.number,
                "run_url": f"{url}/repos/{repository}/actions/runs/{self.number}",
                "run_attempt": job.attempt,
                "head_branch": self.ref_name,
                "head_sha": self.sha,
                "name": job.name,
                "status": "in_progress" if job.ended is None else "completed",
                "conclusion": job.conclusion,
                "created_at": _time(job.started),
                "started_at": _time(job.started),
                "completed_at": None if job.ended is None else _time(job.ended),
                "html_url": f"{url}/{repository}/actions/runs/{self.number}/job/{job.number}",
                "steps": [],
            }
            for job in self.jobs.values()
        ]


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
