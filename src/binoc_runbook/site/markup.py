"""Tables and text of a page: from Markdown while a page is read, from nodes once all pages are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


class MarkdownDirective(SphinxDirective):
    """A directive that is written in Markdown, as its page is."""

    def paragraph(self, text: str) -> nodes.paragraph:
        """Return a paragraph of inline Markdown."""
        inline, _ = self.parse_inline(text)
        return nodes.paragraph("", "", *inline)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str | nodes.Node]]) -> nodes.table:
        """Return a table whose cells are inline Markdown, or nodes; the first cell of each row is its head."""
        cells = [[self.paragraph(cell) if isinstance(cell, str) else cell for cell in row] for row in (head, *rows)]
        return table(cells, stub=True)


def table(rows: Sequence[Sequence[nodes.Node]], *, stub: bool = False) -> nodes.table:
    """Return a table of rows of cells; the first row is its head, and with `stub` so is the first cell of each row."""
    head, *body = rows
    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=1, stub=stub and number == 0) for number in range(len(head))]
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *(_row(row) for row in body))
    # Typographic quotes and dashes would change what a reader has to type.
    return nodes.table("", group, support_smartquotes=False)


def escape(text: str) -> str:
    """Return Markdown that shows a text as it is."""
    return _PUNCTUATION.sub(r"\\\1", text)


def code_spans(text: str) -> Iterator[nodes.Node]:
    """Parse a text in which identifiers are in backticks."""
    for index, part in enumerate(text.split("`")):
        if part:
            yield nodes.literal("", part) if index % 2 else nodes.Text(part)


def _row(cells: Sequence[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))
