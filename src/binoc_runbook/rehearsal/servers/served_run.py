"""A run of the workflow in a rehearsal, and its JSON in GitHub's API.

The shapes are those of GitHub's documentation of its REST API, pages "Workflow runs", "Workflow jobs" and "Artifacts".
"""

from __future__ import annotations

import datetime
import time
import zipfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from binoc_runbook.files import sha256_of
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
class ServedArtifact:
    """A workflow artifact of a run, in the ZIP file `archive`, until it expires."""

    number: int
    name: str
    archive: Path
    expired: bool = False
    created: float = field(default_factory=time.time)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 digest of the ZIP file, as the API shows it."""
        return f"sha256:{sha256_of(self.archive)}"


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
    #: The workflow artifacts of all attempts, the oldest first; a later attempt can upload one of the same name.
    artifacts: list[ServedArtifact] = field(default_factory=list)
    _count: int = 0

    def begin(self, attempt: int) -> None:
        """Start an attempt; a later one runs the failed jobs, and the jobs that need them, again."""
        self.attempt, self.completed, self.started = attempt, False, time.time()
        self.jobs = {name: job for name, job in self.jobs.items() if job.conclusion != "failure"}

    def job_begins(self, name: str) -> None:
        """Add a job that starts."""
        number = self._next_number()
        self.jobs[name] = ServedJob(number, self.attempt, name, time.time())

    def job_ended(self, job: JobRun) -> None:
        """Add the result of a job, which may not have started."""
        if job.name not in self.jobs or self.jobs[job.name].ended is not None:
            self.job_begins(job.name)
        served = self.jobs[job.name]
        served.ended, served.conclusion = time.time(), _CONCLUSIONS[job.state]

    def add_artifact(self, name: str, directory: Path, archives: Path) -> None:
        """Add a workflow artifact with the files of a directory; its ZIP file is written to `archives`."""
        number = self._next_number()
        archives.mkdir(exist_ok=True)
        archive = archives / f"{number}.zip"
        # Not compressed, because most files are compressed already.
        with zipfile.ZipFile(archive, "w") as packed:
            for file in sorted(path for path in directory.rglob("*") if path.is_file()):
                packed.write(file, file.relative_to(directory))
        self.artifacts.append(ServedArtifact(number, name, archive))

    def delete_artifact(self, name: str) -> None:
        """Delete the workflow artifacts of this name, as a person can on the page of the run."""
        self.artifacts = [artifact for artifact in self.artifacts if artifact.name != name]

    def _next_number(self) -> int:
        self._count += 1
        return self.number * 1000 + self._count

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

    def artifacts_to_json(self, url: str, repository: str) -> list[dict[str, Any]]:
        """Return the workflow artifacts as the API shows them, the newest first."""
        return [
            {
                "id": artifact.number,
                "name": artifact.name,
                "size_in_bytes": artifact.archive.stat().st_size,
                "url": f"{url}/repos/{repository}/actions/artifacts/{artifact.number}",
                "archive_download_url": f"{url}/repos/{repository}/actions/artifacts/{artifact.number}/zip",
                "expired": artifact.expired,
                "created_at": _time(artifact.created),
                "digest": artifact.digest,
                "workflow_run": {"id": self.number, "head_branch": self.ref_name, "head_sha": self.sha},
            }
            for artifact in reversed(self.artifacts)
        ]


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
