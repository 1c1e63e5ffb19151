"""What the jobs of a run share, and the environment that their steps get."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.workflow.expressions import Value, to_text
from binoc_runbook.checks.workflow.model import Workflow
from binoc_runbook.rehearsal import crates_auth
from binoc_runbook.rehearsal.registries import Registries
from binoc_runbook.rehearsal.runner.artifacts import Artifacts, NotDone
from binoc_runbook.rehearsal.runner.masks import Masks
from binoc_runbook.rehearsal.runner.report import Event, JobRun, Watcher

#: Variables of who runs the rehearsal that say something to a workflow, or are credentials: no job inherits them.
_WITHHELD = re.compile(
    r"(?:ACTIONS|GITHUB|RUNNER|GIT|GH|INPUT|TWINE|PYTEST|COV)_|UV_PUBLISH_|.*(?:TOKEN|PASSWORD|SECRET|CREDENTIAL)",
    re.IGNORECASE,
)


def withheld(name: str) -> bool:
    """Whether the variable of this name stays outside of a rehearsed job."""
    return _WITHHELD.match(name) is not None


#: The user's configuration of git stays out of it, and nothing can stop at a prompt.
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


@dataclass
class Setting:
    """What the jobs of one attempt share."""

    bare: Path
    repository: str
    owner_id: int
    registries: Registries
    environment: Mapping[str, str]
    on_line: Callable[[str], None]
    forge_token: Callable[[Mapping[str, str]], str] | None
    folder: Path
    workflow: Workflow
    file: str
    event: Event
    id: int
    attempt: int
    artifacts: Artifacts
    masks: Masks
    #: The toolchains that rustup can use without the network.
    toolchains: Callable[[], frozenset[str]]
    watcher: Watcher | None = None
    _said: set[str] = field(default_factory=set, init=False)

    @property
    def name(self) -> str:
        """The name of the workflow, as GitHub shows it."""
        return self.workflow.root.said("name") or self.workflow.file

    def say(self, line: str) -> None:
        """Show one line, without what must not be seen."""
        self.on_line(self.masks(line))

    def begins(self, name: str) -> None:
        """Show that a job starts."""
        if self.watcher:
            self.watcher.job_begins(name)
        else:
            self.say(f"job {name}")

    def ended(self, job: JobRun) -> JobRun:
        """Show how a job has ended, and hand it on."""
        if self.watcher:
            self.watcher.job_ended(job)
        else:
            self.say(f"job {job.name}: {job.state}{f', {job.reason}' if job.reason else ''}")
        return job

    def say_once(self, line: str) -> None:
        """Show a line that is true of the whole run."""
        if line not in self._said:
            self._said.add(line)
            self.say(line)


def github(setting: Setting, **more: Value) -> dict[str, Value]:
    """The context `github`, as far as it is known here; from GitHub's page "Contexts"."""
    event = setting.event
    return {
        "repository": setting.repository,
        "repository_owner": setting.repository.partition("/")[0],
        "repository_owner_id": str(setting.owner_id),
        "ref": event.ref,
        "ref_name": event.ref_name,
        "ref_type": "tag" if event.is_tag else "branch",
        "sha": event.sha,
        "event_name": event.name,
        "workflow": setting.name,
        "run_id": str(setting.id),
        "run_number": str(setting.id),
        "run_attempt": str(setting.attempt),
        **more,
    }


def variables(
    setting: Setting, contexts: Mapping[str, Value], env: Mapping[str, str], identity: Mapping[str, str]
) -> dict[str, str]:
    """The environment of a step: what the file says in `env`, what GitHub tells, and what leads to the rehearsal.

    From GitHub's page "Variables reference". What leads to the rehearsal counts for more than what the file says.
    """
    told = {
        f"{prefix}_{name.upper()}": to_text(value)
        for prefix, context in (("GITHUB", contexts["github"]), ("RUNNER", contexts["runner"]))
        if isinstance(context, Mapping)
        for name, value in context.items()
        if name != "token"
    }
    told |= {"GITHUB_ACTIONS": "true", "CI": "true"}
    found = {**env, **told, **setting.registries.environment, **GIT, **setting.environment, **identity}
    token = found.pop("CARGO_REGISTRY_TOKEN", None)
    if token:
        found[crates_auth.VARIABLE] = token  # by this name cargo takes it to the rehearsed registry
    return found


def assignments(text: str) -> dict[str, str]:
    """What a step wrote into one of GitHub's files: `name=value`, or `name<<END`, lines and `END`.

    Raises:
        NotDone: A line is neither.
    """
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if not line:
            continue
        read = re.fullmatch(r"([^=]+?)(<<|=)(.*)", line)
        if read is None:
            raise NotDone(f"`{line}` is neither `name=value` nor `name<<END`")
        name, sign, value = read.groups()
        if sign == "<<":
            body: list[str] = []
            for each in lines:
                if each == value:
                    break
                body.append(each)
            else:
                raise NotDone(f"`{value}` is missing after `{line}`")
            value = "\n".join(body)
        found[name] = value
    return found
