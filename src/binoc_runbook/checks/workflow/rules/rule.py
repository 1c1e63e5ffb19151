"""Rule of the contract, and its violations."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.finding import Place, Status
from binoc_runbook.policy import Policy

#: The place, the problem, and the edit.
Violation = tuple[Place, str, str]


@dataclass(frozen=True)
class Rule:
    """Rule about the workflow: its name, and the function that finds violations; its docstring is the reason."""

    name: str
    violations: Callable[[WorkflowFile, Policy], Iterable[Violation]]
    status: Status = "failed"

    @property
    def why(self) -> str:
        """Return the reason for the rule, as the end of a sentence: the first paragraph of the function's docstring."""
        reason = " ".join((self.violations.__doc__ or "").partition("\n\n")[0].split()).rstrip(".")
        has_own_capitals = reason.partition(" ")[0][1:].lower() != reason.partition(" ")[0][1:]
        return reason if has_own_capitals else reason[:1].lower() + reason[1:]
