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
            reason = state if isinstance(state, str) else "no commit yet"
            findings = self._one("unknown", "git status", f"no tree to test: {reason}", "see the stage `tree`")
            return Observation.of_check(findings)
        if TESTING in os.environ:
            saw = "this release runs inside the test command, so it does not run the tests again"
            return Observation.of_check(self._one("ok", TESTING, saw))
        if not self._command(target):
            saw, remedy = "the policy has no `test`, so nothing was tested", 'add `test = ["just", "test-code"]`'
            return Observation.of_check(self._one("warning", str(target.policy.source), saw, remedy))
        command = " ".join(target.policy.test)
        if state.tree in target.tested:
            tested = "the checkout with its changes" if state.differs else f"tree {state.tree[:12]}"
            saw = f"passed in this run for {tested}"
            if self._command(target) is _NOTHING:
                saw = "this quick rehearsal ran a command that does nothing instead"
            return Observation.of_check(self._one("ok", command, saw))
        result = None if target.retest or state.differs else target.world.test_results.read(self._key(target, state))
        if result is not None:
            saw = f"passed on {result['passed']} in {result['seconds']:.0f} s"
            saw += f" for tree {state.tree[:12]} with this toolchain"
            return Observation.of_check(self._one("ok", command, saw))
        return Observation.of_action(self._one("ok", command, f"not yet passed for tree {state.tree[:12]}"))

    def commands(self, target: Target) -> tuple[Command, ...]:
        arguments = self._command(target)
        return (Command(arguments, "runs the tests of this checkout; nothing leaves the machine"),) if arguments else ()

    def act(self, target: Target, line: Line) -> Findings:
        before = target.tree_state()
        for command in self.commands(target):
            looked_at, program = " ".join(target.policy.test), command.arguments[0]
            processes, environment = target.world.processes, {TESTING: target.version.semver}
            if processes.find(program) is None:
                saw = f"`{program}` was not found on PATH"
                return self._one("failed", looked_at, saw, f"install `{program}`, or run the release with ./just")
            result = processes.watch(command.arguments, self.log(target), line, environment=environment)
            if result.returncode != 0:
                log = self.log(target).relative_to(target.world.runs.parent)
                lines = "".join(f"\n  {text}" for text in result.tail[-12:])
                saw = f"failed with exit code {result.returncode} after {result.seconds:.0f} s; last lines:{lines}"
                return self._one("failed", looked_at, saw, f"{looked_at}   (complete output: {log.as_posix()})")
            self._store(target, before, result.seconds)
        return Findings()

    def log(self, target: Target) -> Path:
        return target.world.runs / target.version.semver / "tests.log"

    def _command(self, target: Target) -> tuple[str, ...]:
        return _NOTHING if target.world.quick else target.policy.test

    def _store(self, target: Target, before: TreeState | str, seconds: float) -> None:
        after = target.tree_state()
        if isinstance(before, str) or isinstance(after, str) or before.tree is None or before.tree != after.tree:
            return
        target.tested.add(before.tree)
        # The checkout was tested. Later runs can rely on the result only if the checkout is exactly the tree.
        if not (before.differs or after.differs or unrecorded(before) or unrecorded(after)):
            passed = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
            target.world.test_results.write(self._key(target, after), {"passed": passed, "seconds": round(seconds, 1)})

    def _key(self, target: Target, state: TreeState) -> dict[str, Any]:
        return {"tree": state.tree, "command": list(target.policy.test), "toolchain": target.world.toolchain}

    @staticmethod
    def _one(status: Status, looked_at: str, saw: str, remedy: str = "") -> Findings:
        return Findings([Finding("tests", status, looked_at, saw, remedy)])
