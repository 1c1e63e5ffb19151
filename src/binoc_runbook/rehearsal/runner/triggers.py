"""Triggers: the filters of `on: push`, and the inputs of `on: workflow_dispatch`."""

from __future__ import annotations

from collections.abc import Mapping

from binoc_runbook.checks.workflow.expressions import to_text
from binoc_runbook.checks.workflow.model import Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.release_trigger import fits_filters
from binoc_runbook.finding import Finding, Place, RefusedError
from binoc_runbook.rehearsal.runner.validation import CHECK, inputs_of, value_of
from binoc_runbook.rehearsal.runner.workflow_run import Event


def is_triggered_by_push(workflow: WorkflowFile, event: Event) -> bool:
    """Return whether a push of this ref triggers the workflow; from GitHub's "Workflow syntax", `on.push`.

    A workflow that filters only branches is not triggered by tags, and vice versa. Path filters do not apply to tags;
    for branches they are assumed to match.
    """
    if "push" not in workflow.events:
        return False
    _, push = workflow.events["push"]
    own, other = ("tags", "branches") if event.is_tag else ("branches", "tags")
    filters = {key.text: [node.text for node in value.texts()] for key, value in push.items()}
    if own in filters:
        return fits_filters(filters[own], event.ref_name)
    if f"{own}-ignore" in filters:
        return not fits_filters(filters[f"{own}-ignore"], event.ref_name)
    return other not in filters and f"{other}-ignore" not in filters


def dispatch_inputs(workflow: WorkflowFile, given: Mapping[str, str]) -> dict[str, str | bool | float]:
    """Return the inputs of a run that was started by hand, with their defaults; from `on.workflow_dispatch.inputs`.

    Raises:
        RefusedError: The workflow has no such trigger, or an input is unknown, missing or has an invalid value.
    """
    declared = {name.text: (name.place, node) for name, node in inputs_of(workflow)}
    known, file = ", ".join(f"`{name}`" for name in declared) or "none", Place(workflow.file)
    problems = [(file, f"unknown input `{name}`; the inputs are {known}") for name in given if name not in declared]
    if "workflow_dispatch" not in workflow.events:
        problems = [(file, "cannot be started by hand: there is no `workflow_dispatch:` under `on:`")]
    values: dict[str, str | bool | float] = {}
    for name, (place, node) in declared.items():
        default = node.get("default")
        text = given.get(name, to_text(value_of(default)) if default else "")
        try:
            values[name] = _typed(node, text)
        except ValueError as reason:
            problems.append((place, f"input `{name}`: {reason}"))
        if node.text_at("required") == "true" and not text:
            problems.append((place, f"input `{name}` is required"))
    if problems:
        findings = [Finding.failed(CHECK, place, saw, "run the workflow with valid inputs") for place, saw in problems]
        raise RefusedError("the inputs of the workflow are invalid; no job was run", findings)
    return values


def _typed(node: Node, text: str) -> str | bool | float:
    kind, options = node.text_at("type"), node.get("options")
    if kind == "number":
        return float(text or 0)
    if kind not in ("boolean", "choice"):
        return text
    allowed = [option.text for option in options.elements()] if options else ["false", "true"]
    # Without a default, the first option is used, as on GitHub's page.
    chosen = text or allowed[0]
    if chosen not in allowed:
        raise ValueError(f"`{text}` is not one of {', '.join(f'`{option}`' for option in allowed)}")
    return chosen == "true" if kind == "boolean" else chosen
