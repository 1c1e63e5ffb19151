"""What happened in a run of the workflow: steps, jobs and the whole, without any secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from binoc_runbook.checks.workflow.model import Workflow
from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.rehearsal.runner.artifacts import Artifacts


class Watcher(Protocol):
    """Whoever shows the jobs of a run to people while it goes on, instead of reading its lines."""

    def job_begins(self, name: str) -> None:
        """A job starts, and is going to print lines."""

    def job_ended(self, job: JobRun) -> None:
        """That job has ended, one way or another; or one that never began is listed."""


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
    """One job, or one entry of its matrix: `number` is which one, from 0.

    `reason` says why it did not run or did not pass. `outputs` are those of the job, `summary` is what its steps wrote
    into GITHUB_STEP_SUMMARY. `finding` says of a failed job what happened, what it means and what to type next.
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
    workflow: Workflow = field(repr=False)
    folder: Path
    jobs: tuple[JobRun, ...]
    artifacts: Artifacts = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no job failed."""
        return not any(job.state == "failure" for job in self.jobs)

    @property
    def findings(self) -> Findings:
        """What failed, one finding for each job."""
        return Findings(job.finding for job in self.jobs if job.finding)
