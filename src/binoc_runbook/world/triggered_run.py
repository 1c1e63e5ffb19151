"""The run of the publish workflow that a pushed tag triggers: its jobs, and the published files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from binoc_runbook.checks.observations import GitHubRun
from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import Artifact
from binoc_runbook.version import Version

StepState = Literal["success", "failure", "skipped"]
#: `elsewhere` is a job for another platform; it counts as passed for the jobs that need it.
JobState = Literal["success", "failure", "skipped", "elsewhere"]


class JobListener(Protocol):
    """A listener that shows the jobs of a run while it is in progress."""

    def jobs_planned(self, total: int) -> None:
        """Show how many jobs there are; skipped jobs of a matrix count as one when they end."""

    def job_begins(self, name: str) -> None:
        """Show that a job starts."""

    def job_ended(self, job: JobRun) -> None:
        """Show that a job has ended, or why it does not start."""


class TriggerListener(JobListener, Protocol):
    """A listener that also shows the output of jobs."""

    def line(self, text: str) -> None:
        """Show a line of the job that started last."""

    def note(self, words: str) -> None:
        """Show one line that is not the output of a job."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step: exit code (None if no command ran), duration in seconds, and last lines of its output."""

    name: str
    place: Place
    state: StepState
    code: int | None = None
    seconds: float = 0.0
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRun:
    """The result of one job, or of one entry of its matrix: `number` is the index of the entry.

    `reason` is why it did not run or failed. `outputs` are the outputs of the job, `summary` is what its steps wrote to
    GITHUB_STEP_SUMMARY. `finding` describes the failure of a job, its cause and the fix.
    """

    id: str
    name: str
    number: int
    state: JobState
    reason: str = ""
    seconds: float = 0.0
    steps: tuple[StepRun, ...] = ()
    environment: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""
    finding: Finding | None = None

    @property
    def passed(self) -> bool:
        """Return whether the jobs that need this one can run."""
        return self.state in ("success", "elsewhere")

    def to_json(self) -> dict[str, Any]:
        """Return the job for a record, without its output."""
        return {
            "name": self.name,
            "state": self.state,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            "finding": self.finding.to_json() if self.finding else None,
        }


#: A function with the number of an attempt and its jobs as arguments.
OnAttempt = Callable[[int, Sequence[JobRun]], None]


@dataclass(frozen=True, slots=True)
class PublishedArtifact:
    """The published files of one artifact by name, with their SHA-256 digests."""

    artifact: Artifact
    digests: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the artifact for a record."""
        return {"artifact": self.artifact.name, "registry": self.artifact.registry, "files": self.digests}


@dataclass(frozen=True, slots=True)
class PushedTag:
    """The tag of `version` on the remote, which points to `commit`.

    `is_new` says that this run has pushed it, so that its workflow may start later. With `wait` the workflow is
    followed until it has ended.
    """

    version: Version
    commit: str
    is_new: bool = True
    wait: bool = False


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """The result of a triggered workflow.

    A rehearsal runs the workflow itself: it has published artifacts, missing artifacts, and failed jobs. A failed job
    is only a warning if all artifacts that it publishes are published. In the real world GitHub runs the workflow:
    `state` is the finding about its run. `observed` is the run in the API of GitHub, or of the rehearsed GitHub.
    """

    published: tuple[PublishedArtifact, ...] = ()
    missing: Findings = field(default_factory=Findings)
    failed_jobs: Findings = field(default_factory=Findings)
    state: Findings = field(default_factory=Findings)
    observed: GitHubRun | None = None
