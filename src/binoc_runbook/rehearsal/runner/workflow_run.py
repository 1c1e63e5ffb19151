"""A run of the workflow file in a rehearsal, and the event that triggered it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts
from binoc_runbook.world.triggered_run import JobRun

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
class WorkflowRun:
    """One run of the workflow file; a new attempt of the same run has the same `id` and `directory`."""

    id: int
    attempt: int
    event: Event
    workflow: WorkflowFile = field(repr=False)
    directory: Path
    jobs: tuple[JobRun, ...]
    workflow_artifacts: WorkflowArtifacts = field(repr=False)

    @property
    def passed(self) -> bool:
        """Whether no job failed."""
        return not any(job.state == "failure" for job in self.jobs)
