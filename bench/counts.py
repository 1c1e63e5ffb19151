"""Numbers of differences that a tool reports for two versions of a table, read from its output."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Counts:
    """The numbers of removed, added and edited rows, and of changed cells by column; None if they are not reported.

    `unit` is "line" if edited rows are counted as removed and added lines.
    """

    removed: int = 0
    added: int = 0
    edited: int | None = None
    cells: Mapping[str, int] | None = field(default_factory=dict)
    unit: str = "row"

    @classmethod
    def generated(cls, differences: Mapping[str, int]) -> Counts:
        """Return the differences that the generator made."""
        cells = dict(differences)
        removed, added, edited = (cells.pop(name, 0) for name in ("removed", "added", "edited"))
        return cls(removed, added, edited, cells)

    def difference(self, truth: Counts) -> str:
        """Return which of the reported numbers are incorrect, or an empty string."""
        edited = truth.edited or 0 if self.unit == "line" else 0
        pairs = [("removed", self.removed, truth.removed + edited), ("added", self.added, truth.added + edited)]
        if self.edited is not None:
            pairs.append(("edited", self.edited, truth.edited))
        if self.cells is not None:
            columns = sorted({*self.cells, *truth.cells})
            pairs += [(f"cells of `{name}`", self.cells.get(name, 0), truth.cells.get(name, 0)) for name in columns]
        wrong = [f"{what} {count:,}, not {right:,}" for what, count, right in pairs if count != right]
        return f"**incorrect**: {', '.join(wrong)}" if wrong else ""

    def report(self, truth: Counts) -> str:
        """Return the reported numbers, and whether they are correct."""
        words = [f"{self.removed:,} {self.unit}s removed", f"{self.added:,} added"]
        if self.edited is not None:
            words.append(f"{self.edited:,} edited")
        if self.cells is not None:
            words.append(f"{sum(self.cells.values()):,} cells changed")
        return f"{', '.join(words)}; {self.difference(truth) or 'correct'}"


@dataclass(frozen=True)
class Tool:
    """A tool with its command, the reader of its output, and what it cannot report."""

    name: str
    command: Sequence[str | Path]
    read: Callable[[str], Counts]
    missing: str


def of_binoc(output: str) -> Counts:
    """Read the JSON of `binoc diff` for one table."""
    nodes = json.loads(output)["changes"]
    facts = {fact["verb"]: fact for node in nodes for fact in _facts(node)}
    counts = {verb: fact.get("count", 0) for verb, fact in facts.items()}
    columns = facts.get("cells.changed", {}).get("by_column", [])
    cells = {entry["column"]: entry["count"] for entry in columns}
    return Counts(counts.get("rows.removed", 0), counts.get("rows.added", 0), None, cells)


def _facts(node: dict) -> list[dict]:
    return [*node.get("facts", []), *(fact for child in node.get("children", []) for fact in _facts(child))]


def of_join(output: str) -> Counts:
    """Read the counts of a join, which are JSON."""
    counts = json.loads(output)
    removed, added = counts.pop("removed"), counts.pop("added")
    return Counts(removed, added, None, {column: count for column, count in counts.items() if count})


def of_csv_diff(output: str) -> Counts:
    """Read the JSON of csv-diff."""
    changes = json.loads(output)
    edited = changes["changed"]
    cells = Counter(column for row in edited for column in row["changes"])
    return Counts(len(changes["removed"]), len(changes["added"]), len(edited), cells)


def of_published(output: str) -> Counts:
    """Read the JSON of the published version of Binoc."""
    edits = [edit for node in json.loads(output)["root"]["children"] for edit in node["details"]["edits"]]
    verbs = Counter(edit["verb"] for edit in edits)
    cells = Counter(edit["params"]["column"] for edit in edits if edit["verb"] == "tabular.edit_cell")
    return Counts(verbs["tabular.remove_row"], verbs["tabular.add_row"], None, cells)


def of_diff(output: str) -> Counts:
    """Count the lines of the output of `diff`."""
    marks = Counter(line[:1] for line in output.splitlines())
    return Counts(marks["<"], marks[">"], None, None, "line")


def of_git(output: str) -> Counts:
    """Read the last line of `git diff --stat`."""
    added, removed = (re.search(rf"(\d+) {word}", output) for word in ("insertion", "deletion"))
    return Counts(int(removed[1]) if removed else 0, int(added[1]) if added else 0, None, None, "line")


def of_sqldiff(output: str) -> Counts:
    """Count the SQL statements of `sqldiff`."""
    verbs = Counter(line.partition(" ")[0] for line in output.splitlines())
    return Counts(verbs["DELETE"], verbs["INSERT"], verbs["UPDATE"], None)
