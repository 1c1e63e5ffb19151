"""Model of a publish workflow: nodes with their places, jobs, and the artifact that a job publishes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from binoc_runbook.checks.workflow.audit import Audit
from binoc_runbook.checks.workflow.commands import PUBLISHING_ACTIONS, commands, published_by
from binoc_runbook.checks.workflow.justfile import Justfile
from binoc_runbook.files import NOT_A_TEXT_FILE, read_file
from binoc_runbook.finding import Place
from binoc_runbook.policy import Artifact, Policy, Registry, normalised

#: The directory in which GitHub looks for workflows.
WORKFLOWS = ".github/workflows"

#: The jobs of contract.yml that publish nothing, by their ids.
CONTRACT_JOBS = (
    *("fetch-dists", "sources", "wheels", "rebuild", "verify-crate", "check-dists", "attest", "verify-published"),
    "github-release",
)

#: More levels than any workflow needs, fewer than a YAML parser can read.
_MAX_DEPTH = 100


class WorkflowError(Exception):
    """A workflow file cannot be read: the place, the problem, and the edit."""

    def __init__(self, place: Place, saw: str, remedy: str) -> None:
        super().__init__(saw)
        self.place, self.saw, self.remedy = place, saw, remedy


@dataclass(frozen=True)
class Node:
    """YAML node and its place.

    Scalars are read as text. GitHub reads YAML 1.2; a YAML 1.1 parser would read the key `on` as true.
    """

    yaml: Any
    file: str
    lines: tuple[str, ...]

    @property
    def place(self) -> Place:
        return Place(self.file, self.yaml.start_mark.line + 1)

    @property
    def text(self) -> str:
        """Return the text of a scalar; an empty text for a mapping, a list or null."""
        return str(self.yaml.value) if self.yaml.id == "scalar" else ""

    @property
    def is_mapping(self) -> bool:
        return bool(self.yaml.id == "mapping")

    @property
    def is_list(self) -> bool:
        return bool(self.yaml.id == "sequence")

    @property
    def comment(self) -> str:
        """Return the comment on the last line of the node, without `#`."""
        end = self.yaml.end_mark
        rest = self.lines[end.line][end.column :] if end.line < len(self.lines) else ""
        comment = re.match(r"[\s\]},]*#\s*(.*)", rest)
        return comment[1].strip() if comment else ""

    def items(self, *path: str) -> list[tuple[Node, Node]]:
        """Return the keys and values of the mapping at a path of keys; an empty list for any other node."""
        node = self.get(*path)
        return node._items if node else []

    def elements(self, *path: str) -> list[Node]:
        """Return the elements of the list at a path of keys; an empty list for any other node."""
        node = self.get(*path)
        return node._elements if node else []

    def get(self, *path: str) -> Node | None:
        """Return the node at a path of keys, or None; without keys, the node itself."""
        node: Node | None = self
        for name in path:
            node = node._by_key.get(name) if node else None
        return node

    def text_at(self, *path: str) -> str:
        """Return the text at a path of keys, or an empty text."""
        node = self.get(*path)
        return node.text if node else ""

    def texts(self, *path: str) -> list[Node]:
        """Return the scalars of a list, and a scalar as a list of one: `needs: a` and `needs: [a]` are the same."""
        node = self.get(*path)
        return [node] if node and node.text else [element for element in self.elements(*path) if element.text]

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Yield the node and all nodes in it with their keys; aliased nodes only once."""
        waiting, visited = [("", self)], set()
        while waiting:
            key, node = waiting.pop()
            if id(node.yaml) in visited:
                continue
            visited.add(id(node.yaml))
            yield key, node
            below = [(name.text, value) for name, value in node.items()]
            below += [(key, element) for element in node.elements()]
            waiting.extend(reversed(below))

    @cached_property
    def _items(self) -> list[tuple[Node, Node]]:
        # Cached, because every rule reads the workflow.
        pairs = self.yaml.value if self.is_mapping else ()
        return [(self._other(key), self._other(value)) for key, value in pairs]

    @cached_property
    def _elements(self) -> list[Node]:
        return [self._other(element) for element in self.yaml.value] if self.is_list else []

    @cached_property
    def _by_key(self) -> dict[str, Node]:
        return {key.text: value for key, value in reversed(self._items)}  # the first of a duplicate key

    def _other(self, node: Any) -> Node:
        return Node(node, self.file, self.lines)


