"""States, evidence and overview, which are added to decision pages after all pages are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

from binoc_runbook.finding import SIGN, Finding
from binoc_runbook.site import markup
from binoc_runbook.site.decision_checks import CHECKS
from binoc_runbook.site.decisions.collection import Decisions
from binoc_runbook.site.decisions.directives import OVERVIEW, SENTENCE, SUMMARY
from binoc_runbook.site.decisions.sentences import Commit, Sentence, State
from binoc_runbook.site.markup import code_spans

#: The sign that precedes the word of a state.
_SIGN: dict[State, str] = {
    "checked": SIGN["ok"],
    "tested": SIGN["ok"],
    "manual": "→",
    "violated": SIGN["failed"],
    "unknown": SIGN["unknown"],
}

#: The start of the paragraph in which a decision declares its status; the computed one follows it.
_DECLARED_STATUS = "Status: "

_PLACE = re.compile(r"(?P<path>[^\s:]+)(?::(?P<line>\d+))?")


def complete_page(decisions: Decisions, app: Sphinx, page: nodes.document, docname: str) -> None:
    """Add the states of this build to a page."""
    writer = _PageWriter(decisions, docname)
    for paragraph in list(page.findall(nodes.paragraph)):
        if paragraph.astext().startswith(_DECLARED_STATUS):
            paragraph += writer.computed_status()
    for box in list(page.findall(nodes.container)):
        if SENTENCE in box:
            box += writer.outcome(box.attributes.pop(SENTENCE))
        elif OVERVIEW in box:
            del box[OVERVIEW]
            box += writer.overview()
        elif SUMMARY in box:
            del box[SUMMARY]
            box += writer.summary()


class _PageWriter:
    """Builder of the nodes of one page."""

    def __init__(self, decisions: Decisions, docname: str) -> None:
        self._app = decisions.app
        self._docname = docname
        self._decisions = decisions
        self._checkout = decisions.checkout

    def outcome(self, sentence: Sentence) -> Iterator[Any]:
        """Return the state of a sentence, and its evidence."""
        state, findings = self._checkout.state(sentence)
        line = nodes.paragraph(classes=["decided-state", f"decided-{state}", "no-search"])
        word = nodes.strong("", f"{_SIGN[state]} {state}")
        overview = self._decisions.overview
        line += self._link(overview, _row_id(sentence), word) if overview else word
        line += nodes.Text(f" {self._how(sentence)}")
        yield line
        if findings:
            evidence = nodes.bullet_list(classes=["decided-evidence", "no-search"])
            evidence += [nodes.list_item("", self._evidence(finding)) for finding in findings]
            yield evidence

    def _how(self, sentence: Sentence) -> str:
        """Return how the state was observed; a test and a person have their own line of evidence."""
        state, commit = self._checkout.state(sentence)[0], self._checkout.commit
        if state in ("tested", "manual"):
            return "by a test that runs for every change" if state == "tested" else "because no program can check it"
        checks = f"by {' and '.join(sentence.checks)}"
        return f"{checks}, at commit {commit.id[:12]} of {_day(commit)}" if commit else checks

    def _evidence(self, finding: Finding) -> nodes.paragraph:
        clean = self._checkout.clean
        status = [nodes.Text(f"{finding.status}: ")] if finding.status != "ok" else []
        remedy = [nodes.Text(" → "), *code_spans(clean(finding.remedy))] if finding.remedy else []
        saw = [nodes.Text(": "), *code_spans(clean(finding.saw))]
        return nodes.paragraph("", "", *status, self._place(clean(finding.looked_at)), *saw, *remedy)

    def _place(self, looked_at: str) -> nodes.Node:
        """Return the place of a finding, as a link to the repository if it is an unchanged file."""
        root, commit, repository = self._checkout.root, self._checkout.commit, self._checkout.repository
        place = _PLACE.fullmatch(looked_at)
        literal = nodes.literal("", looked_at)
        if not (place and root and commit and repository) or place["path"] in commit.changed:
            return literal if place else nodes.inline("", "", *code_spans(looked_at))
        if not (root / place["path"]).is_file():
            return literal
        line = f"#L{place['line']}" if place["line"] else ""
        address = f"https://github.com/{repository}/blob/{commit.id}/{place['path']}{line}"
        return nodes.reference("", "", literal, refuri=address, internal=False)

    def computed_status(self) -> Iterator[nodes.Node]:
        """Return the number of sentences of this page in each state, linked to their list."""
        sentences = [sentence for sentence in self._decisions.sentences if sentence.page == self._docname]
        if sentences:
            text, overview = nodes.Text(self._counts_in_words(sentences)), self._decisions.overview
            counts = self._link(overview, nodes.make_id(self._docname), text) if overview else text
            yield nodes.inline("", " (declared); sentences in this build: ", counts, classes=["no-search"])

    def summary(self) -> Iterator[nodes.Node]:
        """Return two paragraphs: the version and commit of the checkout, and the number of sentences in each state."""
        if self._checkout.commit:
            yield self._version(self._checkout.commit)
        words = nodes.Text("Decisions")
        link = self._link(self._decisions.overview, "", words) if self._decisions.overview else words
        counts = self._counts(self._decisions.sentences)
        shown = (f"{count} {state}" for state, count in counts if count or state != "unknown")
        yield nodes.paragraph("", "", nodes.strong("", "", link), nodes.Text(f" {', '.join(shown)}"))

    def _version(self, commit: Commit) -> nodes.paragraph:
        version, repository = self._checkout.version, self._checkout.repository
        head = nodes.strong("", f"This site describes {version or 'an unknown version'}")
        id_: nodes.Node = nodes.literal("", commit.id[:12])
        if repository:
            address = f"https://github.com/{repository}/commit/{commit.id}"
            id_ = nodes.reference("", "", id_, refuri=address, internal=False)
        return nodes.paragraph("", "", head, nodes.Text(", commit "), id_, nodes.Text(f" of {_day(commit, ',')}"))

    def overview(self) -> Iterator[nodes.Node]:
        """Return the number of sentences in each state by decision, the sentences, and the available checks."""
        titles = self._app.env.titles
        pages = {page: list(group) for page, group in groupby(self._decisions.sentences, attrgetter("page"))}
        counts = (
            [self._link(page, "", nodes.Text(titles[page].astext())), *(count for _, count in self._counts(sentences))]
            for page, sentences in pages.items()
        )
        yield _table("decisions-by-state", "Decisions by state", ["Decision", *_SIGN], counts)
        for page, sentences in pages.items():
            head, rows = ["Sentence", "State", "Checks"], map(self._row, sentences)
            yield _table(nodes.make_id(page), titles[page].astext(), head, rows)
        checks = (
            [nodes.literal("", name), check.description, ", ".join(f"`:{key}:`" for key in check.options) or "none"]
            for name, check in CHECKS.items()
        )
        head = ["Check", "Checks that", "Options"]
        yield _table("checks", "Checks that a sentence can name", head, checks)

    def _counts(self, sentences: Iterable[Sentence]) -> list[tuple[State, int]]:
        states = [self._checkout.state(sentence)[0] for sentence in sentences]
        return [(state, states.count(state)) for state in _SIGN]

    def _counts_in_words(self, sentences: Iterable[Sentence]) -> str:
        return ", ".join(f"{count} {state}" for state, count in self._counts(sentences) if count) or "none"

    def _row(self, sentence: Sentence) -> list[object]:
        state, _ = self._checkout.state(sentence)
        link = self._link(sentence.page, sentence.id, nodes.Text(sentence.text))
        return [
            nodes.inline("", "", nodes.target("", "", ids=[_row_id(sentence)]), link),
            nodes.inline("", f"{_SIGN[state]} {state}", classes=[f"decided-{state}"]),
            ", ".join(sentence.checks) or "none",
        ]

    def _link(self, page: str, to: str, text: Any) -> nodes.reference:
        return make_refnode(self._app.builder, self._docname, page, to, text)


def _day(commit: Commit, comma: str = "") -> str:
    return f"{commit.day}{comma} with uncommitted changes" if commit.changed else commit.day


def _row_id(sentence: Sentence) -> str:
    """Return the id of a sentence in the overview."""
    return str(nodes.make_id(f"{sentence.page}-{sentence.id}"))


def _table(id_: str, caption: str, head: Iterable[object], rows: Iterable[Iterable[object]]) -> nodes.table:
    """Return a table with an id; a cell is a node, or text with identifiers in backticks."""
    cells = [[nodes.paragraph("", "", *_cell(cell)) for cell in row] for row in (head, *rows)]
    table = markup.table(cells)
    table.insert(0, nodes.title("", caption))
    table["ids"].append(id_)
    table["classes"].append("decided-table")
    return table


def _cell(cell: object) -> Iterable[nodes.Node]:
    return [cell] if isinstance(cell, nodes.Node) else code_spans(str(cell))
