"""A run of the workflow file in a rehearsal, and the event that triggered it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts
from binoc_runbook.world.triggered_run import JobRun

#: The number of lines that are kept from the end of the output of a step.
TAIL = 200


@dataclass(frozen=True, slots=True)
class Event:
    """The event that triggered a run: `push` or `workflow_dispatch`, the full ref name, its commit, and the inputs."""

    name: str
    ref: str
    sha: str
    inputs: Mapping[str, str | bool | float] = field(default_factory=dict)

    @property
    def is_tag(self) -> bool:
        """Whether the ref is a tag, not a branch."""
        return self.ref.startswith("refs/tags/")

    @property
    def ref_name(self) -> str:
        """The short name of the ref."""
        return self.ref.removeprefix("refs/tags/").removeprefix("refs/heads/")


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """One attempt of a run of the workflow file; all attempts of a run have the same `id` and `directory`."""

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
