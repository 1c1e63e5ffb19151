"""Where the jobs run."""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy

_LIVE = {
    *("ubuntu-22.04", "ubuntu-22.04-arm", "ubuntu-24.04", "ubuntu-24.04-arm", "ubuntu-26.04", "ubuntu-26.04-arm"),
    *("ubuntu-slim", "macos-15", "macos-15-intel", "macos-15-large", "macos-15-xlarge"),
    *("macos-26", "macos-26-intel", "macos-26-large", "macos-26-xlarge"),
    *("windows-2022", "windows-2025", "windows-11-arm", "windows-11-vs2026-arm"),
}
#: Labels that nothing answers to any more: since when, and what to write instead.
_RETIRED = {
    "ubuntu-18.04": ("2023-04-03", "ubuntu-24.04"),
    "ubuntu-20.04": ("2025-04-15", "ubuntu-24.04"),
    "macos-11": ("2024-06-28", "macos-15"),
    "macos-12": ("2024-12-03", "macos-15"),
    "macos-13": ("2025-12-04", "macos-15-intel"),
    "macos-14": ("2026-11-02", "macos-15"),
    "windows-2019": ("2025-06-30", "windows-2025"),
}
#: What the moving labels mean today.
_LATEST = {"ubuntu-latest": "ubuntu-24.04", "macos-latest": "macos-26", "windows-latest": "windows-2025"}


def runners_are_fixed(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A label that nothing answers to holds the release up, and one that moves changes what is built."""
    for job, node, label in _labels(workflow):
        if retirement := _retirement(label):
            since, instead = retirement
            yield node.place, f"`{job.id}` runs on `{label}`, which is retired since {since}", f"write `{instead}`"
        elif label.endswith("-latest"):
            instead = _LATEST.get(label, "the label of one release")
            yield node.place, f"`{job.id}` runs on `{label}`, which moves", f"write `{instead}`"


def runners_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job that nothing takes holds the release up for a day."""
    for job, node, label in _labels(workflow):
        if not (label in _LIVE or _retirement(label) or label.endswith("-latest") or "${{" in label):
            saw = f"`{job.id}` runs on `{label}`, and no hosted runner is known by that label"
            yield node.place, saw, "write the label of a hosted runner, such as `ubuntu-24.04`"


def the_toolchain_is_fixed(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The compiler would be whichever the image has that day, and nobody could build the same bytes again.

    Whether `RUSTUP_TOOLCHAIN` names one release, on top or in a job (rustup book, *overrides*).
    """
    edit = "write on top `env: {RUSTUP_TOOLCHAIN: 1.95.0}`, with the release that you build with"
    nodes = [workflow.root, *(job.node for job in workflow.all_jobs)]
    said = [given for node in nodes if (given := node.get("env", "RUSTUP_TOOLCHAIN"))]
    for given in said:
        if not re.fullmatch(r"1\.[0-9]+\.[0-9]+", given.text):
            yield given.place, f"`{given.text}` is no fixed release of Rust", edit
    if not said:
        yield Place(workflow.file), "nothing says which release of Rust builds", edit


def _labels(workflow: WorkflowFile) -> Iterator[tuple[Job, Node, str]]:
    """Each label that a job asks for, with those that its matrix gives it; own runners have any label they like."""
    for job in workflow.all_jobs:
        runs_on = job.node.texts("runs-on")
        if not any(node.text.lower() == "self-hosted" for node in runs_on):
            for node in runs_on:
                for label in dict.fromkeys(expanded(job, node.text)):
                    yield job, node, label.lower()


def _retirement(label: str) -> tuple[str, str] | None:
    return _RETIRED.get(label.removesuffix("-xlarge").removesuffix("-large"))
