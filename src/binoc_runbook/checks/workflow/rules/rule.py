"""A rule of the contract, and its violations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.finding import Place, Status
from binoc_runbook.policy import Policy

#: The place, what is wrong there, and the edit.
Violation = tuple[Place, str, str]


@dataclass(frozen=True)
class Rule:
    """One rule about the workflow: its name, why it matters, and the function that finds its violations."""

    name: str
    why: str
    violations: Callable[[WorkflowFile, Policy], Iterable[Violation]]
    status: Status = "failed"
