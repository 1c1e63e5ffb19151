"""Reading and validation of the workflow file: it is rejected as a whole if any part of it is not supported.

A rehearsal is for workflows that build and publish on tags. What else a workflow can contain is rejected before
anything runs, with file and line, and never skipped: a rehearsal that leaves something out would prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from binoc_runbook.checks.workflow import matrix
from binoc_runbook.checks.workflow.expressions import (
    STATUS_FUNCTIONS,
    Expression,
    ExpressionError,
    Value,
    parse,
    parse_template,
)
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowError, WorkflowFile, action_of
from binoc_runbook.finding import Finding, Place, RefusedError
from binoc_runbook.rehearsal.runner.actions import ACTIONS

CHECK = "rehearsed workflow"

_WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "cache-mode", "jobs"}
_JOB_KEYS = {
    *("name", "needs", "if", "runs-on", "environment", "permissions", "env", "defaults", "outputs", "strategy"),
    *("steps", "timeout-minutes", "concurrency", "cache-mode"),
}
_STEP_KEYS = {"id", "if", "name", "uses", "run", "working-directory", "shell", "with", "env", "timeout-minutes"}
#: Shells by their name in the file; `None` is where none is named. `{0}` is the script, as in GitHub's documentation.
SHELLS: dict[str | None, tuple[str, ...]] = {
    None: ("bash", "-e", "{0}"),
    "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail", "{0}"),
    "sh": ("sh", "-e", "{0}"),
}

#: What each context holds here; `None` where that is the workflow's own affair.
_KNOWN: dict[str, frozenset[str] | None] = {
    "github": frozenset(
        {
            *("repository", "repository_owner", "repository_owner_id", "ref", "ref_name", "ref_type", "sha"),
            *("event_name", "workflow", "run_id", "run_number", "run_attempt", "job", "workspace", "token"),
        }
    ),
    "runner": frozenset({"os", "arch", "temp"}),
    "job": frozenset({"status"}),
    "inputs": None,
    "needs": None,
    "matrix": None,
    "steps": None,
    "env": None,
}
# Which contexts there are where; from GitHub's table of context availability, as far as they are known here.
_OF_WORKFLOW = {"github", "inputs"}
_OF_CONDITION = {"github", "inputs", "needs"}
_OF_JOB = {*_OF_CONDITION, "matrix"}
_OF_STEP = {*_OF_JOB, "steps", "env", "runner", "job"}


def read_workflow(root: Path, file: str) -> WorkflowFile:
    """Read the workflow `file`, a path from `root`.

    Raises:
        RefusedError: It cannot be read, or contains what is not supported; with every reason.
    """
    try:
        workflow = WorkflowFile.read(root, file)
    except WorkflowError as reason:
        findings = [Finding.failed(CHECK, reason.place, reason.saw, reason.remedy)]
    else:
        findings = [Finding.failed(CHECK, *problem) for problem in _problems(workflow)]
    if findings:
        raise RefusedError("the workflow cannot be rehearsed, and nothing of it was run", findings)
    return workflow


def value_of(node: Node) -> Value:
    """Return a node as the value that GitHub's YAML 1.2 takes it for; a number loses its spelling, `3.10` is 3.1."""
    if node.is_mapping:
        return {key.text: value_of(value) for key, value in node.items()}
    if node.is_list:
        return [value_of(element) for element in node.elements()]
    text = node.text
    if node.yaml.style is None:  # not quoted
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text.lower() in ("true", "false"):
            return text.lower() == "true"
        if re.fullmatch(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", text):
            return float(text)
        if re.fullmatch(r"0x[0-9a-fA-F]+|0o[0-7]+", text):
            return float(int(text, 0))
    return text


def condition_of(node: Node) -> Expression:
    """Parse the condition of an `if`, which may be written with its braces or without.

    Raises:
        ExpressionError: It is not a condition; text around the braces would make it always true.
    """
    if "${{" not in node.text:
        return parse(node.text)
    parts = [part for part in parse_template(node.text.strip()) if not isinstance(part, str) or part.strip()]
    if len(parts) != 1 or isinstance(parts[0], str):
        raise ExpressionError("what stands beside `${{ … }}` makes the condition a text, which is always true")
    return parts[0]


_Problems = Iterator[tuple[Place, str, str]]


def _problems(workflow: WorkflowFile) -> _Problems:
    yield from _keys(workflow.root, _WORKFLOW_KEYS, "a workflow")
    yield from _order(workflow)
    inputs = {name.text for name, _ in _inputs(workflow)}
    for key in ("run-name", "env", "concurrency"):
        yield from _expressions(workflow.root.get(key), _OF_WORKFLOW, {"inputs": inputs})
    yield from _permissions(workflow.root.get("permissions"))
    yield from _shell(workflow.root.get("defaults", "run", "shell"))
    for job in workflow.jobs:
        yield from _job(job, inputs)


def _inputs(workflow: WorkflowFile) -> list[tuple[Node, Node]]:
    inputs = workflow.root.get("on", "workflow_dispatch", "inputs")
    return inputs.items() if inputs else []


def _order(workflow: WorkflowFile) -> _Problems:
    ids = {job.id for job in workflow.jobs}
    for job in workflow.jobs:
        for need in job.needs:
            if need.text not in ids:
                yield need.place, f"`{job.id}` needs `{need.text}`, and there is no such job", "name a job of this file"
        if job.id in workflow.needed_by(job):
            yield job.key.place, f"`{job.id}` waits for itself", "break the circle of `needs`"


def _job(job: Job, inputs: set[str]) -> _Problems:
    if job.is_reusable:
        yield job.key.place, f"`{job.id}` is done by another workflow file", "write its steps into this file"
        return
    yield from _keys(job.node, _JOB_KEYS, "a job")
    if job.node.get("runs-on") is None or len(labels(job)) != 1:
        yield job.key.place, f"`{job.id}` does not run on one label", "write `runs-on:` with the label of one runner"
    yield from _permissions(job.node.get("permissions"))
    yield from _matrix(job)
    known = {"inputs": inputs, "needs": {"*", *(need.text for need in job.needs)}}
    yield from _condition(job.node.get("if"), _OF_CONDITION, known)
    for key in ("name", "runs-on", "environment", "env", "concurrency", "timeout-minutes"):
        yield from _expressions(job.node.get(key), _OF_JOB, known)
    yield from _expressions(job.node.get("outputs"), _OF_STEP, known)
    yield from _shell(job.node.get("defaults", "run", "shell"))
    if not job.steps:
        yield job.key.place, f"`{job.id}` has no steps", "write what it does under `steps:`"
    for step in job.steps:
        yield from _step(step, known)


def labels(job: Job) -> list[Node]:
    """Return the labels in `runs-on`; each job of a validated workflow has one."""
    label = job.node.get("runs-on")
    return label.texts() if label else []


def _matrix(job: Job) -> _Problems:
    strategy = job.node.get("strategy")
    if strategy is None:
        return
    yield from _keys(strategy, {"matrix", "fail-fast", "max-parallel"}, "a strategy")
    written = strategy.get("matrix")
    if written is None:
        return
    lists = [value for _, value in written.items()]
    computed = next((node for _, node in written.walk() if "${{" in node.text), None)
    if computed is not None or not written.is_mapping or not all(values.is_list for values in lists):
        place = computed.place if computed else written.place
        yield place, f"the matrix of `{job.id}` is computed", "write its values out"
    elif not any(matrix.entries(job)):
        yield written.place, f"the matrix of `{job.id}` is empty", "write its values out"


def _permissions(node: Node | None) -> _Problems:
    if node is not None and not node.is_mapping:
        yield node.place, f"the permissions are `{node.text}` and not named", "name each, such as `contents: read`"


def _step(step: Node, known: Mapping[str, set[str]]) -> _Problems:
    yield from _keys(step, _STEP_KEYS, "a step")
    uses, run = step.get("uses"), step.get("run")
    if (uses is None) == (run is None):
        yield step.place, "the step does not say one of `run` and `uses`", "write one of the two"
    if uses is not None:
        name = action_of(step)
        if name not in ACTIONS:
            there = ", ".join(f"`{action}`" for action in sorted(ACTIONS))
            yield uses.place, f"the action `{uses.text}` is not known here, beside {there}", "do it in a `run:` step"
        else:
            given = step.get("with")
            for key, _ in given.items() if given else ():
                if key.text not in ACTIONS[name].inputs.split():
                    yield key.place, f"the input `{key.text}` of `{name}` is not known here", f"delete `{key.text}`"
    yield from _shell(step.get("shell"))
    yield from _condition(step.get("if"), _OF_STEP, known)
    for field in ("name", "run", "working-directory", "with", "env", "timeout-minutes"):
        yield from _expressions(step.get(field), _OF_STEP, known)


def _shell(node: Node | None) -> _Problems:
    if node is not None and node.text not in SHELLS:
        yield node.place, f"the shell `{node.text}` is not known here", "write `shell: bash`"


def _keys(node: Node, known: set[str], what: str) -> _Problems:
    for key, _ in node.items():
        if key.text not in known:
            yield key.place, f"`{key.text}` of {what} is not known here", f"delete `{key.text}`, or do without it"


def _condition(node: Node | None, contexts: set[str], known: Mapping[str, set[str]]) -> _Problems:
    if node is None:
        return
    try:
        condition = condition_of(node)
    except ExpressionError as reason:
        yield node.place, f"`{node.text.strip()}`: {reason}", "write one condition that GitHub's expressions can say"
        return
    yield from _names(node.place, condition, contexts, known)


def _expressions(node: Node | None, contexts: set[str], known: Mapping[str, set[str]]) -> _Problems:
    for _, text in node.walk() if node else ():
        try:
            parts = parse_template(text.text)
        except ExpressionError as reason:
            yield text.place, f"an expression cannot be read: {reason}", "mend what stands between `${{` and `}}`"
            continue
        for part in parts:
            if isinstance(part, Expression):
                if calls := sorted(part.functions & STATUS_FUNCTIONS):
                    yield text.place, f"`{calls[0]}()` stands outside of an `if`", "ask for `job.status` instead"
                yield from _names(text.place, part, contexts, known)


def _names(place: Place, expression: Expression, contexts: set[str], known: Mapping[str, set[str]]) -> _Problems:
    if "fromjson" in expression.functions:  # can fail when it is evaluated, and nothing is skipped or guessed here
        yield place, "`fromJSON` is not rehearsed", "write its value out"
    for context, *path in sorted(expression.references):
        there = known.get(context, _KNOWN.get(context))
        if context not in contexts:
            names = ", ".join(f"`{name}`" for name in sorted(contexts))
            yield place, f"`{context}` is not known there, beside {names}", "write it without"
        elif there is not None and (not path or path[0] not in there):
            names = ", ".join(f"`{name}`" for name in sorted(there)) or "nothing"
            yield place, f"`{'.'.join([context, *path])}` is not known; `{context}` holds {names}", "name one of those"
