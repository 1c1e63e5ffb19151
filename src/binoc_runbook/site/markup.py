"""Tables and text of pages: from Markdown while a page is read, from nodes after all pages are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


class MarkdownDirective(SphinxDirective):
    """Directive whose content is Markdown, like its page."""

    def paragraph(self, text: str) -> nodes.paragraph:
        """Return a paragraph of inline Markdown."""
        inline, _ = self.parse_inline(text)
        return nodes.paragraph("", "", *inline)

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str | nodes.Node]]) -> nodes.table:
        """Return a table; cells are inline Markdown or nodes, and the first cell of each row is its header."""
        cells = [[self.paragraph(cell) if isinstance(cell, str) else cell for cell in row] for row in (head, *rows)]
        return table(cells, stub=True)


def table(rows: Sequence[Sequence[nodes.Node]], *, stub: bool = False) -> nodes.table:
    """Return a table; the first row is its header, and with `stub` the first cell of each row is a header, too."""
    head, *body = rows
    group = nodes.tgroup("", cols=len(head))
    group += [nodes.colspec(colwidth=1, stub=stub and number == 0) for number in range(len(head))]
    group += nodes.thead("", _row(head))
    group += nodes.tbody("", *(_row(row) for row in body))
    # Typographic quotes and dashes would change text that readers copy.
    return nodes.table("", group, support_smartquotes=False)


def escape(text: str) -> str:
    """Return Markdown that displays a text literally."""
    return _PUNCTUATION.sub(r"\\\1", text)


def code_spans(text: str) -> Iterator[nodes.Node]:
    """Return the nodes of a text with identifiers in backticks."""
    for index, part in enumerate(text.split("`")):
        if part:
            yield nodes.literal("", part) if index % 2 else nodes.Text(part)


def _row(cells: Sequence[nodes.Node]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", cell) for cell in cells))
