"""The release: a target, the stages it passes in order, and the record of how it went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.release.record import Record, StageRun
from binoc_runbook.stages import ACTS, QUESTIONS, RECHECKED, STAGES, Observation, Stage, Target
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact, TriggerListener

#: A rehearsal is never finished later: the next one starts from nothing.
_UNTOUCHED = "nothing outside this rehearsal was changed"


class ReleaseReporter(TriggerListener, Protocol):
    """A listener that shows a run while it goes on; every method but `line` shows a whole thing at once."""

    def opened(self, release: Release) -> None:
        """What is about to be released."""

    def plan(self, release: Release) -> None:
        """The stages with their commands."""

    def begins(self, stage: Stage, doing: str) -> None:
        """A stage is being asked, or starts to act and is going to print lines."""

    def ended(self, run: StageRun) -> None:
        """That stage has ended, one way or another."""

    def at_the_line(self, release: Release, stopped: list[StageRun]) -> None:
        """Everything that can be asked before the first public act was asked."""

    def followed(self, release: Release, published: Sequence[PublishedArtifact], red: Findings) -> None:
        """What the tag has started is over, in a rehearsal with what is out, and the jobs that are red nevertheless."""

    def finished(self, release: Release, filed: str | None) -> None:
        """The run has ended well; `filed` is where its record goes, from the root."""


class Release:
    """A release on its way; it gives the plan, runs a stage, and keeps the record.

    `target` is what is released, and where; `record` what has happened so far. It is written to the directory `runs`
    whenever something has; `reporter` shows it to people. With `dry_run` the acts are withheld.
    """

    def __init__(self, target: Target, reporter: ReleaseReporter, runs: Path, *, dry_run: bool) -> None:
        self.target = target
        self.dry_run = dry_run
        self.record = Record(_facts(target, dry_run=dry_run), target.world.clean)
        self._reporter = reporter
        self._runs = runs
        # Asked once: what the stages before the line guard is no longer in question when all of it is on the remote.
        self._released_before = target.released()
        reporter.opened(self)

    def plan(self) -> None:
        """Show the stages with the commands that the acts will run; the same objects are run afterwards."""
        self._reporter.plan(self)

    def run(self, name: str) -> None:
        """Run one stage: observe it, act if it is ready and this is no dry run, and observe it again.

        A dry run goes on whatever a stage finds, to say all reasons at once in the end, and so does a real one up to
        the tests, which are not started in vain.

        Raises:
            RefusedError: In a real run, from the tests on: this stage, or one before it, is not done.
        """
        stage = next(stage for stage in STAGES if stage.name == name)
        strict = not self.dry_run and stage not in QUESTIONS
        if strict:
            self._refuse_if([run for run in self.record.stages if run.state != "done"])
        run = StageRun(stage)
        self.record.stages.append(run)
        began = time.monotonic()
        try:
            self._pass(run)
        except KeyboardInterrupt:
            saw, remedy = "this stage was interrupted", "run the same command again to go on"
            run.problems = Findings([Finding.failed(stage.name, "Ctrl-C", saw, remedy)])
            raise RefusedError(f"interrupted in `{stage.name}`", run.problems, self._standing()) from None
        finally:
            run.seconds = time.monotonic() - began
            self._reporter.ended(run)
            self._write()
        if strict:
            self._refuse_if([run] if run.state != "done" else [])

    def line(self) -> None:
        """Observe once more what may have changed while the tests ran; beyond this line a run is public.

        Raises:
            RefusedError: A real run in which anything before the line is not done.
        """
        from concurrent.futures import ThreadPoolExecutor

        again = [run for run in self.record.stages if run.stage.name in RECHECKED]
        with ThreadPoolExecutor() as asking:  # side by side: each mostly waits for git
            for run, observed in zip(again, asking.map(lambda run: self._observe(run.stage), again), strict=True):
                run.after = observed
        self._write()
        stopped = [run for run in self.record.stages if run.state in ("blocked", "unknown") or run.problems]
        self._reporter.at_the_line(self, stopped)
        if not self.dry_run:
            self._refuse_if(stopped)

    def follow(self) -> None:
        """Follow the workflow that the pushed tag triggers, where the world runs it; otherwise say what it triggers.

        Raises:
            RefusedError: The workflow ran, and something was not published, or another job has failed.
        """
        target = self.target
        try:
            run = None
            if not (self.dry_run or target.world.quick):
                run = target.world.follow_tag(target.policy, target.version, self._reporter, self._keep_jobs)
        except KeyboardInterrupt:
            target.world.close()
            saw, remedy = "the rehearsed workflow was interrupted", "rehearse again: it starts anew"
            reasons = Findings([Finding.failed("publication", "Ctrl-C", saw, remedy)])
            raise RefusedError("interrupted in the rehearsed workflow", reasons, _UNTOUCHED) from None
        finally:
            self._write()
        if run is None:
            self._reporter.followed(self, (), Findings())
            return
        self.record.published = [artifact.to_json() for artifact in run.published]
        self._reporter.followed(self, run.published, run.failed_jobs.having("warning"))
        self._write()
        if reasons := run.missing + run.failed_jobs.having("failed"):
            self.record.outcome = "refused"
            self._write()
            target.world.close()
            raise RefusedError(f"the rehearsed publication of {target.version} is not whole", reasons, _UNTOUCHED)

    def _keep_jobs(self, attempt: int, jobs: Sequence[JobRun]) -> None:
        self.record.jobs += [{"attempt": attempt, **job.to_json()} for job in jobs]
        self._write()

    def finish(self) -> None:
        """Say how the run ended and what to type next, and file the record.

        Raises:
            RefusedError: Something was found *failed*; a dry run says here every reason at once.
        """
        self._refuse_if([run for run in self.record.stages if run.findings.status == "failed"])
        missing = [stage for stage in STAGES if stage not in {run.stage for run in self.record.stages}]
        self._refuse_if([StageRun(stage) for stage in missing])
        self.record.outcome = "dry run" if self.dry_run else "released"
        self.record.refs = self._held()
        self._write()
        self._reporter.finished(self, self._file())
        self.target.world.close()

    def _held(self) -> dict[str, str]:
        """What the remote holds in the end; a rehearsed one all of it, a real one what this release is about."""
        view = self.target.last_view()  # the last stage has just looked
        if isinstance(view, str):
            return {}
        if self.target.world.kind == "rehearsal":
            return dict(self.target.world.git.remote_refs(self.target.remote).refs or {})
        return dict(view.refs.refs or {})

    # How a stage is passed.

    def _pass(self, run: StageRun) -> None:
        stage, target = run.stage, self.target
        self._reporter.begins(stage, "asking")
        run.before = self._observe(stage)
        if run.before.state == "done":
            return
        run.commands = stage.commands(target)
        if run.before.state != "ready" or (self.dry_run and stage in ACTS):
            return
        run.problems = stage.requires(target).having("failed", "unknown")
        if run.problems:
            return
        run.log = stage.log(target)
        if run.log is not None:
            self._reporter.begins(stage, " && ".join(map(str, run.commands)))
        run.acted = True
        problems = stage.act(target, self._reporter.line)
        run.after = self._observe(stage)
        # What an act reports is not believed before the world was asked: a push may time out after it has landed.
        run.problems = Findings() if run.after.state == "done" else problems

    def _observe(self, stage: Stage) -> Observation:
        if self._released_before and stage not in ACTS:
            saw = f"`{self.target.tag}` is on `{self.target.remote}`: what this stage guards has been released"
            return Observation.of_check(Findings([Finding.ok(stage.name, f"git ls-remote {self.target.remote}", saw)]))
        return stage.observe(self.target)

    # How a run ends.

    def _refuse_if(self, runs: list[StageRun]) -> None:
        if not runs:
            return
        self.record.outcome = "refused"
        self._write()
        what = "dry run" if self.dry_run else "release"
        names = ", ".join(f"`{run.stage.name}`" for run in runs)
        found = Findings(finding for run in runs for finding in _reasons(run))
        self.target.world.close()
        raise RefusedError(f"{what} of {self.target.version} refused: {names}", found, self._standing())

    def _standing(self) -> str:
        """What is public by now, and what to type next."""
        acted = [run.stage.name for run in self.record.stages if run.stage in ACTS and run.state == "done"]
        if self.dry_run or not acted:
            return "nothing was pushed and nothing was tagged"
        if self.target.world.kind == "rehearsal":
            return _UNTOUCHED
        return f"done so far: {', '.join(acted)}; run the same command again once this is mended: it finishes the rest"

    def _write(self) -> None:
        name = str(self.target.version) if self.target.world.kind == "real" else f"rehearsal-{self.target.version}"
        self.record.write(self._runs / f"{name}.json")

    def _file(self) -> str | None:
        """File the record of a real release; one that is there stays as it is."""
        if self.dry_run or self.target.world.kind != "real":
            return None
        twin = self.target.world.root / RECORDS / f"{self.target.version}.json"
        if not twin.exists():
            self.record.write(twin)
        return f"{RECORDS}{self.target.version}.ipynb"

    def record_is_committed(self) -> bool:
        """Whether git already has the record that was filed."""
        told = self.target.world.git.query("ls-files", "--", f"{RECORDS}{self.target.version}.json")
        return bool(told.stdout.strip())


def _reasons(run: StageRun) -> Findings:
    found = run.findings.having("failed", "unknown")
    if found:
        return found
    saw = f"is {run.state}, not done"
    return Findings([Finding.failed(run.stage.name, run.stage.sentence, saw, "run this release again")])


def _facts(target: Target, *, dry_run: bool) -> dict[str, Any]:
    """What is known of a run from its start: what is released, from where, to where, and with which tools."""
    import platform
    from importlib import metadata

    git = target.world.git
    state = target.tree_state()
    return {
        "version": target.version.semver,
        "tag": target.tag,
        "dry_run": dry_run,
        "world": target.world.kind,
        "repository": target.policy.repository,
        "remote": target.remote,
        "remote_url": git.remote_url(target.remote),
        "branch": None if isinstance(state, str) else state.branch,
        "commit": None if isinstance(state, str) else state.commit,
        "tree": None if isinstance(state, str) else state.tree,
        "tools": {
            "git": git.query("version").stdout.strip().removeprefix("git version "),
            "python": platform.python_version(),
            "papermill": metadata.version("papermill"),
            "binoc-runbook": metadata.version("binoc-runbook"),
        },
    }
