"""Reporter for notebooks: one output for each stage, which is updated while the stage runs.

The text and the HTML of an output are kept in the notebook. The lines of a long command are also sent as data of our
own MIME type to the engine (see `notebook.engine`), which prints them immediately and does not keep them. The lines of
a stage, which are the output of the test command, are not kept at all: a test can print what must not be published.
"""

from __future__ import annotations

import ast
import html
import re
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from binoc_runbook.display import diagram, events, text
from binoc_runbook.display.board import JOB_STATE, board, board_text
from binoc_runbook.display.styled_html import (
    Tone,
    badge,
    code,
    finding_list,
    folded,
    lines_of_output,
    paragraphs,
    prose,
    row,
    status_badge,
    summary_of,
    table,
    wide_row,
)
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.notebook.messages import LIVE, RECORD
from binoc_runbook.redaction import Translate, each_string
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTION_STAGES, STAGES, Stage, State, Target
from binoc_runbook.version import Version
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact

#: How many lines of a long command are kept, and how often the output is updated, in seconds.
EXCERPT, PAUSE = 20, 1.0

_TONE: dict[State, Tone] = {"done": "good", "ready": "idle", "blocked": "bad", "unknown": "doubtful"}

#: The progress in a line of pytest: `tests/test_a.py ....   [ 61%]`.
_PERCENT = re.compile(r"\[ *(\d{1,3})%\]")


