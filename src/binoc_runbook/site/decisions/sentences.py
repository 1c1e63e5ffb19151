"""The sentences of decisions, and their states in one checkout; each question is asked once in a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.finding import Finding, Findings, RefusedError, Status
from binoc_runbook.redaction import plain
from binoc_runbook.site.questions import QUESTIONS, Options, asked_about, mistake
from binoc_runbook.stages import Target
from binoc_runbook.world import World

#: Of a sentence: all that it is tied to holds; something does not; nothing is known, or it is tied to nothing.
State = Literal["verified", "violated", "unverified"]

_STATES: dict[Status, State] = {
    "ok": "verified",
    "warning": "verified",
    "failed": "violated",
    "unknown": "unverified",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a decision: its place, and the questions it is tied to, with their options."""

    page: str
    line: int
    id: str
    text: str
    questions: tuple[str, ...]
    options: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit that HEAD is, the day it was made (ISO 8601), and the tracked files that differ from it."""

    id: str
    day: str
    changed: frozenset[str]


class DecidedCheckout:
    """The checkout at `root` that sentences are about; `None` where the pages are outside of one."""

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self._known: dict[tuple[object, ...], Findings] = {}

    def state(self, sentence: Sentence) -> tuple[State, Findings]:
        """Return the state of a sentence, with the findings that show it."""
        options = dict(sentence.options)
        if wrong := mistake(sentence.questions, options):
            place = f"{sentence.page}, line {sentence.line}"
            return "violated", Findings([Finding.failed("decided", place, *wrong)])
        findings = Findings()
        for question in sentence.questions:
            findings += self._check(question, options)
        return (_STATES[findings.status] if findings else "unverified"), findings

    def _check(self, name: str, options: Mapping[str, tuple[str, ...]]) -> Findings:
        question = QUESTIONS[name]
        taken: Options = {key: value for key, value in options.items() if key in question.takes}
        key = (name, *sorted(taken.items()))
        if key not in self._known:
            target = self._target
            self._known[key] = question.ask(target, taken) if isinstance(target, Target) else target
        return self._known[key]

    @cached_property
    def _target(self) -> Target | Findings:
        """What questions are about, or why there is nothing that they could be about."""
        try:
            return asked_about(self.root)
        except RefusedError as error:
            return error.findings

    @cached_property
    def commit(self) -> Commit | None:
        """What is checked out; `None` where git cannot tell."""
        if self.root is None:
            return None
        git = World.real(self.root).git
        state, log = git.tree_state(), git.query("log", "-1", "--format=%cs")
        if not isinstance(state, TreeState) or state.commit is None or log.returncode != 0:
            return None
        return Commit(state.commit, log.stdout.strip(), frozenset(state.changed))

    @property
    def version(self) -> str | None:
        """The version of the manifests."""
        return self._target.version.semver if isinstance(self._target, Target) else None

    @property
    def repository(self) -> str | None:
        """The repository on GitHub, `owner/name`."""
        return self._target.policy.repository if isinstance(self._target, Target) else None

    def clean(self, text: str) -> str:
        """Return the text without paths of this machine."""
        return self._target.world.clean(text) if isinstance(self._target, Target) else plain(text)
