"""A run as it shows itself in a notebook: one output for each stage, which changes while the stage goes on.

Beside the text and the HTML that stay on the page, the lines of a long command travel as data of a type of our own to
the engine that runs the notebook (see `notebook.engine`), which prints them and keeps them off the page.
"""

from __future__ import annotations

import ast
import html
import re
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from binoc_runbook.display import diagram, text
from binoc_runbook.finding import SIGN, Findings
from binoc_runbook.notebook.messages import LIVE, RECORD
from binoc_runbook.redaction import Translate
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTS, STAGES, Command, Stage, Target
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact

#: How many lines of a long command stay on the page, and how often (in seconds) the page is told of new ones.
EXCERPT, PAUSE = 20, 1.0


class NotebookReporter:
    """Shows a run in the notebook whose cell is running."""

    def __init__(self, clean: Translate, clean_markup: Translate) -> None:
        self._clean = clean
        self._clean_markup = clean_markup
        self._excerpt: deque[str] = deque(maxlen=EXCERPT)
        self._waiting: list[str] = []
        self._told = 0.0
        self._handle: Any = None
        self._doing = ""

    def opened(self, release: Release) -> None:
        self.says(text.heading(release.target, dry_run=release.dry_run))

    def plan(self, release: Release) -> None:
        lines = list(text.plan(release.target))
        figure = f"<figure>{diagram.stages(release.target)}</figure>"
        self._show(lines, _plan_table(release.target) + figure, live=lines)

    def says(self, words: str) -> None:
        self._say([words])

    def begins(self, stage: Stage, doing: str) -> None:
        self.asks(f"{text.numbered(stage)}: {doing}")

    def asks(self, words: str) -> None:
        self._doing = f"{words} …"
        if self._handle is None:
            self._excerpt.clear()
            self._handle = self._show([self._doing], _paragraphs([self._doing]), display_id=True)
        else:
            # Said once the act begins; a question is answered before anybody wonders.
            self._waiting.append(self._doing)
            self._tell()

    def line(self, words: str) -> None:
        words = self._clean(words)
        self._excerpt.append(words)
        self._waiting.append(f"    {words}")
        if time.monotonic() - self._told >= PAUSE:
            self._tell()

    def ended(self, run: StageRun) -> None:
        brief = list(text.stage(run, all_findings=False))
        markup = _findings(run.findings)
        for planned in run.commands:
            effect = planned.effect if run.acted else f"withheld; its effect: {planned.effect}"
            markup += f"<p>{_command(planned)}<br>{_prose(effect)}</p>"
        self._end(list(text.stage(run)), markup, brief=brief, is_open=run.state != "done")

    def answers(self, head: str, findings: Findings) -> None:
        """What a chapter found that is no stage of a release."""
        self._end(list(text.chapter(head, findings)), _findings(findings))

    def at_the_line(self, release: Release, stopped: list[StageRun]) -> None:
        self._say(list(text.point_of_no_return(release, stopped)))

    def job_begins(self, name: str) -> None:
        self.asks(name)
        self._waiting.append(self._doing)
        self._tell()

    def job_ended(self, job: JobRun) -> None:
        findings = Findings(filter(None, [job.finding]))
        reason = _paragraphs(filter(None, [job.reason]))
        self._end(list(text.job(job)), reason + _findings(findings), is_open=bool(findings))

    def followed(self, release: Release, published: Sequence[PublishedArtifact], red: Findings) -> None:
        lines = list(text.followed(release, published, red))
        markup = _published(release, published) + _findings(red) if published else _paragraphs(lines)
        self._show(lines, markup, live=lines)

    def finished(self, release: Release, filed: str | None) -> None:
        self._say(list(text.ending(release, filed)), {RECORD: {"file_under": filed}})

    def _say(self, lines: list[str], more: dict[str, Any] | None = None) -> None:
        self._show(lines, _paragraphs(lines), live=lines, more=more)

    def _end(self, lines: list[str], markup: str, *, brief: list[str] | None = None, is_open: bool = False) -> None:
        self._tell()
        # First the lines for the terminal, then, without them, what stays on the page.
        self._show(lines, "", live=brief or lines)
        kept = [*lines, *(f"    | {words}" for words in self._excerpt)]
        markup = f"<p><strong>{html.escape(lines[0])}</strong></p>{markup}"
        if self._excerpt:
            markup += _excerpt(self._excerpt, f"the last {len(self._excerpt)} lines", is_open=is_open)
        self._show(kept, markup)
        self._handle = None
        self._excerpt.clear()

    def _tell(self) -> None:
        if self._waiting:
            shown = [self._doing, *self._excerpt]
            self._show(shown, _excerpt(self._excerpt, self._doing), live=self._waiting)
        self._waiting = []
        self._told = time.monotonic()

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
        data: dict[str, Any] = {"text/plain": "\n".join(clean), **(more or {})}
        if markup:
            data["text/html"] = self._clean_markup(markup)
        if live:
            data[LIVE] = {"lines": [self._clean(line) for line in live]}
        if self._handle is not None:
            self._handle.update(data, raw=True)
            return self._handle
        return display(data, raw=True, display_id=display_id or None)  # type: ignore[no-untyped-call]


def injected_parameters() -> tuple[str, ...]:
    """The names that papermill put into this notebook, read from the cell that it injected.

    papermill only warns of a name that it does not find among the defaults, in a log that nobody reads, and goes on
    with the default of the name that was meant.
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
        if stage is ACTS[0]:
            rows.append(f'<tr><td colspan="3"><strong>{html.escape(text.POINT_OF_NO_RETURN)}</strong></td></tr>')
        what = "<br>".join([html.escape(stage.sentence), *map(_command, stage.commands(target))])
        rows.append(_row(f'<a href="#{stage.name}">{text.numbered(stage)}</a>', stage.reach, what))
    caption = "The plan: these commands are the ones that will run."
    return _table(caption, ("stage", "reach", "what holds when it is done"), rows)


def _published(release: Release, published: Sequence[PublishedArtifact]) -> str:
    (head, *artifacts), rows = text.published_table(published), []
    for each, (name, *cells) in zip(published, artifacts, strict=True):
        files = [f"{html.escape(file)} <code>sha256:{digest[:12]}…</code>" for file, digest in each.digests.items()]
        rows.append(_row(html.escape(name), *cells, "<br>".join(files)))
    return _table(f"What the rehearsed registries hold of {release.target.version}.", (*head, "files"), rows)


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
    """Words in which identifiers stand in backticks; those without a partner are left as they are."""
    escaped = html.escape(words).replace("\n", "<br>")
    return re.sub("`([^`]+)`", r"<code>\1</code>", escaped)
