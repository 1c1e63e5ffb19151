"""A run of the workflow and its results: steps, jobs and the whole, without any secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts


class JobListener(Protocol):
    """A listener that shows the jobs of a run while it goes on; without one, lines say when a job starts and ends."""

    def job_begins(self, name: str) -> None:
        """Show that a job starts, and is going to print lines."""

    def job_ended(self, job: JobRun) -> None:
        """Show that a job has ended, or why it does not start."""


StepState = Literal["success", "failure", "skipped"]
#: `elsewhere` is a job for another kind of host; for the jobs that need it, it counts as passed.
JobState = Literal["success", "failure", "skipped", "elsewhere"]
#: How many of a step's last lines are kept.
TAIL = 200


@dataclass(frozen=True, slots=True)
class Event:
    """What started a run: `push` or `workflow_dispatch`, the full name of the ref, its commit, and the inputs."""

    name: str
    ref: str
    sha: str
    inputs: Mapping[str, str | bool | float] = field(default_factory=dict)

    @property
    def is_tag(self) -> bool:
        """Whether it is about a tag, and not about a branch."""
        return self.ref.startswith("refs/tags/")

    @property
    def ref_name(self) -> str:
        """The short name of the ref."""
        return self.ref.removeprefix("refs/tags/").removeprefix("refs/heads/")


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


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One run of the workflow file; a new attempt of the same run has the same `id` and `folder`."""

    id: int
    attempt: int
    event: Event
    workflow: WorkflowFile = field(repr=False)
    folder: Path
    jobs: tuple[JobRun, ...]
    workflow_artifacts: WorkflowArtifacts = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no job failed."""
        return not any(job.state == "failure" for job in self.jobs)

    @property
    def findings(self) -> Findings:
        """What failed, one finding for each job."""
        return Findings(job.finding for job in self.jobs if job.finding)
