"""Output of findings, tables, plans and summaries: one layout and one set of colours for all commands.

A terminal gets lines that fit its width. Elsewhere lines are not wrapped, so that programs can read them, and rich is
loaded only if FORCE_COLOR is set. Green is ok, red is failed, yellow is a warning or unknown, dim is what has not run,
and names are bold. NO_COLOR and TERM=dumb are respected. Secrets are masked before a text is wrapped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from binoc_runbook.display.summary import Summary
from binoc_runbook.environ import verbosity
from binoc_runbook.finding import SIGN, Finding, Findings, RefusedError
from binoc_runbook.redaction import mask

if TYPE_CHECKING:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from binoc_runbook.stages import Target

_STYLE = {SIGN["ok"]: "green", SIGN["failed"]: "red", SIGN["warning"]: "yellow", SIGN["unknown"]: "yellow"}

_SIGNS = re.compile(rf"^\s*([{re.escape(''.join(_STYLE))}])(?=\s)")

#: The width of the column of names, and the largest width of a line and of a panel.
_NAMES, WIDTH = 12, 110


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal on which lines can be redrawn."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def has_color(stream: TextIO) -> bool:
    """Return whether colours are printed: NO_COLOR disables them, FORCE_COLOR enables them everywhere."""
    return not os.environ.get("NO_COLOR") and (bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream))


def console(stream: TextIO) -> Console:
    """Return the console of rich for a terminal, or for a stream with colours."""
    from rich.console import Console

    return Console(
        file=stream,
        force_terminal=True,
        color_system="standard",
        no_color=not has_color(stream),
        highlight=False,
        markup=False,
        emoji=False,
    )


def show_findings(stream: TextIO, findings: Findings) -> None:
    """Print findings below the name of their check, in the given order, with their remedies.

    On a terminal, each check is one line. Findings that are ok are shown only with `-v`.
    """
    checks = [(check, Findings(group)) for check, group in groupby(findings, lambda finding: finding.check)]
    if not is_terminal(stream):
        for check, group in checks:
            shown = group if verbosity() >= 0 else group.having("failed", "unknown", "warning")
            show_lines(stream, [check, *(line for finding in shown for line in _plain(finding))] if shown else ())
        return
    from binoc_runbook.display.text import outcome

    output = console(stream)
    for check, group in checks:
        if verbosity() < 0 and group.status == "ok":
            continue
        output.print(row(SIGN[group.status], check, outcome(group), width=output.width))
        show_details(output, group if verbosity() > 0 else group.having("failed", "unknown", "warning"))


def show_details(output: Console, findings: Iterable[Finding]) -> None:
    """Print findings on a terminal; a remedy is printed once for findings in sequence.

    It is not wrapped, so that it can be copied.
    """
    from rich.table import Table
    from rich.text import Text

    for remedy, group in groupby(findings, lambda finding: finding.remedy):
        for finding in group:
            sign = SIGN[finding.status]
            line = Table.grid(padding=(0, 1))
            line.add_row("    ", Text(sign, _STYLE[sign]), Text(mask(f"{finding.looked_at}: {finding.saw}")))
            output.print(line)
        if remedy:
            output.print(Text(f"        → {mask(remedy)}"), soft_wrap=True)


def row(sign: str | Text, name: str, words: str, seconds: float | None = None, *, width: int, style: str = "") -> Table:
    """Return one line with a sign, a name, a few words, and a duration in seconds; words that do not fit are cut."""
    from rich.table import Table
    from rich.text import Text

    line = Table.grid(padding=(0, 1), expand=False)
    line.width = min(width, WIDTH)
    for minimum in (1, 1, _NAMES):
        line.add_column(no_wrap=True, min_width=minimum, overflow="ellipsis")
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True, min_width=7)
    shown = Text(sign, style=_STYLE.get(sign, style)) if isinstance(sign, str) else sign
    duration = "" if seconds is None else short_duration(seconds)
    line.add_row("", shown, Text(mask(name), style=style or "bold"), Text(mask(words), style=style), duration)
    return line


def boundary(words: str = " point of no return ") -> str:
    """Return the line between local and public stages."""
    return f"  {words:─^52}"


def short_duration(seconds: float) -> str:
    """Return a duration such as `0.1 s` or `1:12`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def show_summary(stream: TextIO, summary: Summary) -> None:
    """Print the end of a run: a panel on a terminal, lines elsewhere."""
    if is_terminal(stream):
        output = console(stream)
        output.print()
        output.print(_panel(summary, output.width))
    else:
        show_lines(stream, summary.lines())


def show_refusal(stream: TextIO, refused: RefusedError) -> None:
    """Print the refusal of a command: the reasons and, on a terminal, a panel with the consequence."""
    if not is_terminal(stream):
        show_lines(stream, str(refused).splitlines())
        return
    show_details(console(stream), refused.findings)
    show_summary(stream, Summary.of_refusal(str(refused), refused.findings))


def _panel(summary: Summary, width: int) -> Panel:
    from rich.console import Group
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    values = Table.grid(padding=(0, 2))
    for label, text in summary.rows:
        values.add_row(Text(mask(label), style="bold"), Text(mask(text), overflow="fold"))
    parts: list[Text | Table] = [painted(mask(sentence)) for sentence in summary.sentences]
    if summary.rows:
        parts += [Text(), values]
    style = _STYLE[SIGN[summary.status]]
    title = Text.assemble((SIGN[summary.status], style), " ", (mask(summary.title), "bold"))
    return Panel(Group(*parts), title=title, title_align="left", width=min(width, WIDTH), padding=(0, 1))


def show_table(stream: TextIO, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: in columns in a terminal, separated by tabs elsewhere."""
    if not is_terminal(stream):
        show_lines(stream, ("\t".join(cells) for cells in rows))
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")  # a truncated name cannot be searched for
    for cells in rows:
        table.add_row(*(painted(mask(cell)) for cell in cells))
    console(stream).print(table)


def show_plan(stream: TextIO, target: Target) -> None:
    """Print the stages in order, with the commands of each."""
    from binoc_runbook.display import text

    if not is_terminal(stream):
        show_lines(stream, text.plan(target))
        return
    from rich.text import Text

    from binoc_runbook.stages import ACTION_STAGES, STAGES

    output = console(stream)
    for stage in STAGES:
        if stage is ACTION_STAGES[0]:
            output.print(Text(boundary()))
        output.print(row("", stage.name, stage.sentence, width=output.width))
        for planned in stage.commands(target):
            output.print(Text(f"      $ {mask(str(planned))}"), soft_wrap=True)


def show_lines(stream: TextIO, lines: Iterable[str]) -> None:
    """Print lines without wrapping them; secrets are masked, and signs are coloured where there are colours."""
    if not has_color(stream):
        for line in lines:
            print(mask(line), file=stream)
        return
    output = console(stream)
    for line in lines:
        output.print(painted(mask(line)), soft_wrap=True)


def painted(line: str) -> Text:
    """Return a line with the colour of the sign at its beginning."""
    from rich.text import Text

    text = Text(line)
    if match := _SIGNS.match(line):
        text.stylize(_STYLE[match[1]], match.start(1), match.end(1))
    return text


def _plain(finding: Finding) -> list[str]:
    line = f"  {SIGN[finding.status]} {finding.status}  {finding.looked_at}: {finding.saw}"
    return [line, f"      → {finding.remedy}"] if finding.remedy else [line]
