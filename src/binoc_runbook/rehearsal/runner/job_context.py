"""The shared state of the jobs of one attempt, and the environment of their steps."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from binoc_runbook.checks.workflow.expressions import Value, to_text
from binoc_runbook.environ import is_inherited, without_user_info
from binoc_runbook.rehearsal.registries import Registries
from binoc_runbook.rehearsal.runner.masks import Masks
from binoc_runbook.rehearsal.runner.workflow_artifacts import StepError
from binoc_runbook.rehearsal.runner.workflow_run import WorkflowRun
from binoc_runbook.rehearsal.servers import crates_token
from binoc_runbook.rehearsal.servers.served_run import ServedRun
from binoc_runbook.world.git import Git
from binoc_runbook.world.git_objects import text_at
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.triggered_run import JobListener, JobRun

_is_inherited = is_inherited()


def withheld(name: str) -> bool:
    """Return whether jobs do not inherit the variable of this name."""
    return not _is_inherited(name)


#: Jobs do not use the user's git configuration, and git does not prompt.
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


@dataclass(frozen=True)
class Repository:
    """The repository whose workflow runs: the bare one at `path`, with `name` as its `owner/name` on GitHub.

    Registries identify a publisher by `name`, `owner_id` and `workflow`, the file name of the workflow.
    """

    path: Path
    name: str
    owner_id: int
    workflow: str


@dataclass(frozen=True)
class RunnerHost:
    """The host of all runs: its registries, environment and output.

    Steps get `environment` in addition to the variables of `registries`. `on_line` gets each line, with secrets masked.
    `listener` is notified of each job.
    """

    registries: Registries
    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    listener: JobListener | None = None


#: A function with the state of the jobs and a job that has run as arguments; a fault can change workflow artifacts.
AfterJob = Callable[["JobContext", JobRun], None]


@dataclass
class JobContext:
    """The shared state of the jobs of one attempt. `run` has no jobs until all of them have ended.

    `served` is the run in the API of the rehearsed GitHub. `programs` is a directory with programs that precede those
    of the host, except entries of GITHUB_PATH. `after_job` is called after the steps of each job.
    """

    repository: Repository
    host: RunnerHost
    run: WorkflowRun
    served: ServedRun
    programs: Path
    after_job: AfterJob | None = None
    masks: Masks = field(default_factory=Masks, init=False)

    def show(self, line: str) -> None:
        """Print a line, with secrets masked."""
        self.host.on_line(self.masks(line))

    def serve_artifact(self, name: str) -> None:
        """Add a workflow artifact that was uploaded to the run in the API."""
        self.served.add_artifact(name, self.run.workflow_artifacts.directory / name, self.run.directory / "archives")

    def start_job(self, name: str) -> None:
        """Report the start of a job."""
        self.served.job_begins(name)
        if self.host.listener:
            self.host.listener.job_begins(name)
        else:
            self.show(f"job {name}")

    def end_job(self, job: JobRun) -> JobRun:
        """Report the result of a job, and return it."""
        self.served.job_ended(job)
        if self.host.listener:
            self.host.listener.job_ended(job)
        else:
            self.show(f"job {job.name}: {job.state}{f', {job.reason}' if job.reason else ''}")
        return job

    @cached_property
    def pinned_toolchain(self) -> str:
        """Return the toolchain that `rust-toolchain.toml` in the commit pins (rustup book, *overrides*), or no name."""
        text = text_at(Git(self.repository.path), self.run.event.sha, "rust-toolchain.toml")
        try:
            return str(tomllib.loads(text or "")["toolchain"]["channel"])
        except (tomllib.TOMLDecodeError, LookupError, TypeError):
            return ""

    def replacement_toolchain(self, pinned: str) -> str | None:
        """Return the default toolchain of this host if rustup would have to download `pinned`."""
        if pinned not in self._replacements:  # the jobs of a run use the same one
            self._replacements[pinned] = self._find_replacement(pinned)
        return self._replacements[pinned]

    @cached_property
    def _replacements(self) -> dict[str, str | None]:
        return {}

    def _find_replacement(self, pinned: str) -> str | None:
        processes = Processes(self.run.directory, {**self.host.registries.environment, "RUSTUP_AUTO_INSTALL": "0"})
        if processes.run(["rustup", "run", pinned, "rustc", "--version"], timeout=20.0).returncode == 0:
            return None
        return processes.run(["rustup", "default"], timeout=20.0).stdout.partition(" ")[0].strip()


def github(context: JobContext, **more: Value) -> dict[str, Value]:
    """Return the supported part of the context `github`; from GitHub's page "Contexts"."""
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
    """Return the environment of a step: `env` of the file, GitHub's variables, and the variables of the rehearsal.

    From GitHub's page "Variables reference". The variables of the rehearsal override the file.
    """
    defaults = {
        f"{prefix}_{name.upper()}": to_text(value)
        for prefix, context in (("GITHUB", contexts["github"]), ("RUNNER", contexts["runner"]))
        if isinstance(context, Mapping)
        for name, value in context.items()
        if name != "token"
    }
    defaults |= {"GITHUB_ACTIONS": "true", "CI": "true"}
    merged = {
        **without_user_info(os.environ),
        **env,
        **defaults,
        **host.registries.environment,
        **GIT,
        **host.environment,
        **identity,
    }
    token = merged.pop("CARGO_REGISTRY_TOKEN", None)
    if token:
        merged[crates_token.VARIABLE] = token  # cargo uses this variable for the rehearsed registry
    return merged


_ASSIGNMENT = re.compile(r"((?:(?!<<)[^=\n])+)(?:<<(.*)\n((?:.*\n)*?)\2|=(.*))\n")


def assignments(text: str) -> dict[str, str]:
    """Parse a file that a step wrote for GitHub: lines `name=value`, or `name<<END`, the lines of the value, and `END`.

    Raises:
        StepError: A line has neither form.
    """
    values, rest = dict[str, str](), text.lstrip("\n")
    while rest:
        assignment = _ASSIGNMENT.match(f"{rest}\n")
        if assignment is None:
            raise StepError(f"`{rest.splitlines()[0]}` is neither `name=value` nor `name<<END` with a line `END`")
        name, _, body, value = assignment.groups()
        values[name] = value if body is None else body.removesuffix("\n")
        rest = rest[assignment.end() :].lstrip("\n")
    return values
