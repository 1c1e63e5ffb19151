"""Runs the repository's own publish workflow when a tag arrives in the bare repository of a rehearsal.

It is for rehearsing this kind of workflow: jobs that build, check and publish on a tag or by hand, on this host, one
after another. It is no second GitHub. What it does not know it refuses before anything runs; jobs for other kinds of
hosts are listed as not run, and count as passed for those that need them; `timeout-minutes`, `concurrency` and
`fail-fast` have no meaning here; the rules of an environment (reviewers, allowed tags) are GitHub's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from binoc_runbook.checks.workflow.model import FOLDER, Workflow
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.rehearsal.registries import Registries
from binoc_runbook.rehearsal.runner.artifacts import Artifacts
from binoc_runbook.rehearsal.runner.masks import Masks
from binoc_runbook.rehearsal.runner.reading import CHECK, read
from binoc_runbook.rehearsal.runner.report import Event, JobRun, StepRun, Watcher, WorkflowRun
from binoc_runbook.rehearsal.runner.schedule import perform
from binoc_runbook.rehearsal.runner.setting import GIT, Setting, withheld
from binoc_runbook.rehearsal.runner.triggers import pushed, started_by_hand
from binoc_runbook.world.processes import Processes

__all__ = ["Event", "JobRun", "Runner", "StepRun", "Watcher", "WorkflowRun"]


@dataclass
class Runner:
    """Runs the workflow file `workflow` of the repository `bare`, as it stands at the commit of each event.

    Everything lies below `folder`, and stays there. `repository` is `owner/name`, and with `owner_id` and the file name
    it is what the registries know a publisher by. `environment` is what every step gets beside the variables that lead
    to `registries`. Each line goes to `on_line` without any secret. `forge_token` gives `github.token` for the
    permissions of a job; without it the token is empty. `watcher` is told of each job.
    """

    bare: Path
    folder: Path
    repository: str
    owner_id: int
    workflow: str
    registries: Registries
    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    forge_token: Callable[[Mapping[str, str]], str] | None = None
    watcher: Watcher | None = None
    _runs: int = field(default=0, init=False)

    def push(self, ref: str) -> WorkflowRun | None:
        """Run the workflow for a push of `ref`, a full name; None where no trigger of the file matches it.

        Raises:
            RefusedError: There is no such ref, or the workflow is not one that can be rehearsed.
        """
        event, folder, workflow = self._open("push", ref)
        if not pushed(workflow, event):
            self.on_line(f"{workflow.file}: a push of {ref} starts nothing")
            return None
        return self._perform(event, folder, workflow)

    def dispatch(self, ref: str, inputs: Mapping[str, str]) -> WorkflowRun:
        """Run the workflow by hand for `ref`, a full name, with these inputs.

        Raises:
            RefusedError: As for a push; or it cannot be started by hand, or not with these inputs.
        """
        event, folder, workflow = self._open("workflow_dispatch", ref)
        given = started_by_hand(workflow, inputs)
        return self._perform(Event(event.name, event.ref, event.sha, given), folder, workflow)

    def rerun_failed(self, run: WorkflowRun) -> WorkflowRun:
        """Run the failed jobs and all that need them again, from the artifacts of those that passed."""
        return self._perform(run.event, run.folder, run.workflow, run)

    def _open(self, name: str, ref: str) -> tuple[Event, Path, Workflow]:
        """The event, a folder for its run, and the workflow as it stands at the commit."""
        if not ref.startswith(("refs/tags/", "refs/heads/")):
            remedy = "give the full name of a tag or a branch, such as `refs/tags/v0.4.0`"
            raise RefusedError("nothing was run", [Finding.failed(CHECK, ref, "that is no full name of a ref", remedy)])
        sha = self._git("rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir(parents=True)
        source = folder / "source"
        self._git("clone", "--quiet", "--shared", "--no-checkout", str(self.bare), str(source))
        self._git("-C", str(source), "checkout", "--quiet", "--detach", sha)
        return Event(name, ref, sha), folder, read(source, f"{FOLDER}/{self.workflow}")

    def _git(self, *arguments: str) -> str:
        done = Processes(self.bare, {**self.registries.environment, **GIT}, withheld=withheld).run(["git", *arguments])
        if done.returncode != 0:
            looked_at = f"git {' '.join(arguments[:2])}"
            remedy = "push the ref to the rehearsed remote, and give its full name"
            raise RefusedError("nothing was run", [Finding.failed(CHECK, looked_at, done.reason, remedy)])
        return done.stdout.strip()

    def _perform(
        self, event: Event, folder: Path, workflow: Workflow, before: WorkflowRun | None = None
    ) -> WorkflowRun:
        attempt = before.attempt + 1 if before else 1
        number = before.id if before else self._runs
        artifacts = before.artifacts if before else Artifacts(folder / "artifacts")
        setting = Setting(
            bare=self.bare,
            repository=self.repository,
            owner_id=self.owner_id,
            registries=self.registries,
            environment=self.environment,
            on_line=self.on_line,
            forge_token=self.forge_token,
            folder=folder,
            workflow=workflow,
            file=self.workflow,
            event=event,
            id=number,
            attempt=attempt,
            artifacts=artifacts,
            masks=Masks(),
            toolchains=lambda: self._toolchains,
            watcher=self.watcher,
        )
        jobs = perform(setting, before.jobs if before else ())
        return WorkflowRun(number, attempt, event, workflow, folder, jobs, artifacts)

    @cached_property
    def _toolchains(self) -> frozenset[str]:
        processes = Processes(self.bare, self.registries.environment)
        if processes.find("rustup") is None:
            return frozenset()
        listed = processes.run(["rustup", "toolchain", "list"], patience=20.0)
        return frozenset(line.split()[0] for line in listed.stdout.splitlines() if line.strip())
