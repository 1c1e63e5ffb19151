"""Tables as Sphinx writes them."""

from __future__ import annotations

from collections.abc import Sequence

from docutils import nodes


def table(rows: Sequence[Sequence[nodes.Node]], *, stub: bool = True) -> nodes.table:
    """A table of rows of cells: the first row is its head, and with `stub` so is the first cell of each row."""
    head, *body = rows
    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=1, stub=stub and number == 0) for number in range(len(head))]
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *(_row(row) for row in body))
    # Typeset, the quotes and dashes of what is to be typed could not be typed.
    return nodes.table("", group, support_smartquotes=False)


def paragraph(words: str) -> nodes.paragraph:
    """Words as they are."""
    return nodes.paragraph(words, words)


def _row(cells: Sequence[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))
