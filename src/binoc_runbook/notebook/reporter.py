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
from binoc_runbook.finding import SIGN, Finding, Findings
from binoc_runbook.notebook.messages import LIVE, RECORD
from binoc_runbook.redaction import Translate, each_string
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTION_STAGES, STAGES, Command, Stage, Target
from binoc_runbook.version import Version
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact

#: How many lines of a long command are kept, and how often the output is updated, in seconds.
EXCERPT, PAUSE = 20, 1.0


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
        # The events of the next live message, the time of the last start, and the findings that were shown.
        self._events: list[events.Event] = []
        self._began = 0.0
        self._shown: set[Finding] = set()

    def opened(self, release: Release) -> None:
        self._events.append(events.opened(release))
        self._show_paragraphs([text.heading(release.target, dry_run=release.dry_run)])

    def plan(self, release: Release) -> None:
        lines = list(text.plan(release.target))
        self._events.append(events.lines(lines, detail=True))
        figure = f"<figure>{diagram.stages(release.target)}</figure>"
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
        self._began = time.monotonic()
        if self._handle is None:
            self._excerpt.clear()
            self._handle = self._show([self._activity], _paragraphs([self._activity]), display_id=True)
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
        if self._keeps_lines:
            self._excerpt.append(words)
        self._pending.append(f"    {words}")
        if time.monotonic() - self._updated >= PAUSE:
            self._update()

    def stage_ended(self, run: StageRun) -> None:
        problems = Findings(item for item in events.attention(run.findings) if item not in self._shown)
        self._shown.update(problems)
        brief = list(text.stage(run, findings=problems))
        markup = _findings(run.findings)
        for command in run.commands:
            markup += f"<p>{_command(command)}<br>{_prose(text.effect(run, command))}</p>"
        event = events.stage_ended(run, problems)
        self._end(list(text.stage(run)), markup, event, brief=brief, is_open=run.state != "done")

    def result(self, headline: str, findings: Findings) -> None:
        name = headline.partition(": ")[0]
        event = events.check_ended(name, findings, time.monotonic() - self._began)
        self._end(list(text.chapter(headline, findings)), _findings(findings), event)

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
        findings = Findings(filter(None, [job.finding]))
        reason = _paragraphs(filter(None, [job.reason]))
        self._end(list(text.job(job)), reason + _findings(findings), events.job_ended(job), is_open=bool(findings))

    def publication(self, release: Release, published: Sequence[PublishedArtifact], warnings: Findings) -> None:
        lines = list(text.followed(release, published, warnings))
        self._events.append(events.lines(lines))
        markup = _published(release, published) + _findings(warnings) if published else _paragraphs(lines)
        self._show(lines, markup, live=lines)

    def finished(self, release: Release, filed: str | None) -> None:
        summary = text.ending(release, filed)
        self._events.append(events.summary(summary))
        self._show_paragraphs(list(summary.lines()), {RECORD: {"file_under": filed}})

    def _show_paragraphs(self, lines: list[str], more: dict[str, Any] | None = None) -> None:
        self._show(lines, _paragraphs(lines), live=lines, more=more)

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
        markup = f"<p><strong>{html.escape(lines[0])}</strong></p>{markup}"
        if self._excerpt:
            markup += _excerpt(self._excerpt, f"the last {len(self._excerpt)} lines", is_open=is_open)
        self._show(kept, markup)
        self._handle = None
        self._excerpt.clear()

    def _update(self) -> None:
        if self._pending:
            lines = [self._activity, *self._excerpt]
            self._show(lines, _excerpt(self._excerpt, self._activity), live=self._pending)
        self._pending = []
        self._updated = time.monotonic()

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
            rows.append(f'<tr><td colspan="3"><strong>{html.escape(text.POINT_OF_NO_RETURN)}</strong></td></tr>')
        effect = "<br>".join([html.escape(stage.sentence), *map(_command, stage.commands(target))])
        rows.append(_row(f'<a href="#{stage.name}">{text.numbered(stage)}</a>', stage.reach, effect))
    return _table("The stages and their commands", ("stage", "reach", "done when"), rows)


def _published(release: Release, published: Sequence[PublishedArtifact]) -> str:
    (head, *artifacts), rows = text.published_table(published), []
    for artifact, (name, *cells) in zip(published, artifacts, strict=True):
        files = [f"{html.escape(file)} <code>sha256:{digest[:12]}…</code>" for file, digest in artifact.digests.items()]
        rows.append(_row(html.escape(name), *cells, "<br>".join(files)))
    return _table(f"Files of {release.target.version} in the rehearsed registries", (*head, "files"), rows)


def _table(caption: str, head: Iterable[str], rows: Iterable[str]) -> str:
    heads = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = "".join(rows)
    return f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _row(head: str, *cells: str) -> str:
    return f'<tr><th scope="row">{head}</th>' + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _command(command: Command) -> str:
    return f"<code>{html.escape(str(command))}</code>"


def _findings(findings: Findings) -> str:
    items = []
    for finding in findings:
        remedy = f"<br>→ {_prose(finding.remedy)}" if finding.remedy else ""
        status = f"{SIGN[finding.status]} {finding.status}"
        items.append(f"<li><strong>{status}</strong> {_prose(finding.looked_at)}: {_prose(finding.saw)}{remedy}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _excerpt(lines: Iterable[str], summary: str, *, is_open: bool = True) -> str:
    opened = " open" if is_open else ""
    body = html.escape("\n".join(lines))
    return f'<details{opened}><summary>{html.escape(summary)}</summary><pre tabindex="0">{body}</pre></details>'


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{_prose(line)}</p>" for line in lines)


def _prose(words: str) -> str:
    """Return text as HTML; text in a pair of backticks becomes code."""
    escaped = html.escape(words).replace("\n", "<br>")
    return re.sub("`([^`]+)`", r"<code>\1</code>", escaped)
