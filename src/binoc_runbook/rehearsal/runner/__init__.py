"""Runner of the repository's own publish workflow, when a tag arrives in the bare repository of a rehearsal.

It is for rehearsing this kind of workflow: jobs that build, check and publish on a tag or by hand, on this host, one
after another. It is not a second GitHub. What it does not support it rejects before anything runs; jobs for other kinds
of hosts are listed as not run, and count as passed for those that need them; `timeout-minutes`, `concurrency` and
`fail-fast` have no effect; the rules of an environment (reviewers, allowed tags) are GitHub's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from binoc_runbook.checks.workflow.model import WORKFLOWS
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.rehearsal.runner.job_context import GIT, JobContext, Repository, RunnerHost, withheld
from binoc_runbook.rehearsal.runner.schedule import perform
from binoc_runbook.rehearsal.runner.triggers import dispatch_inputs, is_triggered_by_push
from binoc_runbook.rehearsal.runner.validation import CHECK, read_workflow
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts
from binoc_runbook.rehearsal.runner.workflow_run import Event, WorkflowRun
from binoc_runbook.world.processes import Processes

__all__ = ["Event", "Repository", "Runner", "RunnerHost", "WorkflowRun"]


@dataclass
class Runner:
    """Runs the workflow of `repository` on `host`, as it is at the commit of each event, with files in `directory`."""

    repository: Repository
    host: RunnerHost
    directory: Path
    _runs: int = field(default=0, init=False)

    def push(self, ref: str) -> WorkflowRun | None:
        """Run the workflow for a push of `ref`, a full name; None where no trigger of the file matches it.

        Raises:
            RefusedError: There is no such ref, or the workflow is not one that can be rehearsed.
        """
        run = self._open("push", ref)
        if not is_triggered_by_push(run.workflow, run.event):
            self.host.on_line(f"{run.workflow.file}: a push of {ref} starts nothing")
            return None
        return self._perform(run)

    def dispatch(self, ref: str, inputs: Mapping[str, str]) -> WorkflowRun:
        """Run the workflow by hand for `ref`, a full name, with these inputs.

        Raises:
            RefusedError: As for a push; or it cannot be started by hand, or not with these inputs.
        """
        run = self._open("workflow_dispatch", ref)
        event = replace(run.event, inputs=dispatch_inputs(run.workflow, inputs))
        return self._perform(replace(run, event=event))

    def rerun_failed(self, run: WorkflowRun) -> WorkflowRun:
        """Run the failed jobs and all that need them again, from the workflow artifacts of those that passed."""
        return self._perform(replace(run, attempt=run.attempt + 1))

    def _open(self, name: str, ref: str) -> WorkflowRun:
        """Return a run without jobs, with a directory and the workflow as it is at the commit."""
        if not ref.startswith(("refs/tags/", "refs/heads/")):
            remedy = "give the full name of a tag or a branch, such as `refs/tags/v0.4.0`"
            raise RefusedError("nothing was run", [Finding.failed(CHECK, ref, "that is no full name of a ref", remedy)])
        sha = self._git("rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        self._runs += 1
        directory = self.directory / f"run-{self._runs}"
        directory.mkdir(parents=True)
        source = directory / "source"
        self._git("clone", "--quiet", "--shared", "--no-checkout", str(self.repository.path), str(source))
        self._git("-C", str(source), "checkout", "--quiet", "--detach", sha)
        workflow = read_workflow(source, f"{WORKFLOWS}/{self.repository.workflow}")
        artifacts = WorkflowArtifacts(directory / "artifacts")
        return WorkflowRun(self._runs, 1, Event(name, ref, sha), workflow, directory, (), artifacts)

    def _git(self, *arguments: str) -> str:
        environment = {**self.host.registries.environment, **GIT}
        done = Processes(self.repository.path, environment, withheld=withheld).run(["git", *arguments])
        if done.returncode != 0:
            looked_at = f"git {' '.join(arguments[:2])}"
            remedy = "push the ref to the rehearsed remote, and give its full name"
            raise RefusedError("nothing was run", [Finding.failed(CHECK, looked_at, done.reason, remedy)])
        return done.stdout.strip()

    def _perform(self, run: WorkflowRun) -> WorkflowRun:
        """Run the jobs; of a further attempt only those that failed, and those that need them."""
        return replace(run, jobs=perform(JobContext(self.repository, self.host, run)))
