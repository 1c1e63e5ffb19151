"""What the jobs of one attempt share, and the environment that their steps get."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.expressions import Value, to_text
from binoc_runbook.rehearsal.registries import Registries
from binoc_runbook.rehearsal.runner.masks import Masks
from binoc_runbook.rehearsal.runner.workflow_artifacts import StepError
from binoc_runbook.rehearsal.runner.workflow_run import WorkflowRun
from binoc_runbook.rehearsal.servers import crates_token
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.triggered_run import JobListener, JobRun

#: Variables of the user that say something to a workflow, or are credentials: no job inherits them.
_WITHHELD = re.compile(
    r"(?:ACTIONS|GITHUB|RUNNER|GIT|GH|INPUT|TWINE|PYTEST|COV)_|UV_PUBLISH_|.*(?:TOKEN|PASSWORD|SECRET|CREDENTIAL)",
    re.IGNORECASE,
)


def withheld(name: str) -> bool:
    """Return whether the variable of this name is kept out of a rehearsed job."""
    return _WITHHELD.match(name) is not None


#: The user's configuration of git is kept out of a job, and nothing can stop at a prompt.
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


@dataclass(frozen=True)
class Repository:
    """The repository whose workflow runs: the bare one at `path`, which `name`, `owner/name`, stands for.

    Registries know a publisher by `name`, `owner_id` and `workflow`, the file name of the workflow.
    """

    path: Path
    name: str
    owner_id: int
    workflow: str


@dataclass(frozen=True)
class RunnerHost:
    """What surrounds every run on this host.

    `environment` is what every step gets in addition to the variables that lead to `registries`. Each line goes to
    `on_line` without any secret. `listener` is notified of each job.
    """

    registries: Registries
    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    listener: JobListener | None = None


@dataclass
class JobContext:
    """What the jobs of one attempt share; the jobs of `run` are added when all of them have ended."""

    repository: Repository
    host: RunnerHost
    run: WorkflowRun
    masks: Masks = field(default_factory=Masks, init=False)

    def show(self, line: str) -> None:
        """Show one line, with its secrets masked."""
        self.host.on_line(self.masks(line))

    def start_job(self, name: str) -> None:
        """Show that a job starts."""
        if self.host.listener:
            self.host.listener.job_begins(name)
        else:
            self.show(f"job {name}")

    def end_job(self, job: JobRun) -> JobRun:
        """Show how a job has ended, and return it."""
        if self.host.listener:
            self.host.listener.job_ended(job)
        else:
            self.show(f"job {job.name}: {job.state}{f', {job.reason}' if job.reason else ''}")
        return job

    def has_toolchain(self, name: str) -> bool:
        """Return whether rustup can use a toolchain without the network."""
        processes = Processes(self.run.directory, {**self.host.registries.environment, "RUSTUP_AUTO_INSTALL": "0"})
        return processes.run(["rustup", "run", name, "rustc", "--version"], timeout=20.0).returncode == 0


def github(context: JobContext, **more: Value) -> dict[str, Value]:
    """Return the context `github`, as far as it is supported; from GitHub's page "Contexts"."""
    run, event = context.run, context.run.event
    return {
        "repository": context.repository.name,
        "repository_owner": context.repository.name.partition("/")[0],
        "repository_owner_id": str(context.repository.owner_id),
        "ref": event.ref,
        "ref_name": event.ref_name,
        "ref_type": "tag" if event.is_tag else "branch",
        "sha": event.sha,
        "event_name": event.name,
        "workflow": run.workflow.root.text_at("name") or run.workflow.file,
        "run_id": str(run.id),
        "run_number": str(run.id),
        "run_attempt": str(run.attempt),
        **more,
    }


def variables(
    host: RunnerHost, contexts: Mapping[str, Value], env: Mapping[str, str], identity: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a step: `env` of the file, GitHub's variables, and what leads to the rehearsal.

    From GitHub's page "Variables reference". What leads to the rehearsal overrides the file.
    """
    defaults = {
        f"{prefix}_{name.upper()}": to_text(value)
        for prefix, context in (("GITHUB", contexts["github"]), ("RUNNER", contexts["runner"]))
        if isinstance(context, Mapping)
        for name, value in context.items()
        if name != "token"
    }
    defaults |= {"GITHUB_ACTIONS": "true", "CI": "true"}
    merged = {**env, **defaults, **host.registries.environment, **GIT, **host.environment, **identity}
    token = merged.pop("CARGO_REGISTRY_TOKEN", None)
    if token:
        merged[crates_token.VARIABLE] = token  # by this name cargo takes it to the rehearsed registry
    return merged


_ASSIGNMENT = re.compile(r"((?:(?!<<)[^=\n])+)(?:<<(.*)\n((?:.*\n)*?)\2|=(.*))\n")


def assignments(text: str) -> dict[str, str]:
    """Parse what a step wrote into one of GitHub's files: `name=value`, or `name<<END`, lines and `END`.

    Raises:
        StepError: A line is neither.
    """
    values, rest = dict[str, str](), text.lstrip("\n")
    while rest:
        assignment = _ASSIGNMENT.match(f"{rest}\n")
        if assignment is None:
            raise StepError(
                f"`{rest.splitlines()[0]}` is neither `name=value` nor `name<<END` with its lines and `END`"
            )
        name, _, body, value = assignment.groups()
        values[name] = value if body is None else body.removesuffix("\n")
        rest = rest[assignment.end() :].lstrip("\n")
    return values
