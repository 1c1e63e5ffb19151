"""Stage 6: the tests passed for exactly this tree."""

from __future__ import annotations

import datetime
import os
import sys
from pathlib import Path
from typing import Any

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.checks.tree import unrecorded
from binoc_runbook.environ import TESTING
from binoc_runbook.finding import Finding, Findings, Status
from binoc_runbook.stages.stage import Command, Line, Observation, Stage
from binoc_runbook.stages.target import Target

_NOTHING = (sys.executable, "-c", "pass")


class TestsStage(Stage):
    name = "tests"
    sentence = "The test command passed for exactly this tree."

    def observe(self, target: Target) -> Observation:
        state = target.tree_state()
        if isinstance(state, str) or state.tree is None:
            reason = state if isinstance(state, str) else "there is no commit yet"
            return Observation.of_check(self._one("unknown", "git status", f"no tree to test: {reason}", "see `tree`"))
        if TESTING in os.environ:
            saw = "this release runs inside the test command itself, which does not test itself again"
            return Observation.of_check(self._one("ok", TESTING, saw))
        if not self._command(target):
            saw = "the policy declares no test command, so nothing was tested"
            findings = self._one("warning", str(target.policy.source), saw, 'test = ["just", "test-code"]')
            return Observation.of_check(findings)
        question = " ".join(target.policy.test)
        if state.tree in target.tested:
            what = "the checkout with its changes" if state.changed else f"tree {state.tree[:12]}"
            saw = f"passed in this run for {what}"
            if self._command(target) is _NOTHING:
                saw = "a command that does nothing stood in for it: this rehearsal is a quick one"
            return Observation.of_check(self._one("ok", question, saw))
        note = None if target.retest or state.changed else target.world.test_results.read(self._key(target, state))
        if note is not None:
            saw = (
                f"passed at {note['passed']} for tree {state.tree[:12]} with this toolchain, in {note['seconds']:.0f} s"
            )
            return Observation.of_check(self._one("ok", question, saw))
        return Observation.of_action(self._one("ok", question, f"not seen to pass yet for tree {state.tree[:12]}"))

    def commands(self, target: Target) -> tuple[Command, ...]:
        arguments = self._command(target)
        return (Command(arguments, "runs the tests of this checkout; nothing leaves the machine"),) if arguments else ()

    def act(self, target: Target, line: Line) -> Findings:
        before = target.tree_state()
        for command in self.commands(target):
            question, program = " ".join(target.policy.test), command.arguments[0]
            processes, environment = target.world.processes, {TESTING: target.version.semver}
            if processes.find(program) is None:
                saw = f"`{program}` was not found on PATH"
                return self._one("failed", question, saw, f"install `{program}`, or run this through ./just")
            ended = processes.watch(command.arguments, self.log(target), line, environment=environment)
            if ended.returncode != 0:
                log = self.log(target).relative_to(target.world.runs.parent)
                told = "".join(f"\n  {text}" for text in ended.tail[-12:])
                saw = f"failed with exit code {ended.returncode} after {ended.seconds:.0f} s; its last words:{told}"
                return self._one("failed", question, saw, f"{question}   (everything it printed: {log.as_posix()})")
            self._note(target, before, ended.seconds)
        return Findings()

    def log(self, target: Target) -> Path:
        return target.world.runs / target.version.semver / "tests.log"

    def _command(self, target: Target) -> tuple[str, ...]:
        return _NOTHING if target.world.quick else target.policy.test

    def _note(self, target: Target, before: TreeState | str, seconds: float) -> None:
        after = target.tree_state()
        if isinstance(before, str) or isinstance(after, str) or before.tree is None or before.tree != after.tree:
            return
        target.tested.add(before.tree)
        # What was tested is the checkout. Only where that is the tree and nothing else may a later run rely on it.
        if not (before.changed or after.changed or unrecorded(before) or unrecorded(after)):
            passed = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
            target.world.test_results.write(self._key(target, after), {"passed": passed, "seconds": round(seconds, 1)})

    def _key(self, target: Target, state: TreeState) -> dict[str, Any]:
        return {"tree": state.tree, "command": list(target.policy.test), "toolchain": target.world.toolchain}

    @staticmethod
    def _one(status: Status, looked_at: str, saw: str, remedy: str = "") -> Findings:
        return Findings([Finding("tests", status, looked_at, saw, remedy)])
