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
from typing import TYPE_CHECKING, Any

from binoc_runbook.display import diagram, text
from binoc_runbook.finding import SIGN, Findings
from binoc_runbook.notebook.messages import LIVE, RECORD
from binoc_runbook.redaction import Translate
from binoc_runbook.stages import ACTS, STAGES

if TYPE_CHECKING:
    from binoc_runbook.release.record import StageRun
    from binoc_runbook.release.run import Release
    from binoc_runbook.stages import Command, Stage, Target
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
        head = text.heading(release.target, dry_run=release.dry_run)
        self._show([head], f"<p><strong>{html.escape(head)}</strong></p>", live=[head])

    def plan(self, release: Release) -> None:
        lines = list(text.plan(release.target))
        figure = f"<figure>{diagram.stages(release.target)}</figure>"
        self._show(lines, _plan_table(release.target) + figure, live=lines)

    def says(self, words: str) -> None:
        self._show([words], _paragraphs([words]), live=[words])

    def begins(self, stage: Stage, doing: str) -> None:
        self.asks(f"{text.numbered(stage)}: {doing}")

    def asks(self, words: str) -> None:
        self._doing = f"{words} …"
        if self._handle is None:
            self._excerpt.clear()
            self._handle = self._show([self._doing], f"<p>{html.escape(self._doing)}</p>", display_id=True)
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
        markup = _stage(run, tuple(self._excerpt))
        self._end(list(text.stage(run)), list(text.stage(run, all_findings=False)), markup)

    def answers(self, head: str, findings: Findings) -> None:
        """What a chapter found that is no stage of a release."""
        lines = list(text.chapter(head, findings))
        markup = f"<p><strong>{html.escape(lines[0])}</strong></p>{_findings(findings)}"
        if self._excerpt:
            markup += _excerpt(tuple(self._excerpt), f"the last {len(self._excerpt)} lines", is_open=False)
        self._end(lines, lines, markup)

    def _end(self, lines: list[str], brief: list[str], markup: str) -> None:
        self._tell()
        # First the lines for the terminal, then, without them, what stays on the page.
        self._show(lines, "", live=brief, into=self._handle)
        kept = [*lines, *(f"    | {words}" for words in self._excerpt)]
        self._show(kept, markup, into=self._handle)
        self._handle = None

    def at_the_line(self, release: Release, stopped: list[StageRun]) -> None:
        lines = list(text.at_the_line(release, stopped))
        self._show(lines, _paragraphs(lines), live=lines)

    def job_begins(self, name: str) -> None:
        self._doing = f"{name} …"
        self._excerpt.clear()
        self._handle = self._show([self._doing], f"<p>{html.escape(self._doing)}</p>", display_id=True)
        self._waiting = [self._doing]
        self._tell()

    def job_ended(self, job: JobRun) -> None:
        self._tell()
        lines = list(text.job(job))
        excerpt = tuple(self._excerpt) if job.steps else ()
        head, findings = (
            f"<p><strong>{html.escape(lines[0])}</strong></p>",
            _findings(Findings(filter(None, [job.finding]))),
        )
        reason = f"<p>{html.escape(job.reason)}</p>" if job.reason else ""
        said = _excerpt(excerpt, f"the last {len(excerpt)} lines", is_open=job.finding is not None) if excerpt else ""
        self._show(lines, "", live=lines, into=self._handle)
        self._show(lines, f"{head}{reason}{findings}{said}", into=self._handle)
        self._handle = None
        self._excerpt.clear()

    def followed(self, release: Release, published: Sequence[PublishedArtifact], red: Findings) -> None:
        lines = list(text.followed(release, published, red))
        markup = _published(release, published) + _findings(red) if published else _paragraphs(lines)
        self._show(lines, markup, live=lines)

    def finished(self, release: Release, filed: str | None) -> None:
        lines = list(text.ending(release, filed))
        self._show(lines, _paragraphs(lines), live=lines, more={RECORD: {"file_under": filed}})

    def _tell(self) -> None:
        if self._waiting:
            shown = [self._doing, *self._excerpt]
            self._show(shown, _excerpt(tuple(self._excerpt), self._doing), live=self._waiting, into=self._handle)
        self._waiting = []
        self._told = time.monotonic()

    def _show(
        self,
        lines: Iterable[str],
        markup: str,
        *,
        live: Iterable[str] = (),
        more: dict[str, Any] | None = None,
        into: Any = None,
        display_id: bool = False,
    ) -> Any:
        from IPython.display import display

        clean = [self._clean(line) for line in lines]
        data: dict[str, Any] = {"text/plain": "\n".join(clean), **(more or {})}
        if markup:
            data["text/html"] = self._clean_markup(markup)
        if live:
            data[LIVE] = {"lines": [self._clean(line) for line in live]}
        if into is not None:
            into.update(data, raw=True)
            return into
        return display(data, raw=True, display_id=display_id or None)  # type: ignore[no-untyped-call]


