"""Rehearsal of one fault of the catalogue: create it, release, look at it, fix it, and release again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from binoc_runbook.display import text
from binoc_runbook.display.diagnosis import conclusion
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.rehearsal.sandbox import Sandbox, open_sandbox
from binoc_runbook.rehearsal.scenarios import Scenario
from binoc_runbook.release.doctor import examine
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.record import StageRun
from binoc_runbook.release.run import Release
from binoc_runbook.stages import ACTION_STAGES, STAGES
from binoc_runbook.world import World

CHECK = "fault"

Line = Callable[[str], None]


def rehearse_fault(source: Path, scenario: Scenario, line: Line) -> Findings:
    """Rehearse a fault with the files of a checkout; return one finding for each expectation.

    Raises:
        RefusedError: The sandbox could not be opened.
    """
    version = open_target(World.real(source), None).version
    with open_sandbox(source, version) as sandbox:
        rehearsal = _Rehearsal(sandbox, scenario, line)
        rehearsal.run()
        return Findings(rehearsal.findings)


@dataclass
class _Rehearsal:
    sandbox: Sandbox
    scenario: Scenario
    line: Line
    findings: list[Finding] = field(default_factory=list)
    #: The tags of the versions that were released.
    tags: set[str] = field(default_factory=set)

    def run(self) -> None:
        scenario, sandbox = self.scenario, self.sandbox
        assert scenario.create is not None  # noqa: S101 - the command refuses the others
        self.line(f"{scenario.number} {scenario.name}: {scenario.symptom}")
        scenario.create(sandbox)
        findings = self._release()
        shown = [item for item in findings if (item.check, item.status) == (scenario.check, scenario.status)]
        self._expect(bool(shown), "the release", f"shows a finding of `{scenario.check}` with status {scenario.status}")
        self._diagnose(scenario.state)
        for command in scenario.fix(sandbox):
            self.line(f"$ {command}")
            result = sandbox.type(command)
            reason = "" if result.returncode == 0 else f", not with {result.returncode}: {result.reason}"
            self._expect(not reason, command, f"exits with 0{reason}")
        if scenario.releases == "next":
            sandbox.version = sandbox.version.next()
        final = self._release()
        reason = f", not as {final.status}" if final.status in ("failed", "unknown") else ""
        self._expect(not reason, "the release, again", f"ends without an error{reason}")
        self._diagnose(scenario.final)
        self._expect_refs()

    def _expect(self, holds: bool, looked_at: str, saw: str) -> None:
        finding = Finding.ok(CHECK, looked_at, saw)
        if not holds:
            finding = Finding.failed(CHECK, looked_at, f"expected: {saw}", "report this as a defect of the rehearsal")
        self.findings.append(finding)

    def _release(self) -> Findings:
        """Run the release and return its findings; the person types the same command each time."""
        sandbox = self.sandbox
        self.tags.add(sandbox.tag)
        self.line(f"$ ./just release {sandbox.version}")
        target = open_target(sandbox.world, sandbox.version)
        reporter = _Reporter(self.line)
        try:
            release = Release(target, reporter, sandbox.world.runs, dry_run=False)
            for stage in STAGES:
                if stage is ACTION_STAGES[0]:
                    release.recheck()
                release.run(stage.name)
            if self.scenario.workflow == "passes":
                sandbox.start_workflow()
            release.follow()
            release.finish()
        except RefusedError as refused:
            for text_line in str(refused).splitlines():
                self.line(f"  {text_line}")
            return refused.findings
        self.line(f"  {release.target.version} is released")
        return Findings(finding for run in release.record.stages for finding in run.findings) + reporter.results

    def _diagnose(self, state: str) -> None:
        sandbox = self.sandbox
        diagnosis = examine(open_target(sandbox.world, sandbox.version), sandbox.built)
        self.line("$ ./just doctor")
        for text_line in conclusion(diagnosis):
            self.line(f"  {text_line}")
        reason = "" if diagnosis.state.name == state else f", not `{diagnosis.state.name}`"
        self._expect(not reason, "doctor", f"shows the state `{state}`{reason}")

    def _expect_refs(self) -> None:
        """Check that the remote has the annotated tag, and no other ref than the branch and the tags of the plans."""
        sandbox = self.sandbox
        refs = set(sandbox.git("for-each-ref", "--format=%(refname) %(objecttype)", at=sandbox.remote).splitlines())
        planned = {f"refs/heads/{sandbox.branch} commit", *(f"refs/tags/{tag} tag" for tag in self.tags)}
        self._expect(f"refs/tags/{sandbox.tag} tag" in refs, "the remote", f"has the annotated tag `{sandbox.tag}`")
        self._expect(refs <= planned, "the remote", "has only the refs of the plans")


class _Reporter:
    """A reporter that shows each stage on one line, and its problems."""

    def __init__(self, line: Line) -> None:
        self.line = lambda words: None
        self.results: list[Finding] = []
        self._show = line

    def stage_ended(self, run: StageRun) -> None:
        self._show(f"  {next(text.stage(run))}")

    def result(self, headline: str, findings: Findings) -> None:
        self.results += findings

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: None
