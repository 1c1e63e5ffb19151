"""One job: a workspace of its own, an identity if it may have one, and its steps in their order."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.model import Job, Node, action_of
from binoc_runbook.finding import Finding
from binoc_runbook.rehearsal.runner.actions import ACTIONS, Work
from binoc_runbook.rehearsal.runner.artifacts import NotDone
from binoc_runbook.rehearsal.runner.expressions import filled, template
from binoc_runbook.rehearsal.runner.hosts import this_host
from binoc_runbook.rehearsal.runner.masks import TOLD
from binoc_runbook.rehearsal.runner.operators import Status
from binoc_runbook.rehearsal.runner.reading import CHECK, SHELLS, condition_of, value_of
from binoc_runbook.rehearsal.runner.report import TAIL, JobRun, StepRun
from binoc_runbook.rehearsal.runner.setting import Setting, assignments, github, variables, withheld
from binoc_runbook.rehearsal.runner.troubles import Case, explain, told
from binoc_runbook.rehearsal.runner.values import Value, text_of, truth
from binoc_runbook.rehearsal.servers.identity import JobIdentity
from binoc_runbook.world.processes import Processes

#: The way on where a commit is to be mended; the tag of the one that was released stays.
_FORWARD = "just prepare"
_NEXT = f"mend it, commit, and release the next version: `{_FORWARD} VERSION`; this tag stays as it is"


@dataclass
class JobRunner:
    """Performs one job, or one entry of its matrix; `contexts` are those that were known before it."""

    setting: Setting
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
        """Run its steps; whatever interrupts it, its tokens end."""
        began, setting = time.monotonic(), self.setting
        home = setting.folder / "jobs" / f"{self.job.id}-{self.number}" / f"attempt-{setting.attempt}"
        self.workspace = home / "workspace" / setting.repository.rpartition("/")[2]
        self.temp, self.logs = home / "temp", home / "logs"
        for folder in (self.workspace, self.temp, self.logs):
            folder.mkdir(parents=True)
        self.contexts |= self._contexts()
        environment = self._named(self.job.environment)
        self.identity: dict[str, str] = {}
        self.env |= self._texts(setting.workflow.root.get("env")) | self._texts(self.job.node.get("env"))
        self._drop_toolchain()
        with ExitStack() as at_end:
            if self.job.token is not None:
                run = self._run(environment)
                at_end.callback(setting.registries.identity.dismiss, run)
                self.identity = setting.registries.identity.admit(run)
                setting.masks.add(self.identity["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
            for number, step in enumerate(self.job.steps):
                self.steps.append(self._step(number, step, at_end))
        failed = next((step for step in self.steps if step.state == "failure"), None)
        return JobRun(
            self.job.id,
            self.name,
            self.number,
            "failure" if failed else "success",
            reason=f"step `{failed.name}` failed" if failed else "",
            seconds=time.monotonic() - began,
            steps=tuple(self.steps),
            environment=environment,
            outputs=self._outputs(),
            summary=setting.masks(self.summary),
            finding=self._finding(failed, environment) if failed else None,
        )

    # What the job is

    def _contexts(self) -> dict[str, Value]:
        system, machine = this_host()
        told = github(self.setting, job=self.job.id, workspace=str(self.workspace), token=self._forge_token())
        return {
            "github": told,
            "runner": {"os": system, "arch": machine, "temp": str(self.temp)},
            "job": {"status": "success"},
            "steps": self.results,
            "env": self.env,
        }

    def _forge_token(self) -> str:
        if self.setting.forge_token is None:
            return ""
        given = self.job.node.get("permissions") or self.setting.workflow.root.get("permissions")
        permissions = {key.text: value.text for key, value in given.items()} if given else {}
        token = self.setting.forge_token(permissions)
        self.setting.masks.add(token)
        return token

    def _run(self, environment: str | None) -> JobIdentity:
        setting, event = self.setting, self.setting.event
        return JobIdentity(
            setting.repository,
            setting.owner_id,
            setting.file,
            event.ref,
            event.sha,
            environment,
            event.name,
            run_id=setting.id,
        )

    def _drop_toolchain(self) -> None:
        # A toolchain that is pinned in the file would have to be downloaded; any will do to rehearse.
        asked = self.env.get("RUSTUP_TOOLCHAIN")
        if asked and not any(each == asked or each.startswith(f"{asked}-") for each in self.setting.toolchains()):
            del self.env["RUSTUP_TOOLCHAIN"]
            self.setting.say_once(f"not installed here: Rust {asked}; the default toolchain of this host serves")

    def _named(self, node: Node | None) -> str | None:
        return self._text(node) if node else None

    def _outputs(self) -> dict[str, str]:
        outputs = self._texts(self.job.node.get("outputs"))
        # As on GitHub: an output that may hold a secret is not handed on.
        for name in [name for name, value in outputs.items() if self.setting.masks(value) != value]:
            del outputs[name]
            self.setting.say(f"the output `{name}` may hold a secret, and is not handed on")
        return outputs

    # Steps

    @property
    def _status(self) -> Status:
        failed = self.contexts["job"] == {"status": "failure"}
        return {"success": not failed, "failure": failed, "cancelled": False, "always": True}

    def _step(self, number: int, step: Node, at_end: ExitStack) -> StepRun:
        setting = self.setting
        env = self.env | self._texts(step.get("env"))
        self.contexts["env"] = dict(env)
        name = setting.masks(self._name(step))
        key = step.said("id")
        if not self._wanted(step.get("if")):
            if key:
                self.results[key] = {"outputs": {}, "outcome": "skipped", "conclusion": "skipped"}
            return StepRun(name, step.place, "skipped")
        setting.say(f"  step {name}")
        began, lines, code = time.monotonic(), list[str](), None

        def say(line: str) -> None:
            if line != TOLD:
                lines.append(setting.masks(line))
                setting.say(f"    {line}")

        outputs: Mapping[str, str] = {}
        try:
            if step.get("run") is not None:
                code, outputs = self._script(number, step, env, say)
            else:
                outputs = self._action(step, env, say, at_end)
            state = "failure" if code else "success"
        except NotDone as reason:
            say(f"Error: {reason}")
            state = "failure"
        if state == "failure":
            self.contexts["job"] = {"status": "failure"}
        if key:
            self.results[key] = {"outputs": dict(outputs), "outcome": state, "conclusion": state}
        seconds = time.monotonic() - began
        return StepRun(
            name, step.place, "failure" if state == "failure" else "success", code, seconds, tuple(lines[-TAIL:])
        )

    def _name(self, step: Node) -> str:
        named, run = step.get("name"), step.said("run").strip()
        return self._text(named) if named else f"Run {run.splitlines()[0] if run else step.said('uses')}"

    def _wanted(self, node: Node | None) -> bool:
        if node is None:
            return self._status["success"]
        condition = condition_of(node)
        if not condition.asks_for_status and not self._status["success"]:
            return False
        return truth(condition.evaluate(self.contexts, self._status))

    def _action(
        self, step: Node, env: Mapping[str, str], say: Callable[[str], None], at_end: ExitStack
    ) -> Mapping[str, str]:
        setting, told = self.setting, self._variables(env)
        work = Work(
            bare=setting.bare,
            event=setting.event,
            attempt=setting.attempt,
            workspace=self.workspace,
            variables=told,
            processes=Processes(self.workspace, told, clean=setting.masks.line, withheld=withheld),
            registries=setting.registries,
            artifacts=setting.artifacts,
            masks=setting.masks,
            say=say,
            at_end=at_end,
        )
        return ACTIONS[action_of(step)].act(work, self._texts(step.get("with")))

    def _script(
        self, number: int, step: Node, env: Mapping[str, str], say: Callable[[str], None]
    ) -> tuple[int, Mapping[str, str]]:
        """Run the script of a step in its shell; its exit code, and the outputs that it wrote."""
        folder = self.workspace / self._default(step, "working-directory")
        if not folder.is_dir():
            raise NotDone(f"there is no folder `{self._default(step, 'working-directory')}`")
        place = self.temp / f"step-{number}"
        place.mkdir()
        files = {name: place / name for name in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY")}
        for file in files.values():
            file.touch()
        script = place / "script.sh"
        run = step.get("run")
        script.write_text(self._text(run) if run else "", "utf-8")
        shell = SHELLS[self._default(step, "shell") or None]
        told = self._variables(env) | {f"GITHUB_{name}": str(file) for name, file in files.items()}
        # What the file added comes before the tools of this environment.
        found_in = [*reversed(self.path), str(Path(sys.executable).parent), told.get("PATH") or os.environ["PATH"]]
        processes = Processes(folder, told, clean=self.setting.masks.line, withheld=withheld)
        try:
            done = processes.watch(
                [part.replace("{0}", str(script)) for part in shell],
                self.logs / f"step-{number}.log",
                say,
                environment={"PATH": os.pathsep.join(found_in)},
            )
            written = {name: file.read_text("utf-8", errors="replace") for name, file in files.items()}
        finally:
            shutil.rmtree(place)  # a script may hold a secret
        self.env |= assignments(written["ENV"])
        self.path += [line for line in written["PATH"].splitlines() if line]
        self.summary += written["STEP_SUMMARY"]
        return done.returncode, assignments(written["OUTPUT"])

    def _default(self, step: Node, key: str) -> str:
        """What the step says of its shell or folder, or the defaults of the job and of the workflow."""
        holders = (self.job.node, self.setting.workflow.root)
        for node in (step.get(key), *(each.get("defaults", "run", key) for each in holders)):
            if node is not None:
                return self._text(node)
        return ""

    def _variables(self, env: Mapping[str, str]) -> dict[str, str]:
        return variables(self.setting, self.contexts, env, self.identity)

    # Texts

    def _text(self, node: Node) -> str:
        value = filled(template(node.text), self.contexts, self._status) if "${{" in node.text else value_of(node)
        return text_of(value)

    def _texts(self, node: Node | None) -> dict[str, str]:
        return {key.text: self._text(value) for key, value in node.items()} if node else {}

    def _finding(self, failed: StepRun, environment: str | None) -> Finding:
        setting = self.setting
        owner, _, repository = setting.repository.partition("/")
        version = setting.event.ref_name.removeprefix("v")
        # Only of a job that publishes: a test may print such words for other reasons.
        if self.job.publishes:
            known = explain(failed.lines, Case(owner, repository, setting.file, environment, version))
        else:
            known = told(failed.lines)
        last = next((line.strip() for line in reversed(failed.lines) if line.strip()), "nothing")
        saw = last if failed.code is None else f"it ended with exit code {failed.code}, after saying `{last}`"
        meaning, remedy = known or (saw, f"read the lines of the step, and mend {failed.place} or what it runs")
        if setting.event.is_tag and self._is_before_publishing():
            meaning += "; this run has published nothing"
            if _FORWARD not in remedy:
                remedy = f'{remedy}; if only a host or the network failed, "Re-run failed jobs", else {_NEXT}'
        looked_at = f"job `{self.name}`, step `{failed.name}`, {failed.place}"
        return Finding.failed(CHECK, looked_at, meaning, remedy)

    def _is_before_publishing(self) -> bool:
        workflow = self.setting.workflow
        return any(self.job.id in workflow.needed_by(each) for each in workflow.jobs if each.publishes)
