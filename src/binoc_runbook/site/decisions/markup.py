"""Pieces of a page that are made of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes

from binoc_runbook.site import tables


def prose(text: str) -> Iterator[Any]:
    """Text in which identifiers stand in backticks."""
    for index, part in enumerate(text.split("`")):
        if part:
            yield nodes.literal("", part) if index % 2 else nodes.Text(part)


def table(id_: str, caption: str, head: list[str], rows: Any) -> Any:
    """A table that can be linked to, with a caption and a head; its cells are inline."""
    cells = [[nodes.Text(name) for name in head], *rows]
    made = tables.table([[nodes.paragraph("", "", cell) for cell in row] for row in cells], stub=False)
    made.insert(0, nodes.title("", caption))
    made["ids"].append(id_)
    made["classes"].append("decided-table")
    return made
