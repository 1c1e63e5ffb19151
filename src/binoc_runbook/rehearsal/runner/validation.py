"""Validation of the workflow file: a file with an unsupported part is rejected as a whole, before a job runs.

A rehearsal supports workflows that build and publish on tags. Unsupported parts are never skipped, because a rehearsal
without them would prove nothing. Each is reported with file and line.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from binoc_runbook.checks.workflow.conditions import condition_of
from binoc_runbook.checks.workflow.expressions import (
    STATUS_FUNCTIONS,
    Expression,
    ExpressionError,
    Value,
    parse_template,
)
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowError, WorkflowFile, action_of
from binoc_runbook.finding import Finding, Place, RefusedError
from binoc_runbook.rehearsal.runner.actions import ACTIONS

CHECK = "rehearsed workflow"

#: Shells by their name in the file; `None` is the default shell. `{0}` is the script, as in GitHub's documentation.
SHELLS: dict[str | None, tuple[str, ...]] = {
    None: ("bash", "-e", "{0}"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"),
    "sh": ("sh", "-e", "{0}"),
}

#: The supported keys of GitHub's contexts; the keys of the other contexts depend on the workflow.
_KNOWN = {
    "github": frozenset(
        {
            *("repository", "repository_owner", "repository_owner_id", "ref", "ref_name", "ref_type", "sha"),
            *("event_name", "workflow", "run_id", "run_number", "run_attempt", "job", "workspace", "token"),
        }
    ),
    "runner": frozenset({"os", "arch", "temp"}),
    "job": frozenset({"status"}),
}
# The contexts that can be used in each part; from GitHub's table of context availability, if they are supported here.
_OF_WORKFLOW = {"github", "inputs"}
_OF_CONDITION = {"github", "inputs", "needs"}
_OF_JOB = {*_OF_CONDITION, "matrix"}
_OF_STEP = {*_OF_JOB, "steps", "env", "runner", "job"}
#: The supported keys, and the contexts that expressions below them can use; `None` if they cannot have expressions.
_Keys = Mapping[str, set[str] | None]
_WORKFLOW_KEYS: _Keys = {
    **dict.fromkeys(("name", "on", "permissions", "defaults", "cache-mode", "jobs")),
    **dict.fromkeys(("run-name", "env", "concurrency"), _OF_WORKFLOW),
}
_JOB_KEYS: _Keys = {
    **dict.fromkeys(("needs", "permissions", "defaults", "strategy", "steps", "cache-mode")),
    **dict.fromkeys(("name", "runs-on", "environment", "env", "concurrency", "timeout-minutes"), _OF_JOB),
    "if": _OF_CONDITION,
    "outputs": _OF_STEP,
}
_STEP_KEYS: _Keys = {
    **dict.fromkeys(("id", "uses", "shell")),
    **dict.fromkeys(("name", "if", "run", "working-directory", "with", "env", "timeout-minutes"), _OF_STEP),
}


def read_workflow(root: Path, file: str) -> WorkflowFile:
    """Read the workflow `file`, a path from `root`.

    Raises:
        RefusedError: It cannot be read, or has unsupported parts; with a finding for each of them.
    """
    try:
        workflow = WorkflowFile.read(root, file)
    except WorkflowError as error:
        findings = [Finding.failed(CHECK, error.place, error.saw, error.remedy)]
    else:
        findings = [Finding.failed(CHECK, *problem) for problem in _problems(workflow)]
    if findings:
        raise RefusedError("the workflow cannot be rehearsed; no job was run", findings)
    return workflow


def value_of(node: Node) -> Value:
    """Return the value of a node in GitHub's YAML 1.2; a number loses its spelling (`3.10` is 3.1)."""
    if node.is_mapping:
        return {key.text: value_of(value) for key, value in node.items()}
    if node.is_list:
        return [value_of(element) for element in node.elements()]
    if node.yaml.style is not None:  # quoted
        return node.text
    try:
        value: Value = json.loads(node.text.lower().replace("~", "null") or "null")
    except ValueError:
        return node.text
    return value


_Problems = Iterator[tuple[Place, str, str]]


def _problems(workflow: WorkflowFile) -> _Problems:
    inputs = {name.text for name, _ in inputs_of(workflow)}
    yield from _keys(workflow.root, _WORKFLOW_KEYS, "a workflow", {"inputs": inputs})
    yield from _order(workflow)
    for job in workflow.jobs:
        yield from _job(job, inputs)


def inputs_of(workflow: WorkflowFile) -> list[tuple[Node, Node]]:
    """Return the names and declarations of the inputs of `workflow_dispatch`."""
    inputs = workflow.root.get("on", "workflow_dispatch", "inputs")
    return inputs.items() if inputs else []


