"""Stage 6: the tests passed for exactly this tree.

The output of the test command is shown and logged. A record contains its size and its digest, and the last lines only
after a failure: a test can print what must not be published, and a release with failed tests has no published record.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.checks.tree import unrecorded
from binoc_runbook.environ import TESTING, is_hidden
from binoc_runbook.finding import Finding, Findings, Status
from binoc_runbook.stages.stage import Command, Line, Observation, Stage
from binoc_runbook.stages.target import PassedTests, Target
from binoc_runbook.world.processes import Processes

#: The format of the time in stored results, in UTC.
_STORED_TIME = "%Y-%m-%d %H:%M UTC"

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
            saw = f"passed in this run for {tested}; {target.tested[state.tree]}"
            if self._command(target) is _NOTHING:
                saw = "this rehearsal ran a command that does nothing instead"
            return Observation.of_check(self._one("ok", command, saw))
        result = None if target.retest or state.differs else target.world.test_results.read(self._key(target, state))
        if result is not None:
            passed = datetime.datetime.strptime(result["passed"], _STORED_TIME)
            target.passed_tests = PassedTests(f"{passed:%Y-%m-%dT%H:%M:%SZ}", result["seconds"], stored=True)
            saw = f"passed on {result['passed']} in {result['seconds']:.0f} s"
            saw += f" for tree {state.tree[:12]} with this toolchain"
            saw += f"; {result['output']}" if "output" in result else ""
            return Observation.of_check(self._one("ok", command, saw))
        return Observation.of_action(self._one("ok", command, f"not yet passed for tree {state.tree[:12]}"))

    def commands(self, target: Target) -> tuple[Command, ...]:
        arguments = self._command(target)
        return (Command(arguments, "runs the tests of this checkout; nothing leaves the machine"),) if arguments else ()

    def act(self, target: Target, line: Line) -> Findings:
        before = target.tree_state()
        for command in self.commands(target):
            looked_at, program = " ".join(target.policy.test), command.arguments[0]
            processes, environment = self._processes(target), {TESTING: target.version.semver}
            if processes.find(program) is None:
                saw = f"`{program}` was not found on PATH"
                return self._one("failed", looked_at, saw, f"install `{program}`, or run the release with ./just")
            result = processes.watch(command.arguments, self.log(target), line, environment=environment)
            if result.returncode != 0:
                log = self.log(target).relative_to(target.world.runs.parent)
                lines = "".join(f"\n  {text}" for text in result.tail[-12:])
                saw = f"failed with exit code {result.returncode} after {result.seconds:.0f} s; last lines:{lines}"
                return self._one("failed", looked_at, saw, f"{looked_at}   (complete output: {log.as_posix()})")
            self._store(target, before, result.seconds, _summary(self.log(target)))
        return Findings()

    def log(self, target: Target) -> Path:
        return target.world.runs / target.version.semver / "tests.log"

    def _command(self, target: Target) -> tuple[str, ...]:
        return _NOTHING if target.world.skip_tests else target.policy.test

    @staticmethod
    def _processes(target: Target) -> Processes:
        """Return the processes of the world without the variables that the tests must not get."""
        processes, is_withheld = target.world.processes, is_hidden(target.policy.hidden_variables)
        return replace(processes, withheld=lambda name: processes.withheld(name) or is_withheld(name))

    def _store(self, target: Target, before: TreeState | str, seconds: float, output: str) -> None:
        after = target.tree_state()
        if isinstance(before, str) or isinstance(after, str) or before.tree is None or before.tree != after.tree:
            return
        target.tested[before.tree] = output
        now = datetime.datetime.now(datetime.UTC)
        target.passed_tests = PassedTests(f"{now:%Y-%m-%dT%H:%M:%SZ}", round(seconds, 1), stored=False)
        # The checkout was tested. Later runs can rely on the result only if the checkout is exactly the tree.
        if not (before.differs or after.differs or unrecorded(before) or unrecorded(after)):
            facts = {"passed": now.strftime(_STORED_TIME), "seconds": round(seconds, 1), "output": output}
            target.world.test_results.write(self._key(target, after), facts)

    def _key(self, target: Target, state: TreeState) -> dict[str, Any]:
        return {"tree": state.tree, "command": list(target.policy.test), "toolchain": target.world.toolchain}

    @staticmethod
    def _one(status: Status, looked_at: str, saw: str, remedy: str = "") -> Findings:
        return Findings([Finding("tests", status, looked_at, saw, remedy)])


def _summary(log: Path) -> str:
    """Return the size and the SHA-256 digest of the output in a log."""
    digest, size, count = hashlib.sha256(), 0, 0
    with log.open("rb") as lines:
        for line in lines:
            digest.update(line)
            size, count = size + len(line), count + 1
    return f"output: {count} {'line' if count == 1 else 'lines'}, {size} bytes, SHA-256 {digest.hexdigest()}"