class NotebookReporter:
    """The reporter of the notebook whose cell is running."""

    def __init__(self, clean: Translate, clean_markup: Translate) -> None:
        self._clean = clean
        self._clean_markup = clean_markup
        self._excerpt: deque[str] = deque(maxlen=EXCERPT)
        self._keeps_lines = True
        self._pending: list[str] = []
        self._updated = 0.0
        self._handle: Any = None
        self._activity = ""
        # The events of the next live message, and the findings that were shown.
        self._events: list[events.Event] = []
        self._shown: set[Finding] = set()
        # The time of the last start, the number of its lines, and the last progress in them.
        self._began, self._lines, self._percent = 0.0, 0, ""

    def opened(self, release: Release) -> None:
        self._events.append(events.opened(release))
        self._show_paragraphs([text.heading(release.target, dry_run=release.dry_run)])

    def plan(self, release: Release) -> None:
        lines = list(text.plan(release.target))
        self._events.append(events.lines(lines, detail=True))
        figure = diagram.stages(release.target)
        self._show(lines, _plan_table(release.target) + figure, live=lines)

    def note(self, words: str) -> None:
        self._events.append(events.lines([words]))
        self._show_paragraphs([words])

    def stage_started(self, stage: Stage, activity: str) -> None:
        self._events.append(events.started(stage.name, activity))
        self._start(f"{text.numbered(stage)}: {activity}", keeps_lines=False)

    def started(self, activity: str) -> None:
        name, _, rest = activity.partition(": ")
        self._events.append(events.started(name, rest) if rest else events.started("", activity))
        self._start(activity, keeps_lines=True)

    def _start(self, activity: str, *, keeps_lines: bool) -> None:
        self._keeps_lines = keeps_lines
        self._activity = f"{activity} …"
        self._began, self._lines, self._percent = time.monotonic(), 0, ""
        if self._handle is None:
            self._excerpt.clear()
            self._handle = self._show([self._activity], self._progress(), display_id=True)
        else:
            # The terminal shows only the action of a stage; its checks are fast.
            self._pending.append(self._activity)
            self._update()

    def line(self, words: str) -> None:
        words = self._clean(words)
        self._events.append(events.line(words))
        if self._handle is None:  # a wait outside of a stage: only for the terminal
            self._show([], "", live=[words])
            return
        self._lines += 1
        if percent := _PERCENT.search(words):
            self._percent = percent[1]
        if self._keeps_lines:
            self._excerpt.append(words)
        self._pending.append(f"    {words}")
        if time.monotonic() - self._updated >= PAUSE:
            self._update()

    def stage_ended(self, run: StageRun) -> None:
        problems = Findings(item for item in events.attention(run.findings) if item not in self._shown)
        self._shown.update(problems)
        brief = list(text.stage(run, findings=problems))
        state = f"{text.STATE_SIGN[run.state]} {text.verdict(run)}"
        head = f"{badge(state, _TONE[run.state])} <strong>{text.numbered(run.stage)}</strong> ({run.seconds:.1f} s)"
        markup = _folded_findings(head, run.findings)
        for command in run.commands:
            effect = prose(text.effect(run, command))
            markup += f'<p style="margin:0.5em 0 0.5em 1.25em">{code(str(command))}<br>{effect}</p>'
        event = events.stage_ended(run, problems)
        self._end(list(text.stage(run)), markup, event, brief=brief, is_open=run.state != "done")

    def result(self, headline: str, findings: Findings) -> None:
        name = headline.partition(": ")[0]
        event = events.check_ended(name, findings, time.monotonic() - self._began)
        head = f"{status_badge(findings.status)} <strong>{html.escape(headline)}</strong>"
        self._end(list(text.chapter(headline, findings)), _folded_findings(head, findings), event)

    def point_of_no_return(self, release: Release, stopped: list[StageRun]) -> None:
        self._events.append(events.boundary(stopped))
        self._show_paragraphs(list(text.point_of_no_return(release, stopped)))

    def jobs_planned(self, total: int) -> None:
        self._events.append(events.jobs(total))

    def job_begins(self, name: str) -> None:
        if self._handle is None:
            self._pending.append(f"{name} …")
        self._events.append(events.started(name, is_job=True))
        self._start(name, keeps_lines=True)
        self._update()

    def job_ended(self, job: JobRun) -> None:
        findings, lines = Findings(filter(None, [job.finding])), list(text.job(job))
        head = f"<p>{badge(lines[0], JOB_STATE[job.state][1])}</p>"
        reason = paragraphs(filter(None, [job.reason]))
        self._end(lines, head + reason + finding_list(findings), events.job_ended(job), is_open=bool(findings))

    def publication(self, release: Release, published: Sequence[PublishedArtifact], warnings: Findings) -> None:
        lines = list(text.followed(release, published, warnings))
        self._events.append(events.lines(lines))
        markup = _published(release, published) + finding_list(warnings) if published else paragraphs(lines)
        self._show(lines, markup, live=lines)

    def stopped(self, release: Release) -> None:
        if release.record.stages:
            self._show_board(release)

    def finished(self, release: Release, filed: str | None) -> None:
        self._show_board(release)
        summary = text.ending(release, filed)
        self._events.append(events.summary(summary))
        self._show_paragraphs(list(summary.lines()), {RECORD: {"file_under": filed}})

    def _show_board(self, release: Release) -> None:
        self._handle = None  # an interrupted stage may have left its output open
        record = release.record.to_json()
        self._show(list(board_text(record)), board(record))

    def _show_paragraphs(self, lines: list[str], more: dict[str, Any] | None = None) -> None:
        self._show(lines, paragraphs(lines), live=lines, more=more)

    def verified(self, version: Version, names: str) -> None:
        summary = text.verified(version, names)
        self._events.append(events.summary(summary))
        self._show_paragraphs(list(summary.lines()))

    def _end(
        self,
        lines: list[str],
        markup: str,
        event: events.Event,
        *,
        brief: list[str] | None = None,
        is_open: bool = False,
    ) -> None:
        if self._handle is None:  # jobs at GitHub run in parallel: the output that was open has the result of another
            self._start(lines[0], keeps_lines=True)
        self._update()
        self._events.append(event)
        # First the live lines for the terminal, then the output that is kept, without them.
        self._show(lines, "", live=brief or lines)
        kept = [*lines, *(f"    | {words}" for words in self._excerpt)]
        if self._excerpt:
            summary = f"the last {len(self._excerpt)} lines"
            markup += folded(summary, lines_of_output(self._excerpt), is_open=is_open)
        self._show(kept, markup)
        self._handle = None
        self._excerpt.clear()

    def _update(self) -> None:
        if self._pending:
            lines = [self._activity, *self._excerpt]
            self._show(lines, self._progress(), live=self._pending)
        self._pending = []
        self._updated = time.monotonic()

    def _progress(self) -> str:
        """Return one line about what is running: the time and the number of lines, not the lines of a stage."""
        head = f"{badge('… running', 'running')} <strong>{html.escape(self._activity)}</strong>"
        seconds = time.monotonic() - self._began
        if self._lines:
            head += f" {seconds:.0f} s, {self._lines} {'line' if self._lines == 1 else 'lines'} of output"
        if self._percent:
            head += f', <progress aria-label="progress" max="100" value="{self._percent}"></progress> {self._percent} %'
        return folded(head, lines_of_output(self._excerpt), is_open=True) if self._excerpt else f"<p>{head}</p>"

    def _show(
        self,
        lines: Iterable[str],
        markup: str,
        *,
        live: Iterable[str] = (),
        more: dict[str, Any] | None = None,
        display_id: bool = False,
    ) -> Any:
        from IPython.display import display

        clean = [self._clean(line) for line in lines]
        data: dict[str, Any] = {**({"text/plain": "\n".join(clean)} if clean else {}), **(more or {})}
        if markup:
            data["text/html"] = self._clean_markup(markup)
        if live or self._events:
            sent = each_string(self._events, self._clean)
            data[LIVE] = {"lines": [self._clean(line) for line in live], "events": sent}
            self._events = []
        if self._handle is not None:
            self._handle.update(data, raw=True)
            return self._handle
        return display(data, raw=True, display_id=display_id or None)  # type: ignore[no-untyped-call]