@dataclass(frozen=True)
class Job:
    """Job of a workflow; `key` is the node of its id."""

    key: Node
    node: Node

    @property
    def id(self) -> str:
        return self.key.text

    @property
    def needs(self) -> list[Node]:
        return self.node.texts("needs")

    @property
    def environment(self) -> Node | None:
        """Return the name of its environment, for `environment: x` and `environment: {name: x}`."""
        node = self.node.get("environment")
        return node.get("name") if node and node.is_mapping else node

    @cached_property
    def steps(self) -> list[Node]:
        return self.node.elements("steps")

    @property
    def is_reusable(self) -> bool:
        """Return whether it calls another workflow file."""
        return self.node.get("uses") is not None

    @property
    def token(self) -> Node | None:
        """Return the node that gives the job an identity token: `id-token: write` or `write-all`."""
        permissions = self.node.get("permissions")
        if permissions and permissions.text == "write-all":
            return permissions
        items = self.node.items("permissions")
        return next((key for key, value in items if (key.text, value.text) == ("id-token", "write")), None)

    @cached_property
    def registries(self) -> frozenset[Registry]:
        """Return the registries to which its steps publish."""
        by_actions = (PUBLISHING_ACTIONS.get(action_of(step)) for step in self.steps)
        by_commands = (published_by(words) for _, words in self.invocations)
        return frozenset(registry for registry in (*by_actions, *by_commands) if registry)

    @cached_property
    def commands(self) -> list[tuple[Node, list[str]]]:
        """Return the commands of its steps, each with its script."""
        scripts = [script for step in self.steps if (script := step.get("run"))]
        return [(script, words) for script in scripts for words in commands(script.text)]

    @cached_property
    def invocations(self) -> list[tuple[Node, list[str]]]:
        """Return its commands, and the commands that an action runs with its inputs."""
        invocations = list(self.commands)
        for step in self.steps:
            if action_of(step) == "pyo3/maturin-action":
                script = f"maturin {step.text_at('with', 'command') or 'build'} {step.text_at('with', 'args')}"
                invocations += [(step.get("with", "command") or step, words) for words in commands(script)]
        return invocations

    @property
    def used_actions(self) -> list[Node]:
        """Return the actions, images and workflow files that it and its steps use."""
        return [used for node in (self.node, *self.steps) if (used := node.get("uses"))]

    @property
    def variables(self) -> list[tuple[Node, Node]]:
        """Return the names and values in its `env` and in the `env` of its steps."""
        return [variable for node in (self.node, *self.steps) for variable in node.items("env")]

    def inputs(self, actions: Collection[str], *names: str) -> Iterator[tuple[str, Node]]:
        """Yield the inputs with these names, and their values, in its steps that use one of the actions."""
        for step in self.steps:
            for name in names:
                value = step.get("with", name)
                if value and action_of(step) in actions:
                    yield name, value

    @property
    def publishes(self) -> bool:
        return bool(self.registries) or (self.is_reusable and self.token is not None)


@dataclass(frozen=True)
class CalledFile:
    """File of the checkout that the workflow uses: another workflow, or an action, whose steps are one job."""

    use: Node
    by: Job
    root: Node
    jobs: tuple[Job, ...]


