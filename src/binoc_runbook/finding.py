"""Findings: what a check looked at, what it saw, and what to do about it; and the exception that carries them.

An expected outcome is a value, never an exception and never a bare boolean: a question has the answers yes (`ok`,
or `warning` when a person should read on), no (`failed`) and *could not ask* (`unknown`). Unknown never means no, and
nothing public is done on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

Status = Literal["ok", "warning", "failed", "unknown"]

#: Worst first: the status of several findings together is the first of these that one of them has.
SEVERITY: tuple[Status, ...] = ("failed", "unknown", "warning", "ok")

#: The sign that stands for a status wherever there is no room for the word; the word is always beside it.
SIGN: dict[Status, str] = {"ok": "✓", "warning": "!", "failed": "✗", "unknown": "?"}


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file of the checkout, spelt `path:line`.

    `path` is relative to the root with forward slashes on every system; `line` counts from 1. A place without a line
    means the file as a whole.
    """

    path: str
    line: int | None = None

    def __str__(self) -> str:
        return self.path if self.line is None else f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one check, with its evidence.

    `check` is the name of the check. `looked_at` is the file and line (`path:line`) or the question that was asked,
    `saw` what was found there, `remedy` one command or one edit that helps; it is empty only when nothing is needed.
    """

    check: str
    status: Status
    looked_at: str
    saw: str
    remedy: str = ""

    @classmethod
    def ok(cls, check: str, looked_at: object, saw: str) -> Finding:
        """The promise holds."""
        return cls(check, "ok", str(looked_at), saw)

    @classmethod
    def warning(cls, check: str, looked_at: object, saw: str, remedy: str = "") -> Finding:
        """The promise holds, and a person should know something about it."""
        return cls(check, "warning", str(looked_at), saw, remedy)

    @classmethod
    def failed(cls, check: str, looked_at: object, saw: str, remedy: str) -> Finding:
        """The promise does not hold."""
        return cls(check, "failed", str(looked_at), saw, remedy)

    @classmethod
    def unknown(cls, check: str, looked_at: object, saw: str, remedy: str) -> Finding:
        """The question could not be asked."""
        return cls(check, "unknown", str(looked_at), saw, remedy)

    def to_json(self) -> dict[str, str]:
        """The finding as the object that `check --json` and the records hold."""
        return asdict(self)

    def __str__(self) -> str:
        remedy = f"\n    → {self.remedy}" if self.remedy else ""
        return f"{SIGN[self.status]} {self.status}: {self.check}: {self.looked_at}: {self.saw}{remedy}"


class Findings(tuple[Finding, ...]):
    """Findings in the order in which they were made; they render themselves as text, Markdown and JSON."""

    __slots__ = ()

    def __add__(self, other: Iterable[Finding]) -> Findings:  # type: ignore[override]
        return Findings((*self, *other))

    @property
    def status(self) -> Status:
        """The worst status among them; `ok` when there is none."""
        present = {finding.status for finding in self}
        return next((status for status in SEVERITY if status in present), "ok")

    def having(self, *statuses: Status) -> Findings:
        """Those that have one of the given statuses."""
        return Findings(finding for finding in self if finding.status in statuses)

    def to_json(self) -> list[dict[str, str]]:
        """The findings as a list of JSON objects."""
        return [finding.to_json() for finding in self]

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_markdown_(self) -> str:
        """The findings as a Markdown list, which a notebook and MyST-NB show."""
        return "\n".join(_markdown_item(finding) for finding in self)


def _markdown_item(finding: Finding) -> str:
    remedy = f"  \n  → {finding.remedy}" if finding.remedy else ""
    return f"- **{SIGN[finding.status]} {finding.status}** {finding.looked_at}: {finding.saw}{remedy}"


class RefusedError(Exception):
    """A refused run: `headline` says what was refused and what that means, `findings` are the reasons.

    `after` is what to type next, or what state things are left in.
    """

    def __init__(self, headline: str, findings: Findings | list[Finding], after: str = "") -> None:
        super().__init__(headline)
        self.headline = headline
        self.findings = Findings(findings)
        self.after = after

    def __str__(self) -> str:
        return "\n".join(part for part in (self.headline, str(self.findings), self.after) if part)

    def _render_traceback_(self) -> list[str]:
        # IPython shows this instead of a traceback: where in the library a refusal was raised helps nobody.
        return str(self).splitlines()
