"""Sentences of decisions and their states in one checkout; each check runs once in a build."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.redaction import plain
from binoc_runbook.site.decision_checks import CHECKS, Options, decision_target, usage_error
from binoc_runbook.stages import Target
from binoc_runbook.world import World

#: State of a sentence: all its checks passed in this build; named tests prove it; a person must look; a check failed; a
#: check could not be completed.
State = Literal["checked", "tested", "manual", "violated", "unknown"]

#: The states of a sentence whose checks passed, by the check with the weakest evidence.
_WEAKEST: dict[str, State] = {"manual": "manual", "tests": "tested"}


@dataclass(frozen=True, slots=True)
class Sentence:
    """Sentence of a decision: its place, its text, and the checks that it names, with their options."""

    page: str
    line: int
    id: str
    text: str
    checks: tuple[str, ...]
    options: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit of HEAD: its id, its day (ISO 8601), and the tracked files that differ from it."""

    id: str
    day: str
    changed: frozenset[str]


class DecidedCheckout:
    """Checkout at `root` that sentences describe; `root` is `None` if the pages are outside a checkout."""

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self._results: dict[tuple[object, ...], Findings] = {}

    def snapshot(self) -> AbstractContextManager[None]:
        """Read the manifests once for all checks inside this context."""
        return self._target.snapshot() if isinstance(self._target, Target) else nullcontext()

    def state(self, sentence: Sentence) -> tuple[State, Findings]:
        """Return the state of a sentence and the findings of its checks."""
        options = dict(sentence.options)
        if error := usage_error(sentence.checks, options):
            place = f"{sentence.page}, line {sentence.line}"
            return "violated", Findings([Finding.failed("decided", place, *error)])
        findings = Findings()
        for name in sentence.checks:
            findings += self._run(name, options)
        if findings.status in ("failed", "unknown"):
            return "violated" if findings.status == "failed" else "unknown", findings
        return next((state for name, state in _WEAKEST.items() if name in sentence.checks), "checked"), findings

    def _run(self, name: str, options: Mapping[str, tuple[str, ...]]) -> Findings:
        check = CHECKS[name]
        accepted: Options = {key: value for key, value in options.items() if key in check.options}
        key = (name, *sorted(accepted.items()))
        if key not in self._results:
            target = self._target
            self._results[key] = check.run(target, accepted) if isinstance(target, Target) else target
        return self._results[key]

    @cached_property
    def _target(self) -> Target | Findings:
        """The target of the checks, or findings that explain why there is none."""
        try:
            return decision_target(self.root)
        except RefusedError as error:
            return error.findings

    @cached_property
    def commit(self) -> Commit | None:
        """The commit that is checked out; `None` if git cannot read it."""
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
