"""What a pushed tag triggers: the jobs of the publish workflow, and what the registries have afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import Artifact

StepState = Literal["success", "failure", "skipped"]
#: `elsewhere` is a job for another kind of host; for the jobs that need it, it counts as passed.
JobState = Literal["success", "failure", "skipped", "elsewhere"]


class JobListener(Protocol):
    """A listener that shows the jobs of a run while it goes on; without one, lines say when a job starts and ends."""

    def job_begins(self, name: str) -> None:
        """Show that a job starts, and is going to print lines."""

    def job_ended(self, job: JobRun) -> None:
        """Show that a job has ended, or why it does not start."""


class TriggerListener(JobListener, Protocol):
    """A listener that also shows the lines that jobs print."""

    def line(self, text: str) -> None:
        """Show a line of the job that began last."""

    def says(self, words: str) -> None:
        """Show one line by itself."""


@dataclass(frozen=True, slots=True)
class StepRun:
    """One step: its exit code (None where no command ran), the seconds it took, and the last lines it printed."""

    name: str
    place: Place
    state: StepState
    code: int | None = None
    seconds: float = 0.0
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRun:
    """The result of one job, or of one entry of its matrix: `number` is the index of the entry.

    `reason` is why it did not run or did not pass. `outputs` are those of the job, `summary` is what its steps wrote
    into GITHUB_STEP_SUMMARY. `finding` is what happened in a failed job, what it means and what to type next.

    It has more than eight fields because it is all that records, pages and later jobs can read of a job.
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
        """Whether the jobs that need this one may go on."""
        return self.state in ("success", "elsewhere")

    def to_json(self) -> dict[str, Any]:
        """The job as a record holds it; what it printed is not part of it."""
        return {
            "name": self.name,
            "state": self.state,
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
            "finding": self.finding.to_json() if self.finding else None,
        }


#: A function of an attempt's number and of the jobs that ran in it.
OnAttempt = Callable[[int, Sequence[JobRun]], None]


@dataclass(frozen=True, slots=True)
class PublishedArtifact:
    """The files of one artifact that its registry has, by name, each with its SHA-256 digest."""

    artifact: Artifact
    digests: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the artifact as a record holds it."""
        return {"artifact": self.artifact.name, "registry": self.artifact.registry, "files": self.digests}


@dataclass(frozen=True, slots=True)
class TriggeredRun:
    """The end of a triggered workflow: what is published, which artifacts are missing, and which jobs failed.

    A failed job is only a warning where everything that it publishes is published.
    """

    published: tuple[PublishedArtifact, ...]
    missing: Findings
    failed_jobs: Findings