@dataclass(frozen=True)
class RepositoryFacts:
    """Facts about the repository of a workflow that the checkout alone does not show.

    `tracked` are the paths of the files in git, `None` if they are unknown. `dependencies` are, for each published
    crate, the published crates whose versions its manifest requires.
    """

    tracked: frozenset[str] | None = None
    dependencies: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkflowFile:
    """Workflow file, with the files of the checkout that it calls."""

    file: str
    root: Node
    jobs: tuple[Job, ...]
    called: tuple[CalledFile, ...] = ()
    #: None if its recipes are unknown.
    justfile: Justfile | None = None
    #: The checkout that contains it.
    checkout: Path = Path()
    #: The reports of zizmor; None if it was not started.
    audit: Audit | None = None
    repository: RepositoryFacts = RepositoryFacts()

    @classmethod
    def read(cls, root: Path, file: str, text: str | None = None) -> WorkflowFile:
        """Read the workflow `file`, a path from `root`; `text` replaces its content.

        Raises:
            WorkflowError: It is not a valid workflow file.
        """
        node = _composed(root, file, text)
        jobs = _jobs_of(node)
        if not jobs:
            raise WorkflowError(Place(file), "has no jobs", "write a job for each artifact under `jobs:`")
        return cls(file, node, jobs, tuple(_called(root, jobs)), Justfile.read(root), root)

    @property
    def all_jobs(self) -> list[Job]:
        """Return its jobs, and the jobs of the files that it calls."""
        return [*self.jobs, *(job for called in self.called for job in called.jobs)]

    @property
    def steps(self) -> list[tuple[Job, Node]]:
        """Return the steps of all jobs, each with its job."""
        return [(job, step) for job in self.all_jobs for step in job.steps]

    @property
    def used_actions(self) -> list[Node]:
        """Return the actions, images and workflow files that all jobs and steps use."""
        return [used for job in self.all_jobs for used in job.used_actions]

    @cached_property
    def events(self) -> dict[str, tuple[Node, Node]]:
        """Return key and value of its triggers by name, for `on: push`, `on: [push]` and `on: {push: …}`."""
        names = {name.text: (name, name) for name in self.root.texts("on")}
        return names | {key.text: (key, value) for key, value in self.root.items("on")}

    def contains(self, path: str) -> bool:
        """Return whether the repository contains a file."""
        tracked = self.repository.tracked
        return _is_in(self.checkout, path) and (tracked is None or path in tracked)

    def text_of(self, path: str) -> str | None:
        """Return the text of a file of the checkout; `None` for any other text."""
        if not _is_in(self.checkout, path):
            return None
        try:
            return (self.checkout / path).read_text("utf-8", errors="replace")
        except OSError:
            return None

    def entries(self, policy: Policy) -> list[tuple[Job, str, Artifact | None]]:
        """Return the jobs of the contract with the keys of their entries, and the artifacts that they publish."""
        entries: list[tuple[Job, str, Artifact | None]] = []
        publishers = {job.id: artifact for artifact, job in self.publishers(policy)}
        for job in self.jobs:
            if artifact := publishers.get(job.id):
                entries.append((job, f"publish-{artifact.registry}", artifact))
            elif job.id in CONTRACT_JOBS:
                entries.append((job, job.id, None))
        return entries

    def jobs_before(self, policy: Policy) -> list[Job]:
        """Return the jobs that do not publish and need no publish job."""
        last = {job.id for job in self.publishing(policy)}
        return [job for job in self.jobs if not ({job.id} | self.needed_by(job)) & last]

    def publishing(self, policy: Policy) -> list[Job]:
        """Return the jobs that publish, whether an artifact of the policy or not."""
        publishers = {job.id for _, job in self.publishers(policy)}
        return [job for job in self.jobs if job.id in publishers or job.publishes]

    def needed_by(self, job: Job) -> set[str]:
        """Return the ids of the jobs that `job` needs, directly or not."""
        by_id = {known.id: known for known in self.jobs}
        waiting, needs = [by_id[job.id]], set[str]()
        while waiting:
            added = ({needed.text for needed in waiting.pop().needs} & by_id.keys()) - needs
            needs |= added
            waiting += [by_id[name] for name in added]
        return needs

    def publishers(self, policy: Policy) -> list[tuple[Artifact, Job]]:
        """Return the publish job of each artifact, found by its environment, or else by its steps and its name."""
        pairs: dict[str, tuple[Artifact, Job]] = {}
        # The longer name first: `publish-binoc-sqlite` also contains `binoc`.
        waiting = sorted(policy.artifacts, key=lambda artifact: len(artifact.name), reverse=True)
        for matches, by_name in product((_is_trusted, _may_publish), (True, False)):
            for artifact in tuple(waiting):
                jobs = [job for job in self.jobs if job.id not in pairs and matches(job, artifact)]
                job = next((job for job in jobs if not by_name or _names_artifact(job, artifact)), None)
                if job:
                    pairs[job.id] = (artifact, job)
                    waiting.remove(artifact)
        return sorted(pairs.values(), key=lambda pair: policy.artifacts.index(pair[0]))


