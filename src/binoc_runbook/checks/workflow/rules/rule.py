"""What a rule is, and what it finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from binoc_runbook.checks.workflow.model import Workflow
from binoc_runbook.finding import Place, Status
from binoc_runbook.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: Where, what is there, and the edit.
Fault = tuple[Place, str, str]


@dataclass(frozen=True)
class Rule:
    """One promise about the workflow: its name, why it matters, and the question that finds what breaks it."""

    name: str
    why: str
    faults: Callable[[Workflow, Policy], Iterable[Fault]]
    status: Status = "failed"
