"""Runner of the publish workflow in a rehearsal.

It runs the workflow of the repository when a tag is pushed to the bare remote, or by hand. It supports jobs that build,
check and publish, and runs them on this host, one after another. It rejects a workflow that uses anything else before a
job runs. Jobs for other kinds of hosts are reported as not run, and count as passed for the jobs that need them.
`timeout-minutes`, `concurrency`, `fail-fast` and the protection rules of environments have no effect. `gh` is that of
the rehearsal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from binoc_runbook.checks.workflow.model import WORKFLOWS
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.rehearsal.gh.program import write_program
from binoc_runbook.rehearsal.runner.job_context import GIT, AfterJob, JobContext, Repository, RunnerHost, withheld
from binoc_runbook.rehearsal.runner.schedule import perform
from binoc_runbook.rehearsal.runner.triggers import dispatch_inputs, is_triggered_by_push
from binoc_runbook.rehearsal.runner.validation import CHECK, read_workflow
from binoc_runbook.rehearsal.runner.workflow_artifacts import WorkflowArtifacts
from binoc_runbook.rehearsal.runner.workflow_run import Event, WorkflowRun
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.world.processes import Processes

__all__ = ["Event", "Repository", "Runner", "RunnerHost", "WorkflowRun"]


@dataclass
class Runner:
    """Runs the workflow of `repository` on `host`, as it is at the commit of each event, with files in `directory`."""

    repository: Repository
    host: RunnerHost
    directory: Path
    #: Called after the steps of each job; a fault can change workflow artifacts.
    after_job: AfterJob | None = None
    _runs: int = field(default=0, init=False)

    def push(self, ref: str) -> WorkflowRun | None:
        """Run the workflow for a push of `ref`, a full ref name; return None if no trigger matches it.

        Raises:
            RefusedError: The ref does not exist, or the workflow cannot be rehearsed.
        """
        run = self._open("push", ref)
        if not is_triggered_by_push(run.workflow, run.event):
            self.host.on_line(f"{run.workflow.file}: a push of {ref} does not trigger this workflow")
            return None
        return self._perform(run)

    def dispatch(self, ref: str, inputs: Mapping[str, str]) -> WorkflowRun:
        """Run the workflow by hand for `ref`, a full ref name, with these inputs.

        Raises:
            RefusedError: As for a push; or the workflow has no `workflow_dispatch` trigger, or the inputs are invalid.
        """
        run = self._open("workflow_dispatch", ref)
        event = replace(run.event, inputs=dispatch_inputs(run.workflow, inputs))
        return self._perform(replace(run, event=event))

    def rerun_failed(self, run: WorkflowRun) -> WorkflowRun:
        """Run the failed jobs, and the jobs that need them, again with the workflow artifacts of the other jobs."""
        return self._perform(replace(run, attempt=run.attempt + 1))

    def _open(self, name: str, ref: str) -> WorkflowRun:
        """Return a run that has no jobs yet, with a new directory and the workflow file of the commit."""
        if not ref.startswith(("refs/tags/", "refs/heads/")):
            remedy = "use the full name of a tag or branch, such as `refs/tags/v0.4.0`"
            raise RefusedError("no workflow was run", [Finding.failed(CHECK, ref, "is not a full ref name", remedy)])
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
            remedy = "push the ref to the rehearsed remote, and use its full name"
            raise RefusedError("no workflow was run", [Finding.failed(CHECK, looked_at, done.reason, remedy)])
        return done.stdout.strip()

    def _perform(self, run: WorkflowRun) -> WorkflowRun:
        """Run the jobs; in a later attempt, only the failed jobs and the jobs that need them."""
        event, path = run.event, f"{WORKFLOWS}/{self.repository.workflow}"
        served = self.host.registries.github.runs.setdefault(
            run.id, ServedRun(run.id, event.name, event.ref_name, event.sha, path)
        )
        served.begin(run.attempt)
        programs = self.directory / "programs"
        write_program(programs)
        jobs = perform(JobContext(self.repository, self.host, run, served, programs, self.after_job))
        served.completed = True
        return replace(run, jobs=jobs)
