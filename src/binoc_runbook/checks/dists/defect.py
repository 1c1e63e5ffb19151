"""A defect of a dist, before it is a finding."""

from __future__ import annotations

from typing import Literal, NamedTuple

from binoc_runbook.finding import Finding

CHECK = "dists"


class Defect(NamedTuple):
    """What is wrong with a file, or why that is unknown, and what to do about it."""

    saw: str
    remedy: str = "just dist"
    status: Literal["failed", "unknown"] = "failed"

    def finding(self, looked_at: str) -> Finding:
        """Return the defect as a finding about a file."""
        return Finding(CHECK, self.status, looked_at, self.saw, self.remedy)
