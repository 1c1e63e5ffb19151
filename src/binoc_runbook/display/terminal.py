"""Findings and stages in a terminal: coloured where a person looks, plain where a file or a pipe does.

rich decides by what it is given: `NO_COLOR`, the width of the terminal, and whether there is one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.text import Text

from binoc_runbook.finding import SIGN, Findings, Status

_STYLE: dict[Status, str] = {"ok": "green", "warning": "yellow", "failed": "bold red", "unknown": "magenta"}


def results() -> Console:
    """Where results go: standard output, never wrapped when it is not a terminal."""
    return _console(stderr=False)


def progress() -> Console:
    """Where talk goes: standard error."""
    return _console(stderr=True)


def show_findings(console: Console, findings: Findings) -> None:
    """Show findings, grouped by check in the order they came, the remedy below each."""
    check = None
    for finding in findings:
        if finding.check != check:
            check = finding.check
            console.print(Text(check, style="bold"))
        head = Text.assemble(
            (f"{SIGN[finding.status]} {finding.status}", _STYLE[finding.status]),
            "  ",
            (finding.looked_at, "cyan"),
            ": ",
        )
        _indented(console, 2, head.append(finding.saw))
        if finding.remedy:
            _indented(console, 6, Text.assemble("→ ", (finding.remedy, "bold")))


def show_lines(console: Console, lines: Iterable[str]) -> None:
    """Show lines as they are."""
    for line in lines:
        console.print(Text(line), soft_wrap=True)


def _indented(console: Console, by: int, text: Text) -> None:
    """Print a text whose every line is indented; folded only where there is a terminal to fold it for."""
    width = console.width - by if console.is_terminal else 10_000
    for line in text.wrap(console, width):
        line.rstrip()
        console.print(Text(" " * by).append_text(line), soft_wrap=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    # Without a terminal rich assumes 80 columns, and a table would fold what a program or a grep is going to read.
    width = None if stream.isatty() else 300
    return Console(file=stream, width=width, highlight=False, markup=False)
