"""Pieces of a page that are made of nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from docutils import nodes


def append(section: Any, added: list[Any]) -> None:
    """Add to the end of a chapter itself, before the chapters in it."""
    first = next((index for index, child in enumerate(section) if isinstance(child, nodes.section)), len(section))
    section.insert(first, added)


def prose(text: str) -> Iterator[Any]:
    """Text in which identifiers stand in backticks."""
    for index, part in enumerate(text.split("`")):
        if part:
            yield nodes.literal("", part) if index % 2 else nodes.Text(part)


def table(id_: str, caption: str, head: list[str], rows: Any) -> Any:
    """A table that can be linked to, with a caption and a head."""
    made = nodes.table("", nodes.title("", caption), classes=["decided-table"], ids=[id_])
    group = nodes.tgroup(cols=len(head))
    group += [nodes.colspec(colwidth=1) for _ in head]
    group += nodes.thead("", _cells([nodes.Text(name) for name in head]))
    body = nodes.tbody()
    body += [_cells(row) for row in rows]
    group += body
    made += group
    return made


def _cells(cells: list[Any]) -> Any:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells))
