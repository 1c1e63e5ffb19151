"""Stills of a rehearsal: sections of its terminal output, as SVG without scripts, fonts or other files.

All stills are views of one drawing of the complete output, so that a page contains each line once.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from binoc_runbook.display.terminal import painted

#: Size of the terminal, in characters; longer lines are cut.
COLUMNS, ROWS = 80, 16

#: Size of a character of `rich`'s SVG, in its units.
_WIDTH, _HEIGHT = 12.2, 24.4

#: Height of the part of a `g` that is below its row, in the same units.
_BELOW = 3

#: Space around the text, in the same units.
_MARGIN = 12

#: The steps: name, the pattern of its last line, and a caption.
_STEPS = (
    ("Plan", r"push-tag \(permanent\)|^\W*push-tag\s*$", "The stages, and the exact commands of each."),
    ("Checks", r"✓\W*(?:\d\. )?remote\b", "Stages 1 to 5 only check. Nothing is public."),
    ("Tests", r"✓\W*(?:\d\. )?tests\b", "A quick rehearsal runs a test command that does nothing."),
    ("Point of no return", r"checked again|^\W*point of no return\W*$", "Everything that can be checked was checked."),
    (
        "Push the branch",
        r"✓\W*(?:\d\. )?push-branch\b",
        "The first public stage. Here, the remote is a local directory.",
    ),
    ("Tag", r"✓\W*(?:\d\. )?tag\b", "The annotated tag contains the section of the changelog."),
    (
        "Push the tag",
        r"✓\W*(?:\d\. )?push-tag\b",
        "The last stage. On the real remote, it starts the publish workflow.",
    ),
    ("Result", r"\Z(?!)", "What was observed at the end."),
)


@dataclass(frozen=True, slots=True)
class Still:
    """A still: its name and caption, its last lines as text, and its rows in the drawing."""

    name: str
    caption: str
    text: str
    first: int
    end: int


def stills(lines: Sequence[str]) -> list[Still]:
    """Return the stills of a transcript; steps without a matching line are left out."""
    result, start = [], 0
    for name, pattern, caption in _STEPS:
        last = [number for number, line in enumerate(lines) if number >= start and re.search(pattern, line)]
        if name == "Result" and len(lines) > start:
            last = [len(lines) - 1]
        if not last:
            continue
        # The first line that matches, with the indented lines below it, which are its details.
        end = last[0] + 1
        while end < len(lines) and lines[end].startswith("   "):
            end += 1
        first = max(0, end - ROWS)
        text = "\n".join(line.strip() for line in lines[max(start, first) : end])
        result.append(Still(name, caption, text, first, end))
        start = end
    return result


def transcript_svg(lines: Sequence[str]) -> str:
    """Return an invisible SVG that defines the drawing of all lines, which the stills show."""
    from rich.console import Console
    from rich.terminal_theme import TerminalTheme

    theme = TerminalTheme(
        (24, 27, 32),
        (222, 226, 230),
        [(24, 27, 32), (255, 138, 128), (126, 211, 133), (240, 200, 110)] + [(222, 226, 230)] * 4,
    )
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        console.print(painted(line), no_wrap=True, overflow="ellipsis")
    drawing = console.export_svg(title="", theme=theme, code_format=_FORMAT, unique_id="rehearsal")
    return re.sub(r' clip-path="[^"]*"', "", drawing).strip()


#: Without the frame of a window, clip paths, and web fonts, which the format of `rich` has.
_FORMAT = """\
<svg class="rehearsal-transcript" width="0" height="0" aria-hidden="true" focusable="false">
<style>{styles}</style>
<defs><g id="rehearsal-transcript">{matrix}</g></defs>
</svg>
"""


def still_svg(still: Still) -> str:
    """Return a still as SVG, in a box that can be scrolled on a narrow screen."""
    width, height = COLUMNS * _WIDTH, (still.end - still.first) * _HEIGHT
    outer = f"{-_MARGIN} {-_MARGIN} {width + 2 * _MARGIN:g} {height + 2 * _MARGIN:g}"
    # Lower by the part of a line that is below its row.
    inner = f"0 {still.first * _HEIGHT + _BELOW:g} {width:g} {height:g}"
    label = html.escape(f"Terminal: {still.text}", quote=True).replace("\n", "&#10;")
    return (
        f'<div class="rehearsal-still" tabindex="0" role="group" aria-label="{html.escape(still.name)}">'
        f'<svg role="img" aria-label="{label}" viewBox="{outer}">'
        f'<svg width="{width:g}" height="{height:g}" viewBox="{inner}">'
        '<use href="#rehearsal-transcript"></use></svg></svg></div>'
    )
