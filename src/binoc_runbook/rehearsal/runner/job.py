"""One job: a workspace of its own, an identity if it may have one, and its steps in their order."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.expressions import Status, Value, fill_template, parse_template, to_text
from binoc_runbook.checks.workflow.model import Job, Node, action_of
from binoc_runbook.finding import Finding
from binoc_runbook.rehearsal.runner.actions import ACTIONS, ActionContext
from binoc_runbook.rehearsal.runner.failure_diagnosis import FailedJob, diagnose, printed_findings
from binoc_runbook.rehearsal.runner.job_context import JobContext, assignments, github, variables, withheld
from binoc_runbook.rehearsal.runner.masks import MASKED_COMMAND
from binoc_runbook.rehearsal.runner.runner_labels import this_host
from binoc_runbook.rehearsal.runner.validation import CHECK, SHELLS, is_met, status_of, value_of
from binoc_runbook.rehearsal.runner.workflow_artifacts import StepError
from binoc_runbook.rehearsal.runner.workflow_run import TAIL
from binoc_runbook.rehearsal.servers.crates_token import TokenExchangeError
from binoc_runbook.rehearsal.servers.identity import JobIdentity
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.triggered_run import JobRun, StepRun, StepState

#: The command that prepares the release with the fix; the tag of the failed release stays.
_FORWARD = "just prepare"
_NEXT = f"mend it, commit, and release the next version: `{_FORWARD} VERSION`; this tag stays as it is"


@dataclass
class JobRunner:
    """Runs one job, or one entry of its matrix; `contexts` are those that are known before it starts.

    It has more than eight fields because each step can change what later steps get: variables, PATH, results, summary.
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
        """Run its steps; its tokens end with it, also if it is interrupted."""
        started, context = time.monotonic(), self.context
        home = context.run.directory / "jobs" / f"{self.job.id}-{self.number}" / f"attempt-{context.run.attempt}"
        self.workspace = home / "workspace" / context.repository.name.rpartition("/")[2]
        self.temp, self.logs = home / "temp", home / "logs"
        for directory in (self.workspace, self.temp, self.logs):
            directory.mkdir(parents=True)
        self.contexts |= self._contexts()
        environment = self._text(self.job.environment) if self.job.environment else None
        self.identity: dict[str, str] = {}
        self.env |= self._texts(context.run.workflow.root.get("env")) | self._texts(self.job.node.get("env"))
        self._drop_toolchain()
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

    # What the job is

    def _contexts(self) -> dict[str, Value]:
        system, machine = this_host()
        return {
            "github": github(self.context, job=self.job.id, workspace=str(self.workspace), token=self._github_token()),
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
        return JobIdentity(*publisher, event.ref, event.sha, environment, event.name)

    def _drop_toolchain(self) -> None:
        # A toolchain that is pinned in the file would have to be downloaded; any will do to rehearse.
        pinned = self.env.get("RUSTUP_TOOLCHAIN")
        if pinned and not self.context.has_toolchain(pinned):
            del self.env["RUSTUP_TOOLCHAIN"]
            self.context.show(f"not installed here: Rust {pinned}; the default toolchain of this host serves")

    def _outputs(self) -> dict[str, str]:
        outputs = self._texts(self.job.node.get("outputs"))
        # As on GitHub: an output that may hold a secret is not handed on.
        for name in [name for name, value in outputs.items() if self.context.masks(value) != value]:
            del outputs[name]
            self.context.show(f"the output `{name}` may hold a secret, and is not handed on")
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
        written, run = step.get("name"), step.text_at("run").strip()
        name = self._text(written) if written else f"Run {run.splitlines()[0] if run else step.text_at('uses')}"
        name = context.masks(name)
        started, lines, code = time.monotonic(), list[str](), None
        state: StepState = "skipped"
        outputs: Mapping[str, str] = {}

        def show(line: str) -> None:
            if line != MASKED_COMMAND:
                lines.append(context.masks(line))
                context.show(f"    {line}")

        if is_met(step.get("if"), self.contexts, self._status):
            context.show(f"  step {name}")
            try:
                if step.get("run"):
                    code, outputs = self._script(number, step, env, show)
                else:
                    processes = self._processes(self.workspace, env)
                    action = ActionContext(context, self.workspace, processes, show, at_end)
                    outputs = ACTIONS[action_of(step)].run(action, self._texts(step.get("with")))
                state = "failure" if code else "success"
            except (StepError, TokenExchangeError) as reason:
                show(f"Error: {reason}")
                state = "failure"
        if state == "failure":
            self.contexts["job"] = {"status": "failure"}
        if key := step.text_at("id"):
            self.results[key] = {"outputs": dict(outputs), "outcome": state, "conclusion": state}
        return StepRun(name, step.place, state, code, time.monotonic() - started, tuple(lines[-TAIL:]))

    def _processes(self, directory: Path, env: Mapping[str, str]) -> Processes:
        environment = variables(self.context.host, self.contexts, env, self.identity)
        # What the file of paths added comes before the tools of this environment.
        first = tuple(map(Path, reversed(self.path)))
        return Processes(directory, environment, self.context.masks.line, withheld, first)

    def _script(
        self, number: int, step: Node, env: Mapping[str, str], show: Callable[[str], None]
    ) -> tuple[int, Mapping[str, str]]:
        """Run the script of a step in its shell; return its exit code, and the outputs that it wrote."""
        directory = self.workspace / self._default(step, "working-directory")
        if not directory.is_dir():
            raise StepError(f"there is no directory `{self._default(step, 'working-directory')}`")
        place = self.temp / f"step-{number}"
        place.mkdir()
        files = {name: place / name for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        script = place / "script.sh"
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
            written = {name: file.read_text("utf-8", errors="replace") for name, file in files.items()}
        finally:
            shutil.rmtree(place)  # a script may hold a secret
        self.env |= assignments(written["ENV"])
        self.path += [line for line in written["PATH"].splitlines() if line]
        self.summary += written["STEP_SUMMARY"]
        return done.returncode, assignments(written["OUTPUT"])

    def _default(self, step: Node, key: str) -> str:
        """Return the shell or directory of a step: its own, or the default of the job or of the workflow."""
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
        # Only of a job that publishes: a test may print such words for other reasons.
        if self.job.publishes:
            known = diagnose(failed.lines, FailedJob(owner, repository, workflow, environment, version))
        else:
            known = printed_findings(failed.lines)
        last = next((line.strip() for line in reversed(failed.lines) if line.strip()), "nothing")
        saw = last if failed.code is None else f"it ended with exit code {failed.code}, after saying `{last}`"
        meaning, remedy = known or (saw, f"read the lines of the step, and mend {failed.place} or what it runs")
        later = [job for job in self.context.run.workflow.jobs if job.publishes]
        if event.is_tag and any(self.job.id in self.context.run.workflow.needed_by(job) for job in later):
            meaning += "; this run has published nothing"
            if _FORWARD not in remedy:
                remedy = f'{remedy}; if only a host or the network failed, "Re-run failed jobs", else {_NEXT}'
        looked_at = f"job `{self.name}`, step `{failed.name}`, {failed.place}"
        return Finding.failed(CHECK, looked_at, meaning, remedy)
