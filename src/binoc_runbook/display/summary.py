"""Summary of a run: what happened, where it is now, the next commands, and the paths of the report and the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from binoc_runbook.finding import SIGN, Findings, Status


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of a run: a title of a few words, sentences, and labelled values such as the next command."""

    title: str
    status: Status
    sentences: tuple[str, ...]
    rows: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_refusal(cls, text: str, shown: Findings, *, title: str = "Refused") -> Summary:
        """Create the summary of a refusal from its text, without the findings that were already shown."""
        for finding in shown:
            text = text.replace(str(finding), "")
        return cls(title, "failed", tuple(line for line in text.splitlines() if line.strip()))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Summary:
        """Create a summary from the object that `to_json` returns."""
        rows = tuple((str(label), str(text)) for label, text in value["rows"])
        return cls(value["title"], value["status"], tuple(value["sentences"]), rows)

    def to_json(self) -> dict[str, Any]:
        """Return the summary as a JSON object."""
        value = asdict(self)
        return {**value, "sentences": list(self.sentences), "rows": [list(row) for row in self.rows]}

    def with_rows(self, *rows: tuple[str, str]) -> Summary:
        """Return the summary with more labelled values at its end."""
        return replace(self, rows=(*self.rows, *rows))

    def lines(self) -> Iterator[str]:
        """Return the summary as plain lines."""
        for number, sentence in enumerate(self.sentences):
            yield f"  {sentence}" if number else f"{SIGN[self.status]} {sentence}"
        for label, text in self.rows:
            yield f"  {label}: {text}"
