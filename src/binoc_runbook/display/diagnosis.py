"""The state of a release as a table of places and artifacts, with the evidence."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.release_state import PLACES, Diagnosis
from binoc_runbook.finding import SIGN

_SIGN = {"yes": SIGN["ok"], "no": SIGN["failed"], "unknown": SIGN["unknown"]}


def headings(diagnosis: Diagnosis) -> list[str]:
    """Return the headings of the table: the place, the artifacts, and the evidence."""
    return ["place", *diagnosis.cells, "evidence"]


def rows(diagnosis: Diagnosis) -> Iterator[list[str]]:
    """Yield one row for each place; evidence that is the same for all artifacts is shown once."""
    for place in PLACES:
        cells = {name: row[place] for name, row in diagnosis.cells.items()}
        evidence = dict.fromkeys(cell.evidence for cell in cells.values())
        shown = "; ".join(
            evidence if len(evidence) == 1 else (f"{name}: {cell.evidence}" for name, cell in cells.items())
        )
        yield [place, *(f"{_SIGN[cell.answer]} {cell.answer}" for cell in cells.values()), shown]


def conclusion(diagnosis: Diagnosis) -> list[str]:
    """Return the state and the next command."""
    lines = [f"state: {diagnosis.state.name}: {diagnosis.state.meaning}"]
    return [*lines, f"next: {diagnosis.command}" if diagnosis.command else "next: nothing to do"]
