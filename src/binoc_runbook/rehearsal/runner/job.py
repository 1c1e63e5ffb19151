"""One job: its workspace, its identity if it has `id-token: write`, and its steps in order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.conditions import is_met, status_of
from binoc_runbook.checks.workflow.expressions import Status, Value, fill_template, parse_template, to_text
from binoc_runbook.checks.workflow.model import Job, Node, action_of
from binoc_runbook.finding import Finding
from binoc_runbook.rehearsal.runner.actions import ACTIONS, ActionContext
from binoc_runbook.rehearsal.runner.failure_diagnosis import FailedJob, diagnose, different_files, printed_findings
from binoc_runbook.rehearsal.runner.job_context import JobContext, assignments, github, variables, withheld
from binoc_runbook.rehearsal.runner.masks import MASKED_COMMAND
from binoc_runbook.rehearsal.runner.runner_labels import this_host
from binoc_runbook.rehearsal.runner.validation import CHECK, SHELLS, value_of
from binoc_runbook.rehearsal.runner.workflow_artifacts import StepError
from binoc_runbook.rehearsal.runner.workflow_run import TAIL
from binoc_runbook.rehearsal.servers.crates_token import TokenExchangeError
from binoc_runbook.rehearsal.servers.identity import JobIdentity
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.triggered_run import JobRun, StepRun, StepState

#: The command that prepares the next version, which contains the fix. The tag of the failed release is not moved.
_PREPARE = "just prepare"
_AGAIN = '"Re-run failed jobs"'
_NEXT_VERSION = f"fix the error, commit, and run `{_PREPARE} VERSION` for the next version; do not move this tag"


@dataclass
class JobRunner:
    """The execution of one job, or of one entry of its matrix; `contexts` are the contexts before it starts.

    It has more than eight fields because each step can change the variables, PATH, results and summary of the job.
    """

    context: JobContext
    job: Job
    number: int
    name: str
    contexts: dict[str, Value]
    env: dict[str, str] = field(default_factory=dict, init=False)
    path: list[str] = field(default_factory=list, init=False)
    results: dict[str, Value] = field(default_factory=dict, init=False)
    steps: list[StepRun] = field(default_factory=list, init=False)
    summary: str = field(default="", init=False)

    def perform(self) -> JobRun:
        """Run the steps; the tokens of the job are revoked at its end, even after an interruption."""
        started, context = time.monotonic(), self.context
        home = context.run.directory / "jobs" / f"{self.job.id}-{self.number}" / f"attempt-{context.run.attempt}"
        self.workspace = home / "workspace" / context.repository.name.rpartition("/")[2]
        self.temp, self.logs = home / "temp", home / "logs"
        for directory in (self.workspace, self.temp, self.logs):
            directory.mkdir(parents=True)
        self.token = self._github_token()
        self.contexts |= self._contexts()
        environment = self._text(self.job.environment) if self.job.environment else None
        self.identity: dict[str, str] = {}
        self.env |= self._texts(context.run.workflow.root.get("env")) | self._texts(self.job.node.get("env"))
        self._select_toolchain()
        with ExitStack() as at_end:
            if self.job.token is not None:
                identity, provider = self._identity(environment), context.host.registries.identity
                at_end.callback(provider.dismiss, identity)
                self.identity = provider.admit(identity)
                context.masks.add(self.identity["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
            for number, step in enumerate(self.job.steps):
                self.steps.append(self._step(number, step, at_end))
        failed = next((step for step in self.steps if step.state == "failure"), None)
        return JobRun(
            self.job.id,
            self.name,
            self.number,
            "failure" if failed else "success",
            reason=f"step `{failed.name}` failed" if failed else "",
            seconds=time.monotonic() - started,
            steps=tuple(self.steps),
            environment=environment,
            outputs=self._outputs(),
            summary=context.masks(self.summary),
            finding=self._finding(failed, environment) if failed else None,
        )

    # The job

    def _contexts(self) -> dict[str, Value]:
        system, machine = this_host()
        return {
            "github": github(self.context, job=self.job.id, workspace=str(self.workspace), token=self.token),
            "runner": {"os": system, "arch": machine, "temp": str(self.temp)},
            "job": {"status": "success"},
            "steps": self.results,
            "env": self.env,
        }

    def _github_token(self) -> str:
        node = self.job.node.get("permissions") or self.context.run.workflow.root.get("permissions")
        permissions = {key.text: value.text for key, value in node.items()} if node else {}
        token = self.context.host.registries.github.token(permissions)
        self.context.masks.add(token)
        return token

    def _identity(self, environment: str | None) -> JobIdentity:
        repository, event = self.context.repository, self.context.run.event
        publisher = (repository.name, repository.owner_id, repository.workflow)
        run_id = str(self.context.run.id)
        return JobIdentity(*publisher, event.ref, event.sha, environment, event.name, run_id=run_id)

    def _select_toolchain(self) -> None:
        # A pinned toolchain may have to be downloaded; a rehearsal can use any.
        pinned = self.env.get("RUSTUP_TOOLCHAIN") or self.context.pinned_toolchain
        replacement = self.context.replacement_toolchain(pinned) if pinned else None
        if replacement is not None:
            self.env["RUSTUP_TOOLCHAIN"] = replacement
            self.context.show(f"Rust {pinned} is not installed; using the default toolchain of this host")

    def _outputs(self) -> dict[str, str]:
        outputs = self._texts(self.job.node.get("outputs"))
        # As on GitHub: outputs that may contain a secret are dropped.
        for name in [name for name, value in outputs.items() if self.context.masks(value) != value]:
            del outputs[name]
            self.context.show(f"skipped the output `{name}`, because it may contain a secret")
        return outputs

    # Steps

    @property
    def _status(self) -> Status:
        failed = self.contexts["job"] == {"status": "failure"}
        return status_of(success=not failed, failure=failed)

    def _step(self, number: int, step: Node, at_end: ExitStack) -> StepRun:
        context = self.context
        env = self.env | self._texts(step.get("env"))
        self.contexts["env"] = dict(env)
        title, run = step.get("name"), step.text_at("run").strip()
        name = self._text(title) if title else f"Run {run.splitlines()[0] if run else step.text_at('uses')}"
        name = context.masks(name)
        started, lines, code = time.monotonic(), list[str](), None
        state: StepState = "skipped"
        outputs: Mapping[str, str] = {}

        def show(line: str) -> None:
            if line != MASKED_COMMAND:
                lines.append(context.masks(line))
                context.show(f"    {line}")

        if is_met(step.text_at("if"), self.contexts, self._status):
            context.show(f"  step {name}")
            try:
                if step.get("run"):
                    code, outputs = self._script(number, step, env, show)
                else:
                    processes = self._processes(self.workspace, env)
                    action = ActionContext(context, self.workspace, processes, show, at_end, self.token)
                    outputs = ACTIONS[action_of(step)].run(action, self._texts(step.get("with")))
                state = "failure" if code else "success"
            except (StepError, TokenExchangeError) as error:
                show(f"Error: {error}")
                state = "failure"
        if state == "failure":
            self.contexts["job"] = {"status": "failure"}
        if key := step.text_at("id"):
            self.results[key] = {"outputs": dict(outputs), "outcome": state, "conclusion": state}
        return StepRun(name, step.place, state, code, time.monotonic() - started, tuple(lines[-TAIL:]))

    def _processes(self, directory: Path, env: Mapping[str, str]) -> Processes:
        environment = variables(self.context.host, self.contexts, env, self.identity)
        # Entries of GITHUB_PATH come before the tools of this environment.
        first = (*map(Path, reversed(self.path)), self.context.programs)
        return Processes(directory, environment, self.context.masks.line, withheld, first)

    def _script(
        self, number: int, step: Node, env: Mapping[str, str], show: Callable[[str], None]
    ) -> tuple[int, Mapping[str, str]]:
        """Run the script of a step in its shell; return its exit code and its outputs."""
        directory = self.workspace / self._default(step, "working-directory")
        if not directory.is_dir():
            raise StepError(f"the directory `{self._default(step, 'working-directory')}` does not exist")
        temporary = self.temp / f"step-{number}"
        temporary.mkdir()
        files = {name: temporary / name for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        script = temporary / "script.sh"
        run = step.get("run")
        script.write_text(self._text(run) if run else "", "utf-8")
        shell = SHELLS[self._default(step, "shell") or None]
        try:
            done = self._processes(directory, env).watch(
                [part.replace("{0}", str(script)) for part in shell],
                self.logs / f"step-{number}.log",
                show,
                environment={f"GITHUB_{name}": str(file) for name, file in files.items()},
            )
            contents = {name: file.read_text("utf-8", errors="replace") for name, file in files.items()}
        finally:
            shutil.rmtree(temporary)  # a script can contain a secret
        self.env |= assignments(contents["ENV"])
        self.path += [line for line in contents["PATH"].splitlines() if line]
        self.summary += contents["STEP_SUMMARY"]
        return done.returncode, assignments(contents["OUTPUT"])

    def _default(self, step: Node, key: str) -> str:
        """Return the shell or working directory of a step, or the default of the job or workflow."""
        defaults = [node.get("defaults", "run", key) for node in (self.job.node, self.context.run.workflow.root)]
        return next((self._text(node) for node in (step.get(key), *defaults) if node), "")

    # Texts

    def _text(self, node: Node) -> str:
        if "${{" in node.text:
            return to_text(fill_template(parse_template(node.text), self.contexts, self._status))
        return to_text(value_of(node))

    def _texts(self, node: Node | None) -> dict[str, str]:
        return {key.text: self._text(value) for key, value in node.items()} if node else {}

    def _finding(self, failed: StepRun, environment: str | None) -> Finding:
        event, workflow = self.context.run.event, self.context.repository.workflow
        owner, _, repository = self.context.repository.name.partition("/")
        version = event.ref_name.removeprefix("v")
        known = different_files(failed.lines)
        if self.job.publishes:  # a test may print the same messages for other reasons
            failed_job = FailedJob(owner, repository, workflow, environment, version)
            known = known or diagnose(failed.lines, failed_job)
        else:
            known = known or printed_findings(failed.lines)
        last = next((line.strip() for line in reversed(failed.lines) if line.strip()), "nothing")
        saw = last if failed.code is None else f"failed with exit code {failed.code}; the last line is `{last}`"
        meaning, remedy = known or (saw, f"read the output of the step, and fix {failed.place} or the command it runs")
        publishers = [job for job in self.context.run.workflow.jobs if job.publishes]
        if event.is_tag and any(self.job.id in self.context.run.workflow.needed_by(job) for job in publishers):
            meaning += "; this run has published nothing"
            if _PREPARE not in remedy and _AGAIN not in remedy:
                remedy += f"; if only a host or the network failed, {_AGAIN}; otherwise {_NEXT_VERSION}"
        looked_at = f"job `{self.name}`, step `{failed.name}`, {failed.place}"
        return Finding.failed(CHECK, looked_at, meaning, remedy)
