"""What a stage is: a question about the world, and for some an act that changes the answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from binoc_runbook.checks.remote import RemoteView
from binoc_runbook.finding import Finding, Findings, Status
from binoc_runbook.stages.target import Target

Reach = Literal["local", "public", "permanent"]
State = Literal["done", "ready", "blocked", "unknown"]
Line = Callable[[str], None]

_STATES: dict[Status, State] = {"ok": "done", "warning": "done", "failed": "blocked", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Command:
    """One argument list of an act, what it changes in one sentence, and what it is given on standard input."""

    arguments: tuple[str, ...]
    effect: str
    stdin: str | None = None

    def __str__(self) -> str:
        """The argument list as a shell would take it."""
        import shlex

        return shlex.join(self.arguments)


@dataclass(frozen=True, slots=True)
class Observation:
    """The state of a stage, with its evidence."""

    state: State
    findings: Findings

    @classmethod
    def of_check(cls, findings: Findings) -> Observation:
        """The state of a stage that is a question: done when all could be asked and nothing failed."""
        return cls(_STATES[findings.status], findings)

    @classmethod
    def of_action(cls, findings: Findings) -> Observation:
        """The state of a stage whose act is still to come: ready unless something stands in its way."""
        answered = cls.of_check(findings)
        return cls("ready", findings) if answered.state == "done" else answered


class Stage(ABC):
    """One step of the release: observed, acted if it can act, and observed again."""

    name: ClassVar[str]
    sentence: ClassVar[str]
    reach: ClassVar[Reach] = "local"

    @abstractmethod
    def observe(self, target: Target) -> Observation:
        """Ask the world whether this stage is done, ready to act, blocked, or cannot be told."""

    def commands(self, target: Target) -> tuple[Command, ...]:
        """The exact argument lists of the act, in order; none for a stage that only asks."""
        return ()

    def requires(self, target: Target) -> Findings:
        """What must hold at the very moment of the act, beside what `observe` said; only what is not ok counts."""
        return Findings()

    def act(self, target: Target, line: Line) -> Findings:
        """Run the commands; what they printed is a finding only where it explains a failure."""
        for command in self.commands(target):
            done = target.world.git.run(command.arguments, stdin=command.stdin)
            if done.returncode != 0:
                return Findings([self._refused(target, command, done.reason)])
        return Findings()

    def log(self, target: Target) -> Path | None:
        """Where everything that the act printed is kept, for an act that prints much."""
        return None

    def remedy(self, target: Target) -> str:
        """What helps when the act was refused."""
        return "mend the cause, then run this release again: it goes on from here"

    def _refused(self, target: Target, command: Command, reason: str) -> Finding:
        return Finding.failed(self.name, " ".join(command.arguments), f"refused: {reason}", self.remedy(target))


class RemoteObservingStage(Stage):
    """A stage whose state is told by comparing the commit with the remote."""

    def observe(self, target: Target) -> Observation:
        view = target.observe_remote()
        if isinstance(view, str):
            finding = Finding.unknown(self.name, "HEAD", view, "git log -1, and the stage `tree`")
            return Observation.of_check(Findings([finding]))
        return self.judge(target, view)

    @abstractmethod
    def judge(self, target: Target, view: RemoteView) -> Observation:
        """Tell the state from what the remote answered."""