def injected_parameters() -> tuple[str, ...]:
    """Return the names of the parameters in the cell that papermill has injected into this notebook.

    For an unknown name, papermill only logs a warning, and runs the notebook with the defaults.
    """
    from IPython import get_ipython

    shell = get_ipython()
    names: list[str] = []
    for source in shell.user_ns.get("In", []) if shell is not None else []:
        if source.startswith("# Parameters\n"):
            names += assignments(source)
    return tuple(names)


def assignments(source: str) -> dict[str, str]:
    """Return the names that a cell assigns to, with the source of each value."""
    return {
        target.id: ast.get_source_segment(source, statement.value) or ""
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def _plan_table(target: Target) -> str:
    rows = []
    for stage in STAGES:
        if stage is ACTION_STAGES[0]:
            rows.append(wide_row(text.POINT_OF_NO_RETURN, 3))
        commands = (code(str(command)) for command in stage.commands(target))
        effect = "<br>".join([html.escape(stage.sentence), *commands])
        rows.append(row(f'<a href="#{stage.name}">{text.numbered(stage)}</a>', stage.reach, effect))
    return table("The stages and their commands", ("stage", "reach", "done when"), rows)


def _published(release: Release, published: Sequence[PublishedArtifact]) -> str:
    (head, *artifacts), rows = text.published_table(published), []
    for artifact, (name, *cells) in zip(published, artifacts, strict=True):
        files = [f"{html.escape(file)} <code>sha256:{digest[:12]}…</code>" for file, digest in artifact.digests.items()]
        rows.append(row(html.escape(name), *cells, "<br>".join(files)))
    return table(f"Files of {release.target.version} in the rehearsed registries", (*head, "files"), rows)


def _folded_findings(head: str, findings: Findings) -> str:
    """Return a headline with its findings, folded if all of them are ok."""
    if not findings:
        return f"<p>{head}</p>"
    return folded(f"{head}: {summary_of(findings)}", finding_list(findings), is_open=findings.status != "ok")
