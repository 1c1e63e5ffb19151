"""Rules about the YAML of the file: only keys and permissions that the contract knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy

_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq")}


def yaml_is_plain(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """GitHub rejects the file or reads other values than a reviewer, and the tag starts no run or another one."""
    visited, waiting = set[int](), [workflow.root]
    while waiting:
        node = waiting.pop()
        if id(node.yaml) in visited:
            yield (
                node.place,
                "an alias repeats this node",
                "write its content again instead of `*`, and delete the anchor",
            )
            continue
        visited.add(id(node.yaml))
        if node.yaml.tag not in _TAGS:
            yield node.place, f"the tag `{node.yaml.tag}` changes how the value is read", "delete the tag"
        first: dict[str, Node] = {}
        for key, value in node.items():
            if key.text == "<<":
                yield key.place, "`<<` merges the keys of another mapping", "write its keys instead of `<<`"
            if first.setdefault(key.text, key) is not key:
                yield key.place, f"duplicate key `{key.text}`, first on line {first[key.text].place.line}", "delete one"
            waiting.append(value)
        waiting += node.elements()


_WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "concurrency", "cache-mode", "jobs"}
_JOB_KEYS = {
    *("name", "needs", "if", "runs-on", "permissions", "timeout-minutes", "strategy", "env", "outputs", "steps"),
    *("environment", "cache-mode", "container", "uses", "with", "secrets", "continue-on-error"),
}
_STEP_KEYS = {
    *("id", "name", "if", "uses", "with", "run", "env", "shell", "timeout-minutes", "working-directory"),
    "continue-on-error",  # the rule `failures` checks it
}
_STRATEGY_KEYS = {"fail-fast", "max-parallel", "matrix"}
_SHELLS = ("bash", "pwsh")


def keys_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Other keys change what runs, and where: `defaults`, `services`, `concurrency` of a job, a command as `shell`."""
    yield from _unknown(workflow.root, _WORKFLOW_KEYS, "the workflow")
    for job in workflow.jobs:
        yield from _unknown(job.node, _JOB_KEYS, f"`{job.id}`")
        yield from _unknown(job.node.get("strategy"), _STRATEGY_KEYS, f"the strategy of `{job.id}`")
        for step in job.steps:
            yield from _unknown(step, _STEP_KEYS, f"a step of `{job.id}`")
            shell = step.get("shell")
            if shell and shell.text not in _SHELLS:
                yield shell.place, f"a step of `{job.id}` runs in the shell `{shell.text}`", "write `shell: bash`"


def _unknown(node: Node | None, known: set[str], where: str) -> Iterator[Violation]:
    for key, _ in node.items() if node else ():
        if key.text not in known | {"<<"}:
            match = difflib.get_close_matches(key.text, known, n=1, cutoff=0.8)
            yield (
                key.place,
                f"unknown key `{key.text}` of {where}",
                f"write `{match[0]}`" if match else f"delete `{key.text}`",
            )


def permissions_are_minimal(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """All code of a job can use its permissions; only jobs of the contract have others than reading the checkout."""
    top_level = workflow.root.get("permissions")
    if top_level is None:
        yield Place(workflow.file), "all jobs get the default permissions of the repository", "write `permissions: {}`"
    elif not top_level.is_mapping or top_level.items():
        yield top_level.place, "all jobs get permissions that only some need", "write `permissions: {}`"
    contract = {job.id for job, _, _ in workflow.entries(policy)}
    for job in workflow.jobs:
        if job.id not in contract:
            yield from _excessive(job)


def _excessive(job: Job) -> Iterator[Violation]:
    permissions = job.node.get("permissions")
    if permissions and permissions.text not in ("", "write-all"):  # the rule `token` reports `write-all`
        yield (
            permissions.place,
            f"`{job.id}` has permission `{permissions.text}`",
            "write `permissions: {contents: read}`",
        )
    for key, value in job.node.items("permissions"):
        if (key.text, value.text) not in (("contents", "read"), ("id-token", "write")) and value.text != "none":
            saw = (
                f"`{job.id}` has permission `{key.text}: {value.text}`, but is not a job of the contract that needs it"
            )
            yield key.place, saw, f"delete `{key.text}: {value.text}`"
