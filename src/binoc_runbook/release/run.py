"""The release: it runs the stages in order for a target, and keeps the record of the run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from binoc_runbook.checks.remote import RemoteView
from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.environ import TESTING
from binoc_runbook.finding import Finding, Findings, InterruptedRunError, RefusedError
from binoc_runbook.release.attempts import CHECK, NOTHING_PUSHED, lock, set_aside, unwritable
from binoc_runbook.release.effects import compare_tags, explain, flag_of, made_change, pushed_ref
from binoc_runbook.release.record import Record, StageRun
from binoc_runbook.stages import (
    ACTION_STAGES,
    CHECK_STAGES,
    RECHECKED,
    STAGES,
    Observation,
    Stage,
    Target,
    observe_together,
)
from binoc_runbook.stages.remote import released_commit
from binoc_runbook.version import Version
from binoc_runbook.world.processes import process_threads
from binoc_runbook.world.release_lock import unlock_releases
from binoc_runbook.world.triggered_run import JobRun, PublishedArtifact, PushedTag, TriggeredRun, TriggerListener

if TYPE_CHECKING:
    from binoc_runbook.release.verification import Verification

#: The state after an interrupted rehearsal, which is not resumed: the next one starts from the beginning.
_UNTOUCHED = "nothing outside this rehearsal was changed"

#: The place of the finding of an interrupted run.
INTERRUPT = "Ctrl-C"

#: For how long a stage can use an observation that was made before it was run, in seconds.
RECENT = 10.0


class ReleaseReporter(TriggerListener, Protocol):
    """A listener that shows the progress of a run."""

    def opened(self, release: Release) -> None:
        """Show what is going to be released."""

    def plan(self, release: Release) -> None:
        """Show the stages with their commands."""

    def stopped(self, release: Release) -> None:
        """Show how far a refused or interrupted run has come; the exception with the reasons follows."""

    def stage_started(self, stage: Stage, activity: str) -> None:
        """Show that a stage starts to check or to act; lines may follow."""

    def stage_ended(self, run: StageRun) -> None:
        """Show the result of the stage that was started."""

    def point_of_no_return(self, release: Release, stopped: list[StageRun]) -> None:
        """Show the result of the last checks before the first public action; `stopped` are the stages that refuse."""

    def started(self, activity: str) -> None:
        """Show that a check after the stages starts; lines may follow."""

    def result(self, headline: str, findings: Findings) -> None:
        """Show the result of the check that was started."""

    def publication(self, release: Release, published: Sequence[PublishedArtifact], warnings: Findings) -> None:
        """Show what the tag triggered: in a rehearsal, the published files and the warnings about failed jobs."""

    def verified(self, version: Version, names: str) -> None:
        """Show that a verification has succeeded, with the names of the published artifacts."""

    def finished(self, release: Release, filed: str | None) -> None:
        """Show that the run has succeeded; `filed` is the path of its record, relative to the root."""


class Release:
    """A release: it shows the plan, runs stages, and keeps the record.

    `target` is what is released, and where. `record` is written to the directory `runs` at the start and after each
    step. `reporter` shows the progress. With `dry_run` the actions are skipped. With `wait` the workflow run at GitHub
    is followed until it has ended, and then the published artifacts are verified; `verification` has the result. A real
    release locks the clone until it has finished or its process ends.

    Raises:
        RefusedError: Another release of this clone is running, or the record cannot be written.
    """

    def __init__(
        self, target: Target, reporter: ReleaseReporter, runs: Path, *, dry_run: bool, wait: bool = False
    ) -> None:
        self.target = target
        self.dry_run = dry_run
        self.wait = wait
        self.verification: Verification | None = None
        #: Why the publication is not complete; `finish` reports it, after the record was filed.
        self._unpublished = Findings()
        self._reporter = reporter
        self._runs = runs
        self._name = str(target.version) if target.world.kind == "real" else f"rehearsal-{target.version}"
        # The last view of the remote before an action, and the tag object that this run has created.
        self._view: RemoteView | None = None
        self._created: str | None = None
        # Observations of stages that have not run yet, with their times; each is used once.
        self._early: dict[Stage, tuple[float, Callable[[], Observation]]] = {}
        # The first checks while they run: when they began, the pool of their thread, and their results.
        self._begun: tuple[float, ExitStack, Future[dict[Stage, Callable[[], Observation]]]] | None = None
        target.world.show_waits(reporter.line)
        if target.world.kind == "real":
            lock(target.world.root, str(target.version), dry_run=dry_run)
        with process_threads(1) as pool:
            released = pool.submit(target.released)
            self.record = Record(_facts(target, dry_run=dry_run), target.world.clean)
            self._open_record()
            # Observed once: if the tag is on the remote, the stages before the point of no return are not checked.
            self._released_before = released.result()
        reporter.opened(self)

    def plan(self) -> None:
        """Show the stages with their commands; the same objects run later. Meanwhile the checks begin.

        Raises:
            InterruptedRunError: The run was interrupted.
        """
        with self._interruptible("`plan`"), ExitStack() as opened:
            pool, now = opened.enter_context(process_threads(1)), time.monotonic()
            checks = pool.submit(self._observe_early, CHECK_STAGES)
            self._reporter.plan(self)
            self._begun = now, opened.pop_all(), checks

    def run(self, name: str) -> None:
        """Run one stage: observe it; if it is ready, act and observe it again. A dry run skips the actions.

        A dry run continues after a failed stage and reports all reasons at the end. So does a real run before the
        tests, which run only if all earlier stages are done.

        Raises:
            RefusedError: In a real run, from the tests on: this stage, or one before it, is not done. In any run: the
                record cannot be written.
            InterruptedRunError: The run was interrupted.
        """
        stage = next(stage for stage in STAGES if stage.name == name)
        with self._interruptible(f"`{stage.name}`"):
            self._run(stage, strict=not self.dry_run and stage not in CHECK_STAGES)

    def _run(self, stage: Stage, *, strict: bool) -> None:
        if strict:
            self._refuse_if([run for run in self.record.stages if run.state != "done"])
        run = StageRun(stage)
        self.record.stages.append(run)
        began = time.monotonic()
        interruption = Findings()
        try:
            self._observe_and_act(run)
        except KeyboardInterrupt:
            saw, remedy = "this stage was interrupted", "run the same command again to continue"
            interruption = Findings([Finding.failed(stage.name, INTERRUPT, saw, remedy)])
            self._settle_failure(run, interruption)
        except OSError as error:  # a full disk, or a directory that cannot be written
            looked_at = self.target.world.clean(str(error.filename)) if error.filename else stage.sentence
            saw, remedy = f"could not run: {error.strerror or error}", "fix the cause, then run the same command again"
            self._settle_failure(run, Findings([Finding.failed(stage.name, looked_at, saw, remedy)]))
        run.seconds = time.monotonic() - began
        self.record.tests = self.target.passed_tests
        self._reporter.stage_ended(run)
        unwritten = self._write()
        if interruption:
            self._reporter.stopped(self)
            raise InterruptedRunError(f"interrupted in `{stage.name}`", interruption + unwritten, self._progress())
        stopped = strict and (run.state != "done" or run.problems.having("failed", "unknown"))
        self._refuse_if([run] if stopped else [], unwritten)

    def recheck(self) -> None:
        """Observe again the stages that may have changed during the tests: this is the point of no return.

        Raises:
            RefusedError: In a real run, a stage before the point of no return is not done. In any run: the record
                cannot be written.
            InterruptedRunError: The run was interrupted.
        """
        with self._interruptible("the checks before the point of no return"):
            self._recheck()

    def _recheck(self) -> None:
        again = {run.stage: run for run in self.record.stages if run.stage.name in RECHECKED}
        for stage, observation in self._observe_early(list(again)).items():
            again[stage].after = observation()
        if self.dry_run:  # skips the actions, so their stages need no other view of the remote
            now = time.monotonic()
            self._early = {stage: (now, partial(stage.judge_last, self.target)) for stage in ACTION_STAGES}
        unwritten = self._write()
        stopped = [run for run in self.record.stages if run.state in ("blocked", "unknown") or run.problems]
        self._reporter.point_of_no_return(self, stopped)
        self._refuse_if([] if self.dry_run else stopped, unwritten)

    def follow(self) -> None:
        """Show the workflow run that the pushed tag triggers; with `wait`, follow it and verify what it published.

        A dry run shows only what the tag would trigger. A rehearsal runs the workflow. In a real release, `finish`
        reports the problems, because the tag is on the remote and the record must be filed first.

        Raises:
            RefusedError: The rehearsed workflow did not publish an artifact, or another job failed.
            InterruptedRunError: The run was interrupted.
        """
        target, run = self.target, None
        try:
            tag = self._pushed_tag()
            if tag is not None:
                if target.world.kind == "real":
                    self._reporter.started(f"looking for the run of {target.policy.workflow} at GitHub")
                run = target.world.follow_tag(target.policy, tag, self._reporter, self._keep_jobs)
        except KeyboardInterrupt:
            self._reporter.stopped(self)
            raise self._interrupted() from None
        finally:
            self._write()
        if run is None:
            self._reporter.publication(self, (), Findings())
            return
        self.record.workflow_run = run.observed.to_json() if run.observed else None
        if target.world.kind == "real":
            self._judge(run)
            return
        self.record.published = [artifact.to_json() for artifact in run.published]
        self._reporter.publication(self, run.published, run.failed_jobs.having("warning"))
        self._write()
        if reasons := run.missing + run.failed_jobs.having("failed"):
            self.record.outcome = "refused"
            self._write()
            self._reporter.stopped(self)
            target.world.close()
            raise RefusedError(f"the rehearsed publication of {target.version} failed", reasons, _UNTOUCHED)

    def _pushed_tag(self) -> PushedTag | None:
        """Return the tag on the remote, or `None` if this run does not follow it."""
        pushed = [run for run in self.record.stages if run.stage is STAGES[-1] and run.state == "done"]
        if self.dry_run or self.target.world.quick or not pushed or self.target.commit is None:
            return None
        return PushedTag(self.target.version, self.target.commit, is_new=pushed[-1].acted, wait=self.wait)

    def _interrupted(self) -> InterruptedRunError:
        if self.target.world.kind == "real":
            saw, remedy = "this command stopped following the workflow run", "run the same command again to follow it"
            reasons = Findings([Finding.failed("publication", INTERRUPT, saw, remedy)])
            return InterruptedRunError("interrupted after the release", reasons, self._released())
        self.target.world.close()
        saw, remedy = "the rehearsed workflow was interrupted", "run the rehearsal again, from the beginning"
        reasons = Findings([Finding.failed("publication", INTERRUPT, saw, remedy)])
        return InterruptedRunError("interrupted in the rehearsed workflow", reasons, _UNTOUCHED)

    def _judge(self, run: TriggeredRun) -> None:
        """Show the run of a real release; if it was followed and has succeeded, verify the published artifacts."""
        # Without `wait` an unknown state does not fail the release: its last stage is done.
        self._unpublished = run.state.having("failed", "unknown") if self.wait else run.state.having("failed")
        self._reporter.result(f"{self.target.policy.workflow} at GitHub", run.state)
        self._write()
        if self.wait and run.observed is not None and run.observed.succeeded:
            from binoc_runbook.release.verification import verify_release

            self.verification = verify_release(self.target, self._reporter, self._runs)

    def _keep_jobs(self, attempt: int, jobs: Sequence[JobRun]) -> None:
        self.record.jobs += [{"attempt": attempt, **job.to_json()} for job in jobs]
        self._write()

    def finish(self) -> None:
        """Show the outcome and the next commands, and file the record.

        Raises:
            RefusedError: A stage failed; a dry run reports all reasons here. Or the record cannot be written. Or the
                release is done, but GitHub has no workflow run, the run failed, or the verification failed.
            InterruptedRunError: The run was interrupted.
        """
        with self._interruptible("the end of the release"):
            self._finish()

    def _finish(self) -> None:
        self._refuse_if([run for run in self.record.stages if run.findings.status == "failed"])
        missing = [stage for stage in STAGES if stage not in {run.stage for run in self.record.stages}]
        self._refuse_if([StageRun(stage) for stage in missing])
        self.record.outcome = "dry run" if self.dry_run else "released"
        self.record.refs = self._remote_refs()
        self._refuse_if([], self._write())
        self._reporter.finished(self, self._file())
        self.target.world.close()
        unlock_releases(self.target.world.root)
        if self._unpublished:
            result = "failed" if self._unpublished.status == "failed" else "is unknown"
            headline = f"{self.target.version} is tagged, but its publication {result}"
            raise RefusedError(headline, self._unpublished, self._released())
        if self.verification is not None:
            self.verification.finish()

    def _remote_refs(self) -> dict[str, str]:
        """Return the refs of the remote at the end: all refs in a rehearsal, otherwise those of this release."""
        view = self.target.last_view()  # observed by the last stage
        if isinstance(view, str):
            return {}
        if self.target.world.kind == "rehearsal":
            return dict(self.target.world.git.remote_refs(self.target.remote).refs or {})
        return dict(view.refs.refs or {})

    # Running a stage

    def _observe_and_act(self, run: StageRun) -> None:
        stage, target = run.stage, self.target
        self._reporter.stage_started(stage, "checking")
        run.before = self._observe(stage)
        if run.before.state == "done":
            view = target.last_view() if stage in ACTION_STAGES and not self.dry_run else None
            if isinstance(view, RemoteView):
                self._attribute(run, view)
            return
        run.commands = stage.commands(target)
        if run.before.state != "ready" or (self.dry_run and stage in ACTION_STAGES):
            return
        run.problems = stage.requires(target).having("failed", "unknown")
        if run.problems:
            return
        run.log = stage.log(target)
        if run.log is not None:
            self._reporter.stage_started(stage, " && ".join(map(str, run.commands)))
        view = target.last_view() if stage in ACTION_STAGES else None
        self._view = view if isinstance(view, RemoteView) else self._view
        run.started = True
        commit = self._commit()
        problems = stage.act(target, self._reporter.line)
        self._settle(run)
        # The observation counts, not the result of the action: a push can time out after it has succeeded.
        if run.state != "done":
            run.problems += problems
        if stage not in ACTION_STAGES and commit != self._commit():
            saw = f"has moved from {commit[:12]} to {self._commit()[:12]} while this stage was running"
            remedy = "run the same command again, for the new commit"
            run.problems += Findings([Finding.failed(stage.name, "HEAD", saw, remedy)])

    def _settle(self, run: StageRun) -> None:
        """Observe a stage after its action was started, and find out whether this run made the change."""
        run.after = self._observe(run.stage)
        if run.stage not in ACTION_STAGES:
            run.acted = True
        elif run.state == "done" and isinstance(view := self.target.last_view(), RemoteView):
            run.acted = made_change(run, view, self.target)
            self._attribute(run, view)

    def _attribute(self, run: StageRun, view: RemoteView) -> None:
        """Report a change that another run has made. If it is the tag, take over its object."""
        if run.stage.reach == "local":
            self._created = view.local_tag.object if run.acted and view.local_tag else None
        if run.stage.reach == "permanent" and (warnings := compare_tags(run, view, self.target, created=self._created)):
            run.problems += warnings
            for tagging in self.record.stages:
                tagging.acted = tagging.acted and tagging.stage.name != "tag"
        elif run.started and not run.acted:
            run.problems += Findings([explain(run, view, self.target)])

    def _settle_failure(self, run: StageRun, problems: Findings) -> None:
        """Observe an action that was interrupted or has failed; without a result, its effect is unknown."""
        run.problems += problems
        if not run.started:
            return
        if run.stage in ACTION_STAGES:
            self._reporter.line("checking what this action has changed")
            try:
                self._settle(run)
            except (KeyboardInterrupt, OSError):
                run.after = None

    def _commit(self) -> str:
        head = self.target.world.git.head()
        return head[0] if head else "no commit"

    def _observe(self, stage: Stage) -> Observation:
        """Observe a stage, together with the other checks if it is the first one."""
        if stage is CHECK_STAGES[0]:
            now, results = self._first_results()
            self._early = {other: (now, result) for other, result in results.items()}
        at, result = self._early.pop(stage, (0.0, None))
        if result is not None and time.monotonic() - at < RECENT:
            return result()
        return self._observe_now(stage)

    def _first_results(self) -> tuple[float, dict[Stage, Callable[[], Observation]]]:
        """Return the results of the checks that `plan` has begun, or check now if that was too long ago."""
        begun, self._begun = self._begun, None
        if begun is not None:
            began, pool, checks = begun
            with pool:
                results = checks.result()
            if time.monotonic() - began < RECENT:
                return began, results
        return time.monotonic(), self._observe_early(CHECK_STAGES)

    def _observe_early(self, stages: Sequence[Stage]) -> dict[Stage, Callable[[], Observation]]:
        """Observe stages in parallel, and return functions that return the observations or raise their errors."""
        with nullcontext() if self._released_before else self.target.snapshot(read_again=True):
            observations = observe_together(stages, self._observe_now)
        return {stage: observation.result for stage, observation in zip(stages, observations, strict=True)}

    def _observe_now(self, stage: Stage) -> Observation:
        if self._released_before and stage not in ACTION_STAGES:
            saw = f"`{self.target.tag}` is already on `{self.target.remote}`, so this check is not needed"
            findings = Findings([Finding.ok(stage.name, f"git ls-remote {self.target.remote}", saw)])
            if stage.name == "remote":
                findings += released_commit(self.target, self.target.last_view())
            return Observation.of_check(findings)
        return stage.observe(self.target)

    # The end of a run

    def _refuse_if(self, runs: list[StageRun], unwritten: Findings = Findings()) -> None:  # noqa: B008 - immutable
        if not runs and not unwritten:
            return
        self.record.outcome = "refused"
        unwritten = self._write() or unwritten
        what = "dry run" if self.dry_run else "release"
        names = ", ".join([*(f"`{run.stage.name}`" for run in runs), *(["its record"] if unwritten else [])])
        reasons = Findings(finding for run in runs for finding in _reasons(run)) + unwritten
        self._reporter.stopped(self)
        self.target.world.close()
        raise RefusedError(f"{what} of {self.target.version} refused: {names}", reasons, self._progress())

    @contextmanager
    def _interruptible(self, place: str) -> Iterator[None]:
        """Raise `InterruptedRunError` on Ctrl-C."""
        try:
            yield
        except KeyboardInterrupt:
            finding = Finding.failed(
                CHECK, INTERRUPT, "this run was interrupted", "run the same command again to continue"
            )
            self._reporter.stopped(self)
            raise InterruptedRunError(f"interrupted in {place}", [finding], self._progress()) from None

    def _progress(self) -> str:
        """Return what this run has changed, as far as it was observed, and how to continue."""
        runs = [
            run for run in self.record.stages if run.stage in ACTION_STAGES and (run.started or run.state == "done")
        ]
        if self.dry_run or not runs:
            return NOTHING_PUSHED
        if self.target.world.kind == "rehearsal":
            return _UNTOUCHED
        done = ", ".join(run.stage.name for run in runs if run.state == "done")
        parts = [f"done so far: {done}"] if done else []
        parts += filter(None, (self._arrival(run) for run in runs if run.state != "done"))
        return "; ".join([*parts, "fix the error, then run the same command again to finish the release"])

    def _released(self) -> str:
        return f"`{self.target.tag}` is on `{self.target.remote}`; after the fix, run the same command again to check"

    def _arrival(self, run: StageRun) -> str:
        """Return whether the push of a stage that is not done can have arrived."""
        ref = pushed_ref(run.stage, self._view) if self._view else None
        if ref is None or self._view is None:
            return ""
        question = f"`{self._view.refs.question}` shows it"
        flag = flag_of(self.target.results.get(run.stage.name), ref)
        if flag == "!":
            return f"the push of `{ref}` was rejected"
        if flag is not None:
            return f"`{self._view.remote}` has accepted `{ref}`, but could not be checked afterwards: {question}"
        if run.after is None or run.after.state == "unknown":
            return f"the push of `{ref}` may have arrived: {question}"
        return f"the push of `{ref}` had not arrived when it was checked, but can arrive later: {question}"

    def _open_record(self) -> None:
        """Keep the record of the last attempt, and write the first state of this one.

        Raises:
            RefusedError: The record cannot be written.
        """
        try:
            if TESTING not in os.environ:  # a dry run in the test command of a release is not a new attempt
                set_aside(self._runs, self._name, with_notebook=False)
            unwritten = self._write()
        except OSError as error:
            unwritten = Findings([self._unwritable(error)])
        self._refuse_if([], unwritten)

    def _write(self) -> Findings:
        """Write the record; return a finding if this is not possible."""
        path = self._runs / f"{self._name}.json"
        try:
            self.record.write(path)
        except OSError as error:
            return Findings([self._unwritable(error)])
        return Findings()

    def _unwritable(self, error: OSError, path: Path | None = None) -> Finding:
        return unwritable(path or self._runs / f"{self._name}.json", self.target.world.source, error)

    def _file(self) -> str | None:
        """File the record of a real release, unless it already exists; return the path of its notebook."""
        if self.dry_run or self.target.world.kind != "real":
            return None
        path = self.target.world.root / RECORDS / f"{self.target.version}.json"
        try:
            # This run has the lock of the clone, so these are files of killed runs, which `git add` would add.
            for unfinished in path.parent.glob(f".{self.target.version}.*"):
                unfinished.unlink()
            if not path.exists():
                self.record.write(path)
        except OSError as error:
            self._refuse_if([], Findings([self._unwritable(error, path)]))
        return f"{RECORDS}{self.target.version}.ipynb"

    def record_is_committed(self) -> bool:
        """Return whether the filed record is committed or staged."""
        result = self.target.world.git.query("ls-files", "--", f"{RECORDS}{self.target.version}.json")
        return bool(result.stdout.strip())


def _reasons(run: StageRun) -> Findings:
    reasons = run.findings.having("failed", "unknown")
    if reasons:
        return reasons
    saw = f"is {run.state}, not done"
    return Findings([Finding.failed(run.stage.name, run.stage.sentence, saw, "run the release again")])


def _facts(target: Target, *, dry_run: bool) -> dict[str, Any]:
    """Return the facts that are known at the start of a run: version, source, destination and tools."""
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
        "artifacts": [{"name": artifact.name, "registry": artifact.registry} for artifact in target.policy.artifacts],
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