def injected_parameters() -> tuple[str, ...]:
    """The names that papermill put into this notebook, read from the cell that it injected.

    papermill only warns of a name that it does not find among the defaults, in a log that nobody reads, and goes on
    with the default of the name that was meant.
    """
    try:
        from IPython import get_ipython
    except ImportError:
        return ()
    shell = get_ipython()
    cells = shell.user_ns.get("In", []) if shell is not None else []
    names: list[str] = []
    for source in cells:
        if source.startswith("# Parameters\n"):
            names += [
                target.id
                for statement in ast.parse(source).body
                if isinstance(statement, ast.Assign)
                for target in statement.targets
                if isinstance(target, ast.Name)
            ]
    return tuple(names)


def _plan_table(target: Target) -> str:
    rows = []
    for number, stage in enumerate(STAGES, 1):
        if stage is ACTS[0]:
            rows.append(f'<tr><td colspan="4"><strong>{html.escape(text.LINE)}</strong></td></tr>')
        commands = "<br>".join(map(_command, stage.commands(target)))
        cells = (
            str(number),
            stage.name,
            stage.reach,
            f"{html.escape(stage.sentence)}{'<br>' if commands else ''}{commands}",
        )
        rows.append(
            f'<tr><td>{cells[0]}</td><th scope="row"><a href="#{cells[1]}">{cells[1]}</a></th>'
            f"<td>{cells[2]}</td><td>{cells[3]}</td></tr>"
        )
    head = "".join(f'<th scope="col">{name}</th>' for name in ("#", "stage", "reach", "what holds when it is done"))
    caption = "The plan: these commands are the ones that will run."
    return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _published(release: Release, published: Sequence[PublishedArtifact]) -> str:
    (head, *rows), body = text.out(published), ""
    for each, (name, *cells) in zip(published, rows, strict=True):
        files = "<br>".join(
            f"{html.escape(file)} <code>sha256:{digest[:12]}…</code>" for file, digest in each.digests.items()
        )
        body += f'<tr><th scope="row">{html.escape(name)}</th>'
        body += "".join(f"<td>{cell}</td>" for cell in (*cells, files)) + "</tr>"
    heads = "".join(f'<th scope="col">{name}</th>' for name in (*head, "files"))
    caption = f"What the rehearsed registries hold of {release.target.version}."
    return f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _command(command: Command) -> str:
    return f"<code>{html.escape(str(command))}</code>"


def _stage(run: StageRun, excerpt: tuple[str, ...]) -> str:
    head = next(text.stage(run))
    parts = [f"<p><strong>{html.escape(head)}</strong></p>", _findings(run.findings)]
    for planned in run.commands:
        effect = planned.effect if run.acted else f"withheld; its effect: {planned.effect}"
        parts.append(f"<p>{_command(planned)}<br>{_prose(effect)}</p>")
    if excerpt:
        parts.append(_excerpt(excerpt, f"the last {len(excerpt)} lines", is_open=run.state != "done"))
    return "".join(parts)


def _findings(findings: Findings) -> str:
    items = []
    for finding in findings:
        remedy = f"<br>→ {_prose(finding.remedy)}" if finding.remedy else ""
        status = f"{SIGN[finding.status]} {finding.status}"
        items.append(f"<li><strong>{status}</strong> {_prose(finding.looked_at)}: {_prose(finding.saw)}{remedy}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _excerpt(lines: tuple[str, ...], summary: str, *, is_open: bool = True) -> str:
    opened = " open" if is_open else ""
    body = html.escape("\n".join(lines))
    return f'<details{opened}><summary>{html.escape(summary)}</summary><pre tabindex="0">{body}</pre></details>'


def _paragraphs(lines: Iterable[str]) -> str:
    return "".join(f"<p>{_prose(line)}</p>" for line in lines)


def _prose(words: str) -> str:
    """Words in which identifiers stand in backticks; those without a partner are left as they are."""
    escaped = html.escape(words).replace("\n", "<br>")
    return re.sub("`([^`]+)`", r"<code>\1</code>", escaped)
