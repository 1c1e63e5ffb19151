"""What is added to the pages of decisions once all are read: states, evidence, and the overview."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.nodes import make_refnode

from binoc_runbook.finding import SIGN, Finding
from binoc_runbook.site.decisions.answers import Answers, Commit, Sentence, State
from binoc_runbook.site.decisions.directives import OVERVIEW, SENTENCE, SUMMARY
from binoc_runbook.site.decisions.domain import decisions_of
from binoc_runbook.site.decisions.markup import prose, table
from binoc_runbook.site.questions import QUESTIONS, Question

if TYPE_CHECKING:
    from sphinx.application import Sphinx

#: The sign beside the word, so that a state can also be told at a glance; the word itself always stands there.
_SIGN: dict[State, str] = {"verified": SIGN["ok"], "violated": SIGN["failed"], "unverified": SIGN["unknown"]}

_PLACE = re.compile(r"(?P<path>[^\s:]+)(?::(?P<line>\d+))?")


def complete_page(app: Sphinx, page: nodes.document, docname: str) -> None:
    """Add what this build has found to one page."""
    decisions = decisions_of(app.env)
    writer = _Writer(app, docname)
    for box in list(page.findall(nodes.container)):
        if SENTENCE in box:
            box += writer.outcome(box.attributes.pop(SENTENCE))
        elif OVERVIEW in box:
            del box[OVERVIEW]
            box += writer.overview(decisions.sentences)
        elif SUMMARY in box:
            del box[SUMMARY]
            box += writer.summary(decisions.sentences)


class _Writer:
    """Makes the nodes of one page."""

    def __init__(self, app: Sphinx, docname: str) -> None:
        self._app = app
        self._docname = docname
        self._decisions = decisions_of(app.env)
        self._answers: Answers = self._decisions.answers

    def outcome(self, sentence: Sentence) -> Iterator[Any]:
        """The state of a sentence, and what shows it."""
        state, findings = self._answers.to(sentence)
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
        if not sentence.questions:
            return "because no check is tied to it"
        asked = f"by {' and '.join(sentence.questions)}"
        commit = self._answers.commit
        if commit is None:
            return asked
        more = " with uncommitted changes" if commit.changed else ""
        return f"{asked}, at commit {commit.id[:12]} of {commit.day}{more}"

    def _evidence(self, finding: Finding) -> Any:
        clean = self._answers.clean
        said = nodes.paragraph()
        said += self._place(clean(finding.looked_at))
        said += nodes.Text(": ")
        said += prose(clean(finding.saw))
        if finding.status != "ok":
            said.insert(0, nodes.Text(f"{finding.status}: "))
        if finding.remedy:
            said += nodes.Text(" → ")
            said += prose(clean(finding.remedy))
        return said

    def _place(self, looked_at: str) -> Any:
        """What was looked at; linked to the repository where it is a file that is as committed."""
        root, commit, repository = self._answers.root, self._answers.commit, self._answers.repository
        place = _PLACE.fullmatch(looked_at)
        literal = nodes.literal("", looked_at)
        if not (place and root and commit and repository) or place["path"] in commit.changed:
            return literal if place else nodes.inline("", "", *prose(looked_at))
        if not (root / place["path"]).is_file():
            return literal
        line = f"#L{place['line']}" if place["line"] else ""
        address = f"https://github.com/{repository}/blob/{commit.id}/{place['path']}{line}"
        return nodes.reference("", "", literal, refuri=address, internal=False)

    def _state(self, sentence: Sentence) -> Any:
        state, _ = self._answers.to(sentence)
        return nodes.inline("", f"{_SIGN[state]} {state}", classes=[f"decided-{state}"])

    # The overview.

    def summary(self, sentences: list[Sentence]) -> Iterator[Any]:
        """What the checkout holds, and whether all decisions hold, in a line each."""
        if self._answers.commit:
            yield self._holds(self._answers.commit)
        states = [self._answers.to(sentence)[0] for sentence in sentences]
        count = {state: states.count(state) for state in _SIGN}
        head = "Not every decision holds" if count["violated"] else "No decision is broken"
        told = ", ".join(f"{number} {state}" for state, number in count.items() if number) or "none"
        line = nodes.paragraph("", "", nodes.strong("", head), nodes.Text(". "))
        words = nodes.Text("Their sentences")
        line += self._link(self._decisions.overview, "", words) if self._decisions.overview else words
        line += nodes.Text(f": {told}.")
        yield line

    def _holds(self, commit: Commit) -> Any:
        version, repository = self._answers.version, self._answers.repository
        line = nodes.paragraph("", "", nodes.strong("", f"These sources hold {version or 'no version'}"))
        id_ = nodes.literal("", commit.id[:12])
        address = f"https://github.com/{repository}/commit/{commit.id}"
        line += nodes.Text(": commit ")
        line += nodes.reference("", "", id_, refuri=address, internal=False) if repository else id_
        line += nodes.Text(f" of {commit.day}{', with uncommitted changes' if commit.changed else ''}.")
        return line

    def overview(self, sentences: list[Sentence]) -> Iterator[Any]:
        """How many sentences of each decision are in which state, then each sentence, and what can be asked."""
        by_page: dict[str, list[Sentence]] = {}
        for sentence in sentences:
            by_page.setdefault(sentence.page, []).append(sentence)
        counts = []
        for page, its in by_page.items():
            states = [self._answers.to(sentence)[0] for sentence in its]
            counts.append([self._title(page), *(nodes.Text(str(states.count(state))) for state in _SIGN)])
        yield table("decisions-by-state", "Decisions by state", ["Decision", *_SIGN], counts)
        for page, its in by_page.items():
            yield table(
                nodes.make_id(page),
                self._app.env.titles[page].astext(),
                ["Sentence", "State", "Asked"],
                map(self._row, its),
            )
        rows = ([nodes.literal("", name), nodes.Text(each.about), _options(each)] for name, each in QUESTIONS.items())
        head = ["Question", "Asks whether", "Options"]
        yield table("questions", "Questions that a sentence can be tied to", head, rows)

    def _row(self, sentence: Sentence) -> list[Any]:
        link = self._link(sentence.page, sentence.id, nodes.Text(sentence.text))
        said = nodes.inline("", "", nodes.target("", "", ids=[_row_id(sentence)]), link)
        return [said, self._state(sentence), nodes.Text(", ".join(sentence.questions) or "nothing")]

    def _title(self, page: str) -> Any:
        return self._link(page, "", nodes.Text(self._app.env.titles[page].astext()))

    def _link(self, page: str, to: str, text: Any) -> Any:
        return make_refnode(self._app.builder, self._docname, page, to, text)


def _row_id(sentence: Sentence) -> str:
    """The id of a sentence in the overview."""
    return str(nodes.make_id(f"{sentence.page}-{sentence.id}"))


def _options(question: Question) -> Any:
    return nodes.inline("", "", *prose(", ".join(f"`:{option}:`" for option in question.takes) or "none"))
