"""Directives `decided`, one sentence of a decision, and `decisions`, the list of all sentences."""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from binoc_runbook.site.decisions.collection import COUNTS_THEM, LISTS_THEM, SENTENCES
from binoc_runbook.site.decisions.sentences import Sentence

#: Attributes of the nodes that `rendering` completes after all pages are read.
SENTENCE, OVERVIEW, SUMMARY = "decided-sentence", "decided-overview", "decided-summary"


def _names(value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in directives.unchanged_required(value).split(","))


class DecidedDirective(SphinxDirective):
    """A sentence of a decision; its arguments are the names of checks."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("artifacts", "by", "rule", "spelling", "stages", "tags", "where", "who", "without"), _names
    )

    def run(self) -> list[Any]:
        """Store the sentence; every build adds its state when it writes the page."""
        if not self.content:
            self.env.note_reread()  # so that every build reports the missing sentence
        self.assert_has_content()
        content = self.parse_content_to_nodes()
        text = " ".join(" ".join(node.astext() for node in content).split())
        # The id consists of the first words, so that links to the sentence stay valid.
        box = nodes.container(classes=["decided"], names=[" ".join(text.split()[:8])])
        self.state.document.set_id(box)
        box += content
        checks = tuple(self.arguments[0].split()) if self.arguments else ()
        options = tuple(sorted(self.options.items()))
        box[SENTENCE] = Sentence(self.env.docname, self.lineno, box["ids"][0], text, checks, options)
        self.env.metadata[self.env.docname].setdefault(SENTENCES, []).append(box[SENTENCE])
        return [box]


class DecisionsDirective(SphinxDirective):
    """All decisions with the states of their sentences; with `:summary:`, the commit and the number in each state."""

    option_spec: ClassVar[dict[str, Any]] = {"summary": directives.flag}

    def run(self) -> list[Any]:
        """Return a placeholder; every build fills it after all pages are read."""
        box = nodes.container(classes=["decisions"])
        if "summary" in self.options:
            self.env.metadata[self.env.docname][COUNTS_THEM] = True
            box[SUMMARY] = True
        else:
            self.env.metadata[self.env.docname][LISTS_THEM] = True
            box[OVERVIEW] = True
        return [box]
