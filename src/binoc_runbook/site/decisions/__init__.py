"""Decisions that prove themselves: pages whose sentences are tied to questions of this library.

    extensions = ["binoc_runbook.site.decisions"]

The directive `decided` holds one sentence of a decision and names the questions that it is tied to; `decisions` lists
all of them. Pages that have such a sentence are written anew in every build, so that their states are those of now. A
sentence that is violated fails the build, each time until it is true again, and so does a cell that failed. Building
only asks, and changes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

from binoc_runbook.site.decisions import cells
from binoc_runbook.site.decisions.answers import Sentence
from binoc_runbook.site.decisions.directives import DecidedDirective, DecisionsDirective
from binoc_runbook.site.decisions.domain import Decisions, decisions_of
from binoc_runbook.site.decisions.pages import complete_page
from binoc_runbook.site.styles import add_style

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

_log = logging.getLogger(__name__)
_STYLE = Path(__file__).with_name("decided.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the two directives to a site."""
    app.add_domain(Decisions)
    app.add_directive("decided", DecidedDirective)
    app.add_directive("decisions", DecisionsDirective)
    add_style(app, _STYLE)
    app.connect("builder-inited", cells.quiet_kernels)
    app.connect("env-get-outdated", cells.outdated)
    app.connect("env-updated", _ask)
    app.connect("doctree-read", cells.leave_out_of_search)
    app.connect("doctree-resolved", complete_page)
    app.connect("build-finished", _tell)
    app.connect("build-finished", cells.fail)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _ask(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Ask all questions; returns the pages that show answers, which are written anew in every build."""
    # Here, so that pages which are written side by side do not ask again.
    decisions = decisions_of(env)
    for sentence in decisions.sentences:
        decisions.answers.to(sentence)
    return sorted({sentence.page for sentence in decisions.sentences})


def _tell(app: Sphinx, exception: Exception | None) -> None:
    """Fail the build for what is violated, and list what is not verified."""
    if exception is not None:
        return
    decisions = decisions_of(app.env)
    states = [(sentence, *decisions.answers.to(sentence)) for sentence in decisions.sentences]
    for sentence, state, findings in states:
        if state == "violated":
            reasons = "\n".join(map(str, findings.having("failed")))
            _log.error("violated: “%s”\n%s", sentence.text, reasons, location=(sentence.page, sentence.line))
            app.statuscode = 1
    unverified = [sentence for sentence, state, _ in states if state == "unverified"]
    if unverified:
        _log.info("unverified sentences of decisions: %d", len(unverified))
    for sentence in unverified:
        _log.info("  %s: “%s”", _where(sentence), sentence.text)


def _where(sentence: Sentence) -> str:
    return f"{sentence.page}:{sentence.line}"
