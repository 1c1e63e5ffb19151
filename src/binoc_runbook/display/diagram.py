"""Diagram of the stages: time runs from top to bottom; the clone, the remote and the registries each have a column.

Inline SVG without scripts, fonts and colours: it uses those of the surrounding text, in light, in dark and on paper.
Column widths are percentages, so the diagram fits a phone. The table of the plan contains the same information.
"""

from __future__ import annotations

import html

from binoc_runbook.stages import ACTION_STAGES, STAGES, Reach, Target

#: Where a stage has an effect; the last column shows the workflow that the tag starts.
_COLUMNS = ("this clone", "the remote", "the registries")

_COLUMN: dict[Reach, int] = {"local": 0, "public": 1, "permanent": 1}

#: Heights in pixels: a row, a box in it, and the row of the point of no return.
_ROW, _BOX, _LINE = 32, 24, 34

#: Widths in percent: a column, and the space on either side of its boxes.
_WIDTH, _SPACE = 100 / len(_COLUMNS), 2.0

_ABOUT = (
    "The stages of a release from top to bottom, in three columns: this clone, the remote and the registries. A line"
    " below the tests, the point of no return, separates local stages from public ones."
)


def stages(target: Target) -> str:
    """Return the diagram of the stages, the point of no return, and the workflow that the tag starts, as SVG."""
    parts, top, ends = [_heads()], _ROW, [_ROW] * len(_COLUMNS)
    for number, stage in enumerate(STAGES, 1):
        if stage is ACTION_STAGES[0]:
            parts.append(_point_of_no_return(top))
            top += _LINE
        column = _COLUMN[stage.reach]
        if column:
            parts.append(_arrow(column, ends[column - 1], top))
        parts.append(_box(column, top, f"{number}. {stage.name}", heavy=stage.reach == "permanent"))
        ends[column] = top + _BOX
        top += _ROW
    parts.append(_arrow(2, ends[1], top))
    parts.append(_box(2, top, target.policy.workflow, heavy=True))
    return (
        f'<svg role="img" aria-label="{html.escape(_ABOUT)}" width="100%" height="{top + _ROW}" font-size="14"'
        f' fill="currentColor" stroke="none" xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def _heads() -> str:
    return "".join(_words(_middle(column), 16, name, weight="bold") for column, name in enumerate(_COLUMNS))


def _point_of_no_return(top: int) -> str:
    """Return a line with its label above it, on the right, beyond the boxes."""
    y = top + _LINE / 2 - 2
    line = f'<line x1="0" x2="100%" y1="{y}" y2="{y}" stroke="currentColor" stroke-width="2" stroke-dasharray="6 4"/>'
    return line + _words(100 - _SPACE, y - 6, "point of no return", anchor="end", weight="bold")


def _box(column: int, top: int, words: str, *, heavy: bool) -> str:
    x, width = column * _WIDTH + _SPACE, _WIDTH - 2 * _SPACE
    return (
        f'<rect x="{x:.2f}%" y="{top}" width="{width:.2f}%" height="{_BOX}" rx="4" fill-opacity="0.08"'
        f' stroke="currentColor" stroke-width="{2 if heavy else 1}"/>'
    ) + _words(_middle(column), top + 17, words)


def _arrow(column: int, start: int, top: int) -> str:
    """Return an arrow from the last box of the previous column; its head is a separate SVG and keeps its size."""
    x1, x2, y = _middle(column - 1), column * _WIDTH + _SPACE, top + _BOX / 2
    down = f'<line x1="{x1:.2f}%" x2="{x1:.2f}%" y1="{start}" y2="{y}" stroke="currentColor"/>'
    along = f'<line x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y}" y2="{y}" stroke="currentColor"/>'
    return down + along + f'<svg x="{x2:.2f}%" y="{y}" overflow="visible"><path d="M0 0 l-7 -4 v8 z"/></svg>'


def _middle(column: int) -> float:
    return (column + 0.5) * _WIDTH


def _words(x: float, y: float, words: str, *, anchor: str = "middle", weight: str = "normal") -> str:
    text = html.escape(words)
    return f'<text x="{x:.2f}%" y="{y}" text-anchor="{anchor}" font-weight="{weight}">{text}</text>'
