"""The two directives: one sentence of a decision, and the list of all of them."""

from __future__ import annotations

from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from binoc_runbook.site.decisions.answers import Sentence
from binoc_runbook.site.decisions.domain import decisions_of

#: The attributes by which `pages` finds what is to be completed once all pages are read.
SENTENCE, OVERVIEW, SUMMARY = "decided-sentence", "decided-overview", "decided-summary"


def _names(value: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in directives.unchanged_required(value).split(","))


class DecidedDirective(SphinxDirective):
    """A sentence of a decision, with the questions it is tied to as arguments; without one it is unverified."""

    has_content = True
    optional_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar[dict[str, Any]] = dict.fromkeys(
        ("artifacts", "by", "rule", "spelling", "stages", "tags", "without"), _names
    )

    def run(self) -> list[Any]:
        """Keep the sentence; its state is added when the page is written, anew in every build."""
        if not self.content:
            self.env.note_reread()  # so that every build tells
        self.assert_has_content()
        content = self.parse_content_to_nodes()
        text = " ".join(" ".join(node.astext() for node in content).split())
        page, line = self.env.docname, self.lineno
        box = nodes.container(classes=["decided"])
        box["ids"].append(self._free_id(nodes.make_id(" ".join(text.split()[:8])) or "decided"))
        box += content
        questions = tuple(self.arguments[0].split()) if self.arguments else ()
        options = tuple(sorted(self.options.items()))
        box[SENTENCE] = Sentence(page, line, box["ids"][0], text, questions, options)
        decisions_of(self.env).add(box[SENTENCE])
        return [box]

    def _free_id(self, wanted: str) -> str:
        """An id that no sentence of this page has; it is made of the words, so that links to it last."""
        taken = {each.id for each in decisions_of(self.env).sentences if each.page == self.env.docname}
        taken |= set(self.state.document.ids)
        return next(name for name in (wanted, *(f"{wanted}-{n}" for n in range(2, 1000))) if name not in taken)


class DecisionsDirective(SphinxDirective):
    """All decisions, with the states of their sentences; with `:summary:` what is checked out and how many hold."""

    option_spec: ClassVar[dict[str, Any]] = {"summary": directives.flag}

    def run(self) -> list[Any]:
        """Keep the place; the list is made when all pages are read, anew in every build."""
        self.env.note_reread()
        box = nodes.container(classes=["decisions"])
        if "summary" in self.options:
            box[SUMMARY] = True
        else:
            decisions_of(self.env).add_overview(self.env.docname)
            box[OVERVIEW] = True
        return [box]