def _jobs_of(node: Node) -> tuple[Job, ...]:
    return tuple(Job(key, value) for key, value in node.items("jobs"))


def _called(root: Path, jobs: tuple[Job, ...]) -> Iterator[CalledFile]:
    waiting, visited = list(jobs), set[str]()
    while waiting:
        job = waiting.pop(0)
        for use in job.used_actions:
            where = re.fullmatch(r"[.$]/([^@]+)", use.text)
            for file in _files_of(where[1].rstrip("/"), job.is_reusable) if where else ():
                if file in visited or not _is_in(root, file):
                    continue
                visited.add(file)
                node = _composed(root, file)
                inner = _jobs_of(node) or tuple(Job(key, value) for key, value in node.items() if key.text == "runs")
                waiting += inner
                yield CalledFile(use, job, node, inner)


def _is_in(root: Path, file: str) -> bool:
    try:
        return (root / file).is_file() and (root / file).resolve().is_relative_to(root.resolve())
    except (OSError, ValueError):  # not a valid file name
        return False


def _files_of(path: str, is_workflow: bool) -> tuple[str, ...]:
    return (path,) if is_workflow else (f"{path}/action.yml", f"{path}/action.yaml")


def _remedy(file: str, error: OSError) -> str:
    return f"git checkout HEAD -- {file}" if error.errno in NOT_A_TEXT_FILE else f"chmod u+r {file}"


def _may_be_deep(text: str) -> bool:
    """Return whether a text can have too many levels: one of each indentation character, dash, and opening bracket."""
    brackets = text.replace("${{", "").count("[") + text.replace("${{", "").count("{")
    indentation = max((len(lead) for lead in re.findall(r"^[ ?:-]+", text, re.MULTILINE)), default=0)
    return brackets + 2 * indentation > _MAX_DEPTH


def _composed(root: Path, file: str, text: str | None = None) -> Node:
    import yaml  # takes as long to import as the rest of the library

    try:
        text = read_file(root / file).decode("utf-8-sig") if text is None else text
    except FileNotFoundError:
        names = sorted(path.name for path in (root / WORKFLOWS).glob("*.y*ml"))
        saw = f"no such file; existing workflows: {', '.join(f'`{name}`' for name in names) or 'none'}"
        remedy = f"write `{file}`, or set `workflow` in the policy to the file that both registries trust"
        raise WorkflowError(Place(file), saw, remedy) from None
    except OSError as error:
        raise WorkflowError(Place(file), f"cannot be read: {error.strerror}", _remedy(file, error)) from error
    except UnicodeDecodeError as error:
        raise WorkflowError(Place(file), "is not UTF-8", "save it as UTF-8") from error
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        depth = 0
        for event in yaml.parse(text, Loader=loader) if _may_be_deep(text) else ():
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:  # composing recurses in C, and could crash the process
                place = Place(file, event.start_mark.line + 1 if event.start_mark else None)
                raise WorkflowError(
                    place, f"has more than {_MAX_DEPTH} levels of nesting", "write it with fewer levels"
                )
        composed: Any = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        place = Place(file, mark.line + 1 if mark else None)
        column = f", in column {mark.column + 1}" if mark else ""
        raise WorkflowError(place, f"is not valid YAML: {problem or error}{column}", "fix the YAML syntax") from error
    if composed is None or composed.id != "mapping":
        raise WorkflowError(Place(file), "is not a mapping", "write `on:` and `jobs:`")
    return Node(composed, file, tuple(re.split("\r\n|[\n\r\x85\u2028\u2029]", text)))


def action_of(step: Node) -> str:
    """Return the name of the action that a step uses, in lower case and without its version."""
    return step.text_at("uses").partition("@")[0].lower()


def same(node: Node | None, name: str) -> bool:
    return node is not None and node.text.casefold() == name.casefold()  # GitHub and both registries ignore case


def _is_trusted(job: Job, artifact: Artifact) -> bool:
    return artifact.environment is not None and same(job.environment, artifact.environment)


def _names_artifact(job: Job, artifact: Artifact) -> bool:
    return normalised("pypi", artifact.name) in normalised("pypi", job.id)


def _may_publish(job: Job, artifact: Artifact) -> bool:
    return artifact.registry in job.registries or (job.publishes and not job.registries)
