"""A chart of bars that are stacked from parts, as SVG inside a page: for light and dark, for paper, without a script.

It has no colour of its own: everything is drawn in the colour of the text around it, and parts are told apart by their
numbers, their borders and their shade. Widths are shares of the page and text keeps its size, so it is readable on a
narrow screen. What it shows has to stand in a table beside it too.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

#: In pixels: the height of a bar, of the line of text above it, and the space below it.
_BAR, _LINE, _GAP = 22, 20, 12

#: How dark parts are, in turns. Text in the same colour stays readable on each.
_SHADES = (0.08, 0.28)

#: From which share of the whole width, in percent, a part has room for its number.
_ROOM = 5.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the words above it, and the length of each part, in the same order for every bar of a chart."""

    words: str
    parts: tuple[float, ...]


def stacked_bars(title: str, description: str, names: Sequence[str], bars: Sequence[Bar]) -> str:
    """Draw bars below one another, the longest as wide as the page; `names` are those of the parts.

    `title` and `description` are what a screen reader says instead of the drawing.
    """
    longest = max((sum(bar.parts) for bar in bars), default=0.0) or 1.0
    step = _LINE + _BAR + _GAP
    drawn = "".join(_bar(bar, names, number * step, longest) for number, bar in enumerate(bars))
    return (
        f'<svg class="binoc-chart" role="img" aria-label="{html.escape(f"{title}. {description}")}" width="100%"'
        f' height="{len(bars) * step}" font-size="14" fill="currentColor" xmlns="http://www.w3.org/2000/svg">'
        f"{drawn}</svg>"
    )


def _bar(bar: Bar, names: Sequence[str], top: int, longest: float) -> str:
    drawn, left = f'<text x="0" y="{top + _LINE - 6}">{html.escape(bar.words)}</text>', 0.0
    for number, (name, length) in enumerate(zip(names, bar.parts, strict=True)):
        width = 100 * length / longest
        if width:
            told = f"{number + 1}. {name}: {length:.1f} s"
            drawn += (
                f'<rect x="{left:.3f}%" y="{top + _LINE}" width="{width:.3f}%" height="{_BAR}"'
                f' fill-opacity="{_SHADES[number % len(_SHADES)]}" stroke="currentColor" stroke-width="1">'
                f"<title>{html.escape(told)}</title></rect>"
            )
        if width >= _ROOM:
            middle = left + width / 2
            drawn += f'<text x="{middle:.3f}%" y="{top + _LINE + 16}" text-anchor="middle">{number + 1}</text>'
        left += width
    return drawn