def _order(workflow: WorkflowFile) -> _Problems:
    ids = {job.id for job in workflow.jobs}
    for job in workflow.jobs:
        for need in job.needs:
            if need.text not in ids:
                yield need.place, f"`{job.id}` needs the unknown job `{need.text}`", "use the ID of a job of this file"
        if job.id in workflow.needed_by(job):
            yield job.key.place, f"`{job.id}` needs itself", "remove the cycle from `needs`"


def _job(job: Job, inputs: set[str]) -> _Problems:
    if job.is_reusable:
        yield job.key.place, f"`{job.id}` calls another workflow file", "move its steps into this file"
        return
    known = {"inputs": inputs, "needs": {"*", *(need.text for need in job.needs)}}
    yield from _keys(job.node, _JOB_KEYS, "a job", known)
    if len(labels(job)) != 1:
        yield job.key.place, f"`{job.id}` needs exactly one label", "write `runs-on:` with the label of one runner"
    yield from _matrix(job)
    for step in job.steps:
        yield from _step(step, known)


def labels(job: Job) -> list[Node]:
    """Return the labels in `runs-on`; each job of a validated workflow has one."""
    label = job.node.get("runs-on")
    return label.texts() if label else []


def _matrix(job: Job) -> _Problems:
    matrix = job.node.get("strategy", "matrix")
    if matrix and (
        not all(values.is_list for _, values in matrix.items()) or any("${{" in node.text for _, node in matrix.walk())
    ):
        yield matrix.place, f"the matrix of `{job.id}` is computed", "write its values as lists"


def _step(step: Node, known: Mapping[str, set[str]]) -> _Problems:
    yield from _keys(step, _STEP_KEYS, "a step", known)
    uses, name = step.get("uses"), action_of(step)
    if (uses is None) == (step.get("run") is None):
        yield step.place, "the step needs either `run` or `uses`", "write one of the two"
    if uses and name not in ACTIONS:
        names = ", ".join(f"`{action}`" for action in sorted(ACTIONS))
        yield uses.place, f"unsupported action `{uses.text}`; the supported ones are {names}", "use a `run:` step"
    given = step.get("with")
    for key, _ in given.items() if given and name in ACTIONS else ():
        if key.text not in ACTIONS[name].inputs.split():
            yield key.place, f"unsupported input `{key.text}` of `{name}`", f"delete `{key.text}`"


def _keys(node: Node, contexts: _Keys, what: str, known: Mapping[str, set[str]]) -> _Problems:
    for key, value in node.items():
        available = contexts.get(key.text)
        if key.text not in contexts:
            yield key.place, f"unsupported key `{key.text}` of {what}", f"delete `{key.text}`"
        elif key.text == "permissions" and not value.is_mapping:
            remedy = "list the permissions, such as `contents: read`"
            yield value.place, f"`permissions: {value.text}` is not supported", remedy
        elif available:
            yield from _expressions(value, available, known, is_condition=key.text == "if")
    shell = node.get("shell") or node.get("defaults", "run", "shell")
    if shell and shell.text not in SHELLS:
        yield shell.place, f"unsupported shell `{shell.text}`", "write `shell: bash`"


def _expressions(node: Node, contexts: set[str], known: Mapping[str, set[str]], *, is_condition: bool) -> _Problems:
    for _, text in node.walk():
        try:
            parts = [condition_of(text.text)] if is_condition else parse_template(text.text)
        except ExpressionError as error:
            yield text.place, f"invalid expression: {error}", 'fix it; the syntax is on GitHub\'s page "Expressions"'
            continue
        for part in parts:
            if isinstance(part, Expression):
                if not is_condition and (calls := sorted(part.functions & STATUS_FUNCTIONS)):
                    yield text.place, f"`{calls[0]}()` can be used only in `if`", "write `job.status` instead"
                yield from _names(text.place, part, contexts, known)


def _names(place: Place, expression: Expression, contexts: set[str], known: Mapping[str, set[str]]) -> _Problems:
    if "fromjson" in expression.functions:  # its evaluation can fail after jobs have run
        yield place, "`fromJSON` is not supported", "write the value itself"
    for context, *path in sorted(expression.references):
        keys = known.get(context, _KNOWN.get(context))
        if context not in contexts:
            names = ", ".join(f"`{name}`" for name in sorted(contexts))
            yield place, f"`{context}` cannot be used here; the available contexts are {names}", f"delete `{context}`"
        elif keys is not None and (not path or path[0] not in keys):
            names = ", ".join(f"`{name}`" for name in sorted(keys - {"*"})) or "none"
            saw = f"unknown key `{'.'.join([context, *path])}`; known keys of `{context}`: {names}"
            yield place, saw, f"delete it, or use a known key of `{context}`"
