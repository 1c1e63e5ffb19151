"""HTML with inline styles, which looks the same in JupyterLab, nbconvert, nbviewer and on the site.

Notebooks are shown without a stylesheet of ours, and their viewers centre tables and align cells to the right. Text has
the colour of its page. Only a badge has colours of its own: white on a colour with a contrast of at least 4.5
(WCAG AA), so it can be read in light, in dark and on paper. A badge always has a sign and a word, too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Literal

from binoc_runbook.finding import SEVERITY, SIGN, Finding, Findings, Status

Tone = Literal["good", "bad", "doubtful", "running", "idle"]

#: The colours of badges; each also has a contrast of at least 3 to the background of light and dark pages.
COLOUR: dict[Tone, str] = {
    "good": "#1a7f37",
    "bad": "#cf222e",
    "doubtful": "#9a6700",
    "running": "#0969da",
    "idle": "#6e7781",
}

TONE: dict[Status, Tone] = {"ok": "good", "warning": "doubtful", "failed": "bad", "unknown": "doubtful"}

_CELL = "text-align:left;vertical-align:top;padding:0.375em 1em 0.375em 0;border:0;border-bottom:1px solid #8c959f66"

#: The length of an observation that fits in the line of its stage.
_SHORT = 80

#: Browsers print no background colours by default, and a badge would be white on white.
_PRINTED = "-webkit-print-color-adjust:exact;print-color-adjust:exact"


def badge(words: str, tone: Tone) -> str:
    """Return a label on a coloured background; its words begin with a sign."""
    style = f"background-color:{COLOUR[tone]};color:#ffffff;border-radius:4px;padding:0.1em 0.45em;white-space:nowrap"
    return f'<span style="{style};{_PRINTED}">{html.escape(words)}</span>'


def status_badge(status: Status) -> str:
    """Return the badge of a finding."""
    return badge(f"{SIGN[status]} {status}", TONE[status])


def table(caption: str, head: Iterable[str], rows: Iterable[str]) -> str:
    """Return a table of rows from `row` and `wide_row`."""
    heads = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in head)
    body = "".join(rows)
    style = "border-collapse:collapse;margin:0.5em 0;table-layout:auto"
    title = f'<caption style="text-align:left;font-weight:600;padding:0.5em 0">{html.escape(caption)}</caption>'
    return f'<table style="{style}">{title}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'


def row(head: str, *cells: str) -> str:
    """Return a row of a table; its cells are HTML."""
    return f'<tr><th scope="row" style="{_CELL};white-space:nowrap">{head}</th>' + "".join(map(_cell, cells)) + "</tr>"


def wide_row(words: str, columns: int) -> str:
    """Return a row with one cell over all columns."""
    return f'<tr><td colspan="{columns}" style="{_CELL}"><strong>{html.escape(words)}</strong></td></tr>'


def _cell(markup: str) -> str:
    return f'<td style="{_CELL}">{markup}</td>'


def code(words: str) -> str:
    """Return text as code, for example a command."""
    return f"<code>{html.escape(words)}</code>"


def prose(words: str) -> str:
    """Return text as HTML; text in a pair of backticks becomes code."""
    escaped = html.escape(words).replace("\n", "<br>")
    return re.sub("`([^`]+)`", r"<code>\1</code>", escaped)


def paragraphs(lines: Iterable[str]) -> str:
    """Return each line as a paragraph."""
    return "".join(f"<p>{prose(line)}</p>" for line in lines)


def folded(summary: str, content: str, *, is_open: bool) -> str:
    """Return one line that unfolds; `summary` and `content` are HTML."""
    opened = " open" if is_open else ""
    line = f'<summary style="cursor:pointer;display:list-item">{summary}</summary>'
    return f'<details{opened} style="margin:0.25em 0">{line}{content}</details>'


def lines_of_output(lines: Iterable[str]) -> str:
    """Return lines of a program; the keyboard can scroll them."""
    body = html.escape("\n".join(lines))
    return f'<pre tabindex="0" style="text-align:left;overflow:auto;margin:0.5em 0 0.5em 1.25em">{body}</pre>'


def finding_list(findings: Sequence[Finding]) -> str:
    """Return findings as a list: status, place, observation and remedy; a remedy of several is shown once, below."""
    items = []
    for finding, after in zip_longest(findings, findings[1:]):
        is_last = after is None or after.remedy != finding.remedy
        remedy = f"<br>→ {prose(finding.remedy)}" if finding.remedy and is_last else ""
        words = f"{prose(finding.looked_at)}: {prose(finding.saw)}{remedy}"
        items.append(f'<li style="margin:0.35em 0">{status_badge(finding.status)} {words}</li>')
    style = "list-style:none;margin:0.25em 0 0.5em;padding:0 0 0 1.25em"
    return f'<ul style="{style}">{"".join(items)}</ul>' if items else ""


def summary_of(findings: Findings) -> str:
    """Return findings in a few words as HTML: the observation if there is one that fits in a line, or their numbers."""
    if len(findings) == 1 and findings.status == "ok" and len(findings[0].saw) <= _SHORT:
        return prose(findings[0].saw)
    counts = [(len(findings.having(status)), status) for status in SEVERITY]
    return ", ".join(f"{count} {status}" for count, status in counts if count)


def chips(items: Sequence[tuple[str, str, str, Tone]]) -> str:
    """Return boxes side by side, which wrap on a narrow screen; each has a name, a badge, a note and a tone."""
    boxes = "".join(_chip(*item) for item in items)
    style = "display:flex;flex-wrap:wrap;gap:0.4em;list-style:none;margin:0.25em 0 0.75em;padding:0;font-size:0.875em"
    return f'<ol style="{style}">{boxes}</ol>'


def _chip(name: str, word: str, note: str, tone: Tone) -> str:
    border = f"border:1px {'dashed' if tone == 'idle' else 'solid'} {COLOUR[tone]};border-left:4px solid {COLOUR[tone]}"
    style = f"{border};border-radius:4px;margin:0;padding:0.3em 0.5em;break-inside:avoid"
    small = f" ({html.escape(note)})" if note else ""
    return f'<li style="{style}"><strong>{html.escape(name)}</strong><br>{badge(word, tone)}{small}</li>'
