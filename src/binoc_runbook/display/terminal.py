"""Output of findings, tables and lines: colours and wrapping in a terminal, plain text in a file or a pipe.

In a terminal, rich follows `NO_COLOR`, the width and the supported colours. Elsewhere lines are not wrapped, so that
programs can read them, and rich is not loaded. Secrets are masked before a text is wrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from binoc_runbook.finding import SIGN, Finding, Findings, Status
from binoc_runbook.redaction import mask

if TYPE_CHECKING:
    from rich.console import Console

_Show = Callable[[Finding, bool], None]

_STYLE: dict[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "unknown": "magenta"}


def show_findings(stream: TextIO, findings: Findings) -> None:
    """Print findings below the name of their check, in the given order, with their remedies."""
    show = _colour_printer(stream) if stream.isatty() else _plain_printer(stream)
    check = None
    for finding in findings:
        show(finding, finding.check != check)
        check = finding.check


def show_table(stream: TextIO, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: in columns in a terminal, separated by tabs elsewhere."""
    if not stream.isatty():
        for row in rows:
            print(*map(mask, row), sep="\t", file=stream)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # a truncated name cannot be searched for
    for row in rows:
        table.add_row(*map(mask, row))
    _console(stream).print(table)


def show_lines(stream: TextIO, lines: Iterable[str]) -> None:
    """Print lines unchanged, except for secrets."""
    for line in lines:
        print(mask(line), file=stream)


def _plain_printer(stream: TextIO) -> _Show:
    def show(finding: Finding, with_heading: bool) -> None:
        if with_heading:
            print(finding.check, file=stream)
        print(mask(f"  {SIGN[finding.status]} {finding.status}  {finding.looked_at}: {finding.saw}"), file=stream)
        if finding.remedy:
            print(f"      → {mask(finding.remedy)}", file=stream)

    return show


def _colour_printer(stream: TextIO) -> _Show:
    from rich.padding import Padding
    from rich.text import Text

    console = _console(stream)

    def show(finding: Finding, with_heading: bool) -> None:
        if with_heading:
            console.print(Text(finding.check, style="bold"))
        status = (f"{SIGN[finding.status]} {finding.status}", _STYLE[finding.status])
        line = Text.assemble(status, "  ", (mask(finding.looked_at), "cyan"), ": ", mask(finding.saw))
        console.print(Padding.indent(line, 2))
        if finding.remedy:
            console.print(Padding.indent(Text.assemble("→ ", (mask(finding.remedy), "bold")), 6))

    return show


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False)
