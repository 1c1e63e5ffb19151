"""Stages of a release: each has a check, and some have commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from binoc_runbook.checks.observations import TIMED_OUT, ProcessResult
from binoc_runbook.checks.push_settings import unrequested_refs
from binoc_runbook.checks.remote import RemoteView
from binoc_runbook.finding import Finding, Findings, Status
from binoc_runbook.stages.target import Target
from binoc_runbook.world.processes import process_threads

Reach = Literal["local", "public", "permanent"]
State = Literal["done", "ready", "blocked", "unknown"]
Line = Callable[[str], None]

_STATES: dict[Status, State] = {"ok": "done", "warning": "done", "failed": "blocked", "unknown": "unknown"}


@dataclass(frozen=True, slots=True)
class Command:
    """An argument list, its effect in one sentence, and its standard input."""

    arguments: tuple[str, ...]
    effect: str
    stdin: str | None = None

    def __str__(self) -> str:
        """Return the command line for a shell."""
        import shlex

        return shlex.join(self.arguments)


@dataclass(frozen=True, slots=True)
class Observation:
    """The state of a stage, with its findings."""

    state: State
    findings: Findings

    @classmethod
    def of_check(cls, findings: Findings) -> Observation:
        """Return the state of a stage without an action: done if all checks ran and none failed."""
        return cls(_STATES[findings.status], findings)

    @classmethod
    def of_action(cls, findings: Findings) -> Observation:
        """Return the state of a stage before its action: ready if all checks ran and none failed."""
        observation = cls.of_check(findings)
        return cls("ready", findings) if observation.state == "done" else observation


class Stage(ABC):
    """One stage of a release: it is observed, acts if it has an action, and is observed again."""

    name: ClassVar[str]
    sentence: ClassVar[str]
    reach: ClassVar[Reach] = "local"

    @abstractmethod
    def observe(self, target: Target) -> Observation:
        """Observe whether this stage is done, ready to act, blocked or unknown."""

    def commands(self, target: Target) -> tuple[Command, ...]:
        """Return the exact argument lists of the action, in order; none for a stage without an action."""
        return ()

    def requires(self, target: Target) -> Findings:
        """Check again, immediately before the action; return only findings that are not ok."""
        return Findings()

    def act(self, target: Target, line: Line) -> Findings:
        """Run the commands; return a finding only if one of them fails. `target.results` keeps the last result."""
        target.results.pop(self.name, None)
        for command in self.commands(target):
            result = target.results[self.name] = self.run(target, command)
            if result.returncode != 0:
                remedy = self.remedy(target)
                if result.returncode == TIMED_OUT:
                    remedy = "run this release again; if it needs more time, set a larger `push-timeout` in the policy"
                looked_at = " ".join(command.arguments)
                return Findings([Finding.failed(self.name, looked_at, f"failed: {result.reason}", remedy)])
        return Findings()

    def run(self, target: Target, command: Command) -> ProcessResult:
        """Run one command of the action."""
        limit = target.policy.push_timeout
        return target.world.git.act(command.arguments, stdin=command.stdin, timeout=limit)

    def log(self, target: Target) -> Path | None:
        """Return the path of the log with the complete output of the action, if there is one."""
        return None

    def remedy(self, target: Target) -> str:
        """Return the fix for a failed action."""
        return "fix the cause, then run this release again; it continues from here"


def observe_together(stages: Iterable[Stage], observe: Callable[[Stage], Observation]) -> list[Future[Observation]]:
    """Observe stages in threads, because each mostly waits for git or cargo; return after the last one has ended."""
    with process_threads() as pool:
        observations = [pool.submit(observe, stage) for stage in stages]
        wait(observations)
    return observations


class RemoteObservingStage(Stage):
    """A stage whose state depends on the refs of the remote."""

    def observe(self, target: Target) -> Observation:
        return self._judge(target, target.observe_remote())

    def judge_last(self, target: Target) -> Observation:
        """Return the state for the last view of the remote, without observing it again."""
        return self._judge(target, target.last_view())

    def _judge(self, target: Target, view: RemoteView | str) -> Observation:
        if isinstance(view, str):
            looked_at, remedy = f"HEAD and the remote `{target.remote}`", "git status && git remote --verbose"
            finding = Finding.unknown(self.name, looked_at, view, remedy)
            return Observation.of_check(Findings([finding]))
        return self.judge(target, view)

    @abstractmethod
    def judge(self, target: Target, view: RemoteView) -> Observation:
        """Return the state for the refs of the remote."""


class PushStage(RemoteObservingStage):
    """A stage that pushes; its observation includes the refs that a push published without being requested."""

    def run(self, target: Target, command: Command) -> ProcessResult:
        result = super().run(target, command)
        target.unrequested += unrequested_refs(result)
        return result
