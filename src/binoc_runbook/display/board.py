"""Status board of a run: one box for each stage and job with its state, and where and why the run was refused.

It shows the record of a run, so a notebook and the page of a release show the same board.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from binoc_runbook.display.styled_html import Tone, chips, finding_list
from binoc_runbook.finding import Findings
from binoc_runbook.release.run import INTERRUPT
from binoc_runbook.stages import ACTION_STAGES, STAGES

#: The class of the element; the page of a release shows the board once, at its top.
CLASS = "binoc-board"

_LOCAL, _PUBLIC, _WORKFLOW = "Local stages", "After the point of no return", "Publish workflow"

#: The state of a job as a sign and words, and its tone.
JOB_STATE: dict[str, tuple[str, Tone]] = {
    "success": ("✓ passed", "good"),
    "failure": ("✗ failed", "bad"),
    "skipped": ("– skipped", "idle"),
    "elsewhere": ("– not run on this host", "idle"),
}

_NOT_REACHED: tuple[str, Tone] = ("· not reached", "idle")


@dataclass(frozen=True, slots=True)
class Box:
    """One box: the name of a stage or job, its state as a sign and a word, a note, and its findings."""

    name: str
    state: str
    tone: Tone
    note: str = ""
    findings: Findings = Findings()  # noqa: RUF009 - immutable

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.state:<12} {self.name}{note}"


def groups(record: Mapping[str, Any]) -> dict[str, list[Box]]:
    """Return the boxes of a record in JSON: the local stages, the public ones, and the jobs of the workflow."""
    runs = {run["name"]: run for run in record["stages"]}
    names = [stage.name for stage in STAGES]
    former = [name for name in runs if name not in names]
    boxes = [_stage_box(name, runs.get(name), record) for name in (*names, *former)]
    place = len(STAGES) - len(ACTION_STAGES)
    return {_LOCAL: boxes[:place], _PUBLIC: boxes[place:], _WORKFLOW: list(_workflow_boxes(record))}


def board(record: Mapping[str, Any], more: Sequence[Box] = ()) -> str:
    """Return the board of a record as HTML; `more` are boxes after those of the workflow."""
    parts = []
    for title, boxes in groups(record).items():
        boxes += more if title == _WORKFLOW else ()
        parts.append(f'<p style="margin:0.5em 0 0"><strong>{title}</strong></p>')
        parts.append(chips([(box.name, box.state, box.note, box.tone) for box in boxes]))
    for box in refusals(record):
        parts.append(f'<p style="margin:0.5em 0 0"><strong>{_refusal(box)}:</strong></p>{finding_list(box.findings)}')
    return f'<div class="{CLASS}" role="group" aria-label="Status board">{"".join(parts)}</div>'


def board_text(record: Mapping[str, Any]) -> Iterator[str]:
    """Return the board as lines of text."""
    for title, boxes in groups(record).items():
        yield title
        yield from (f"  {box}" for box in boxes)
    for box in refusals(record):
        yield f"{_refusal(box)}:"
        for finding in box.findings:
            yield from (f"  {line}" for line in str(finding).splitlines())


def refusals(record: Mapping[str, Any]) -> list[Box]:
    """Return the boxes that stopped the run, or would stop a real one, with the findings that are the reasons."""
    return [box for boxes in groups(record).values() for box in boxes if box.findings]


def _refusal(box: Box) -> str:
    return html.escape(f"{box.state.partition(' ')[2].capitalize()} at {box.name}")


def _stage_box(name: str, run: Mapping[str, Any] | None, record: Mapping[str, Any]) -> Box:
    numbers = {stage.name: number for number, stage in enumerate(STAGES, 1)}
    label = f"{numbers[name]}. {name}" if name in numbers else name
    if run is None:
        return Box(label, *_NOT_REACHED)
    # A release has no record of a stage that was not done; the shortest valid record has only names and durations.
    state = run.get("after") or run.get("before", "done")
    findings = Findings.from_json(run.get("findings", ()))
    note = f"{run['seconds']:.1f} s"
    if any(finding.looked_at == INTERRUPT for finding in findings.having("failed")):
        return Box(label, "✗ interrupted", "bad", note, findings.having("failed", "unknown"))
    if findings.having("failed") or state == "blocked":
        return Box(label, "✗ refused", "bad", note, findings.having("failed", "unknown"))
    if findings.having("unknown") or state == "unknown":
        return Box(label, "? unknown", "doubtful", note, findings.having("unknown"))
    if state == "ready":
        is_skipped = record.get("dry_run") and name in {stage.name for stage in ACTION_STAGES}
        return Box(label, "– skipped", "idle") if is_skipped else Box(label, "✗ refused", "bad", note)
    if name in {stage.name for stage in ACTION_STAGES}:
        return Box(label, "✓ done" if run.get("acted", True) else "✓ done before", "good", note)
    return Box(label, "✓ done", "good", note)


def _workflow_boxes(record: Mapping[str, Any]) -> Iterator[Box]:
    jobs, run = record.get("jobs", ()), record.get("workflow_run")
    last = {job["name"]: job for job in jobs}  # a later attempt replaces an earlier one
    for name, job in last.items():
        findings = Findings.from_json(filter(None, [job["finding"]]))
        note = f"{job['seconds']:.1f} s" if job["seconds"] else ""
        yield Box(name, *JOB_STATE[job["state"]], note, findings.having("failed"))
    if last:
        return
    if run is not None:
        words = run["conclusion"] or run["status"].replace("_", " ")
        tone: Tone = "good" if words == "success" else "bad" if run["conclusion"] else "running"
        sign = {"good": "✓", "bad": "✗"}.get(tone, "…")
        yield Box("run at GitHub", f"{sign} {words}", tone, "" if run["conclusion"] else "at the end of this run")
    elif record.get("dry_run"):
        yield Box("run of the tag", "– skipped", "idle")
    elif any(stage["name"] == STAGES[-1].name for stage in record["stages"]):
        words = "– skipped" if record.get("world") == "rehearsal" else "? not observed"
        yield Box("run of the tag", words, "idle" if record.get("world") == "rehearsal" else "doubtful")
    else:
        yield Box("run of the tag", *_NOT_REACHED)
