"""Diagram of the stages: time runs from top to bottom; the clone, the remote and the registries each have a column.

A table with inline styles instead of an image: it has the colours of its page, fits a phone, and is also shown by
JupyterLab for a notebook that another person has run, from which it removes SVG.
"""

from __future__ import annotations

import html

from binoc_runbook.stages import ACTION_STAGES, STAGES, Reach, Target

#: Where a stage has an effect; the last column shows the workflow that the tag starts.
_COLUMNS = ("this clone", "the remote", "the registries")

_COLUMN: dict[Reach, int] = {"local": 0, "public": 1, "permanent": 1}

_CELL = "border:0;padding:0.15em 0.3em;text-align:center;vertical-align:middle;background:none;width:33%"


def stages(target: Target) -> str:
    """Return the diagram of the stages, the point of no return, and the workflow that the tag starts, as HTML."""
    rows = []
    for number, stage in enumerate(STAGES, 1):
        if stage is ACTION_STAGES[0]:
            rows.append(_point_of_no_return())
        rows.append(_row(_COLUMN[stage.reach], f"{number}. {stage.name}", heavy=stage.reach == "permanent"))
    rows.append(_row(2, target.policy.workflow, heavy=True))
    heads = "".join(f'<th scope="col" style="{_CELL}">{name}</th>' for name in _COLUMNS)
    style = "border-collapse:collapse;margin:1em 0;max-width:42em;min-width:0;table-layout:fixed;width:100%"
    caption = (
        '<caption style="font-weight:600;padding:0.5em 0;text-align:left">Where each stage has an effect</caption>'
    )
    return f'<table style="{style}">{caption}<thead><tr>{heads}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _row(column: int, words: str, *, heavy: bool) -> str:
    """Return a row with one box; an arrow points to a box that is not in the first column."""
    cells = [f'<td style="{_CELL}"></td>' for _ in _COLUMNS]
    border = f"border:{2 if heavy else 1}px solid #8c959f;border-radius:4px;padding:0.1em 0.3em"
    box = f'<div style="{border}">{html.escape(words)}</div>'
    cells[column] = f'<td style="{_CELL}">{box}</td>'
    if column:
        cells[column - 1] = f'<td style="{_CELL};text-align:right">→</td>'
    return f'<tr style="background:none">{"".join(cells)}</tr>'


def _point_of_no_return() -> str:
    style = "border:0;border-bottom:2px dashed #8c959f;padding:0.15em 0.3em;text-align:right;background:none"
    cell = f'<td colspan="{len(_COLUMNS)}" style="{style}"><strong>point of no return</strong></td>'
    return f'<tr style="background:none">{cell}</tr>'
