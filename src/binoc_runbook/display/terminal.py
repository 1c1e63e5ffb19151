"""Findings and lines in a terminal: coloured and folded where a person looks, plain where a file or a pipe does.

Where there is a terminal, rich decides by what it finds there: `NO_COLOR`, the width, the colours it has. Elsewhere
nothing is folded, because a program or a grep is going to read it, and rich is not even loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from binoc_runbook.finding import SIGN, Finding, Findings, Status

if TYPE_CHECKING:
    from rich.console import Console

_Show = Callable[[Finding, bool], None]

_STYLE: dict[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "unknown": "magenta"}


def show_findings(stream: TextIO, findings: Findings) -> None:
    """Show findings below the name of their check, in the order they came, each with its remedy."""
    show = _in_colour(stream) if stream.isatty() else _plainly(stream)
    check = None
    for finding in findings:
        show(finding, finding.check != check)
        check = finding.check


def show_table(stream: TextIO, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show a table, in columns for a person and separated by tabs for a program."""
    if not stream.isatty():
        for row in rows:
            print(*row, sep="\t", file=stream)
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # a name that is cut off cannot be looked for
    for row in rows:
        table.add_row(*row)
    _console(stream).print(table)


def show_lines(stream: TextIO, lines: Iterable[str]) -> None:
    """Show lines as they are."""
    for line in lines:
        print(line, file=stream)


def _plainly(stream: TextIO) -> _Show:
    def show(finding: Finding, begins: bool) -> None:
        if begins:
            print(finding.check, file=stream)
        print(f"  {SIGN[finding.status]} {finding.status}  {finding.looked_at}: {finding.saw}", file=stream)
        if finding.remedy:
            print(f"      → {finding.remedy}", file=stream)

    return show


def _in_colour(stream: TextIO) -> _Show:
    from rich.padding import Padding
    from rich.text import Text

    console = _console(stream)

    def show(finding: Finding, begins: bool) -> None:
        if begins:
            console.print(Text(finding.check, style="bold"))
        status = (f"{SIGN[finding.status]} {finding.status}", _STYLE[finding.status])
        said = Text.assemble(status, "  ", (finding.looked_at, "cyan"), ": ", finding.saw)
        console.print(Padding.indent(said, 2))
        if finding.remedy:
            console.print(Padding.indent(Text.assemble("→ ", (finding.remedy, "bold")), 6))

    return show


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    return Console(file=stream, highlight=False, markup=False)
