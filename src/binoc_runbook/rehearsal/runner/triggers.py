"""The triggers of a run: the filters of `on: push`, and the inputs of `on: workflow_dispatch`."""

from __future__ import annotations

from collections.abc import Mapping

from binoc_runbook.checks.workflow.expressions import to_text
from binoc_runbook.checks.workflow.model import Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.release_trigger import read_filter
from binoc_runbook.finding import Finding, Place, RefusedError
from binoc_runbook.rehearsal.runner.validation import CHECK, inputs_of, value_of
from binoc_runbook.rehearsal.runner.workflow_run import Event


def is_triggered_by_push(workflow: WorkflowFile, event: Event) -> bool:
    """Return whether a push of this ref starts the workflow; from GitHub's "Workflow syntax", `on.push`.

    A filter for branches alone leaves out all tags, and the other way round. Filters of paths do not look at tags; for
    a branch they are taken as fitting.
    """
    if "push" not in workflow.events:
        return False
    _, push = workflow.events["push"]
    own, other = ("tags", "branches") if event.is_tag else ("branches", "tags")
    filters = {key.text: value for key, value in push.items()}
    if own in filters:
        return _fits(filters[own], event.ref_name)
    if f"{own}-ignore" in filters:
        return not _fits(filters[f"{own}-ignore"], event.ref_name)
    return other not in filters and f"{other}-ignore" not in filters


def _fits(patterns: Node, name: str) -> bool:
    fits = False
    for node in patterns.texts():  # the last pattern that matches decides
        negated, pattern = read_filter(node.text)
        if pattern.fullmatch(name):
            fits = not negated
    return fits


def dispatch_inputs(workflow: WorkflowFile, given: Mapping[str, str]) -> dict[str, str | bool | float]:
    """Return the inputs of a run that was started by hand, with their defaults; from `on.workflow_dispatch.inputs`.

    Raises:
        RefusedError: It cannot be started by hand, or an input is unknown, missing or not one of its values.
    """
    if "workflow_dispatch" not in workflow.events:
        saw, remedy = "it cannot be started by hand", "write `workflow_dispatch:` under `on:`"
        raise RefusedError("nothing was run", [Finding.failed(CHECK, workflow.file, saw, remedy)])
    declared = {name.text: (name.place, node) for name, node in inputs_of(workflow)}
    known = ", ".join(f"`{name}`" for name in declared) or "none"
    findings = [
        Finding.failed(CHECK, workflow.file, f"it has no input `{name}`; its inputs are {known}", "leave it out")
        for name in given
        if name not in declared
    ]
    values: dict[str, str | bool | float] = {}
    for name, (place, node) in declared.items():
        default = node.get("default")
        text = given.get(name, to_text(value_of(default)) if default else "")
        try:
            values[name] = _typed(node, text)
        except ValueError as reason:
            findings.append(_wrong(place, name, str(reason)))
        if node.text_at("required") == "true" and not text:
            findings.append(_wrong(place, name, "it is required, and nothing was given"))
    if findings:
        raise RefusedError("the workflow does not start with these inputs, and nothing was run", findings)
    return values


def _wrong(place: Place, name: str, saw: str) -> Finding:
    return Finding.failed(CHECK, place, f"input `{name}`: {saw}", f"give another value for `{name}`")


def _typed(node: Node, text: str) -> str | bool | float:
    kind, options = node.text_at("type"), node.get("options")
    if kind == "number":
        return float(text or 0)
    if kind not in ("boolean", "choice"):
        return text
    allowed = [option.text for option in options.elements()] if options else ["false", "true"]
    # Without a default the first one is chosen, as on the page where a person starts it.
    chosen = text or allowed[0]
    if chosen not in allowed:
        raise ValueError(f"`{text}` is none of {', '.join(f'`{option}`' for option in allowed)}")
    return chosen == "true" if kind == "boolean" else chosen
