"""Findings, which are the results of checks, and the exception that contains them.

An expected outcome is a finding, never an exception or a boolean. A check has the result yes (`ok`, or `warning` if the
user should read it), no (`failed`) or `unknown`, if it could not run. Unknown does not mean no, and nothing public
happens because of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "warning", "failed", "unknown"]

#: All statuses, worst first. The status of several findings is the worst of them.
SEVERITY: tuple[Status, ...] = ("failed", "unknown", "warning", "ok")

#: The sign of each status, which is shown in front of its name.
SIGN: dict[Status, str] = {"ok": "✓", "warning": "!", "failed": "✗", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file of the checkout, shown as `path:line`.

    `path` is relative to the root, with forward slashes on all systems. `line` starts at 1. A place without a line is
    the whole file.
    """

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of one check.

    `check` is the name of the check. `looked_at` is the file and line (`path:line`) or the command that ran, `saw` what
    the check observed, and `remedy` a command or edit that fixes it, or an empty text if there is nothing to do.
    """

    check: str
    status: Status
    looked_at: str
    saw: str
    remedy: str = ""

    @classmethod
    def ok(cls, check: str, looked_at: object, saw: str) -> Finding:
        """Create a finding for a check that passed."""
        return cls(check, "ok", str(looked_at), saw)

    @classmethod
    def warning(cls, check: str, looked_at: object, saw: str, remedy: str = "") -> Finding:
        """Create a finding for a check that passed, with information for the user."""
        return cls(check, "warning", str(looked_at), saw, remedy)

    @classmethod
    def failed(cls, check: str, looked_at: object, saw: str, remedy: str) -> Finding:
        """Create a finding for a check that failed."""
        return cls(check, "failed", str(looked_at), saw, remedy)

    @classmethod
    def unknown(cls, check: str, looked_at: object, saw: str, remedy: str) -> Finding:
        """Create a finding for a check that could not run."""
        return cls(check, "unknown", str(looked_at), saw, remedy)

    def to_json(self) -> dict[str, str]:
        """Return the JSON object for `check --json` and records."""
        return asdict(self)

    def __str__(self) -> str:
        remedy = f"\n    → {self.remedy}" if self.remedy else ""
        return f"{SIGN[self.status]} {self.status}: {self.check}: {self.looked_at}: {self.saw}{remedy}"


class Findings(tuple[Finding, ...]):
    """Findings in the order of their creation, which can be shown as text, Markdown and JSON."""

    __slots__ = ()

    @classmethod
    def from_json(cls, items: Iterable[Mapping[str, Any]]) -> Findings:
        """Return the findings of a record; each item has the keys of `Finding.to_json`."""
        return cls(Finding(**item) for item in items)

    def __add__(self, other: Iterable[Finding]) -> Findings:  # type: ignore[override]
        return Findings((*self, *other))

    @property
    def status(self) -> Status:
        """Return the worst status of these findings; `ok` if there are none."""
        present = {finding.status for finding in self}
        return next((status for status in SEVERITY if status in present), "ok")

    def having(self, *statuses: Status) -> Findings:
        """Return the findings with one of the given statuses."""
        return Findings(finding for finding in self if finding.status in statuses)

    def to_json(self) -> list[dict[str, str]]:
        """Return the findings as a list of JSON objects."""
        return [finding.to_json() for finding in self]

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_markdown_(self) -> str:
        """Return the findings as a Markdown list for notebooks and MyST-NB."""
        return "\n".join(_markdown_item(finding) for finding in self)


def _markdown_item(finding: Finding) -> str:
    remedy = f"  \n  → {finding.remedy}" if finding.remedy else ""
    return f"- **{SIGN[finding.status]} {finding.status}** {finding.looked_at}: {finding.saw}{remedy}"


class RefusedError(Exception):
    """A refused command or run: `headline` is what was refused and its consequence, `findings` are the reasons.

    `after` is what to type next, or the state after the refusal.
    """

    def __init__(self, headline: str, findings: Findings | list[Finding], after: str = "") -> None:
        super().__init__(headline)
        self.headline = headline
        self.findings = Findings(findings)
        self.after = after

    def __str__(self) -> str:
        return "\n".join(part for part in (self.headline, str(self.findings), self.after) if part)

    def _render_traceback_(self) -> list[str]:
        # IPython shows this instead of a traceback, which does not help users.
        return str(self).splitlines()


class InterruptedRunError(RefusedError):
    """A run that Ctrl-C or another stop signal has ended; the exit code is 130 instead of 1."""
