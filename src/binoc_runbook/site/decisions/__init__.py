"""Decision pages whose sentences are tied to checks of this library.

    extensions = ["binoc_runbook.site.decisions"]

The directive `decided` contains one sentence of a decision and names the checks that it is tied to; `decisions` lists
all sentences. Every build runs the checks, and writes the pages with sentences again if a state has changed. A violated
sentence or a failed cell fails every build until it is fixed. A build does not change the checkout.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from binoc_runbook.site.decisions import cell_execution
from binoc_runbook.site.decisions.collection import Decisions
from binoc_runbook.site.decisions.directives import DecidedDirective, DecisionsDirective
from binoc_runbook.site.decisions.rendering import complete_page
from binoc_runbook.site.stylesheets import add_style

_log = logging.getLogger(__name__)
#: The attribute of the build environment with the digest of what the pages show.
_DIGEST = "binoc_decisions_digest"
_STYLE = Path(__file__).with_name("decided.css")


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the two directives to a site."""
    decisions = Decisions(app)
    app.add_directive("decided", DecidedDirective)
    app.add_directive("decisions", DecisionsDirective)
    add_style(app, _STYLE)
    app.connect("builder-inited", cell_execution.quiet_kernels)
    app.connect("env-get-outdated", cell_execution.outdated)
    app.connect("env-updated", partial(_check, decisions))
    app.connect("doctree-read", cell_execution.leave_out_of_search)
    app.connect("doctree-resolved", partial(complete_page, decisions))
    app.connect("build-finished", partial(_report, decisions))
    app.connect("build-finished", cell_execution.fail)
    return {"env_version": 3, "parallel_read_safe": True, "parallel_write_safe": True}


def _check(decisions: Decisions, app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Run all checks; return the pages that show states if anything that they show has changed."""
    checkout, pages = decisions.checkout, decisions.pages
    # The results are cached here, so that processes that write pages in parallel do not run the checks again.
    with checkout.snapshot():
        states = [(sentence, *checkout.state(sentence)) for sentence in decisions.sentences]
    commit = checkout.commit
    source = commit and (commit.id, commit.day, sorted(commit.changed)), checkout.repository, checkout.version
    shown = source, states, [(page, env.titles[page].astext()) for page in pages]
    digest = hashlib.sha256(repr(shown).encode()).hexdigest()
    if getattr(env, _DIGEST, None) == digest:
        return []
    setattr(env, _DIGEST, digest)
    return pages


def _report(decisions: Decisions, app: Sphinx, exception: Exception | None) -> None:
    """Fail the build for violated sentences, and list the unknown ones."""
    if exception is not None:
        return
    unknown = []
    for sentence in decisions.sentences:
        state, findings = decisions.checkout.state(sentence)
        if state == "violated":
            reasons = "\n".join(map(str, findings.having("failed")))
            _log.error("violated: “%s”\n%s", sentence.text, reasons, location=(sentence.page, sentence.line))
            app.statuscode = 1
        if state == "unknown":
            unknown.append(f"  {sentence.page}:{sentence.line}: “{sentence.text}”")
    if unknown:
        _log.info("sentences of decisions that could not be checked: %d\n%s", len(unknown), "\n".join(unknown))
