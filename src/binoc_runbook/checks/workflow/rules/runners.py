"""Rules about runners and the toolchain: pinned and known."""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.workflow.known import LIVE_RUNNERS
from binoc_runbook.checks.workflow.matrix import expanded
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy

#: Labels without runners: the date of their retirement, and the replacement.
_RETIRED = {
    "ubuntu-18.04": ("2023-04-03", "ubuntu-24.04"),
    "ubuntu-20.04": ("2025-04-15", "ubuntu-24.04"),
    "macos-11": ("2024-06-28", "macos-15"),
    "macos-12": ("2024-12-03", "macos-15"),
    "macos-13": ("2025-12-04", "macos-15-intel"),
    "macos-14": ("2026-11-02", "macos-15"),
    "windows-2019": ("2025-06-30", "windows-2025"),
}
#: Current meaning of the labels that move.
_LATEST = {"ubuntu-latest": "ubuntu-24.04", "macos-latest": "macos-26", "windows-latest": "windows-2025"}


def runners_are_pinned(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job with a retired label waits for a runner, and a label that moves changes the build."""
    for job, node, label in _labels(workflow):
        if retirement := _retirement(label):
            date, replacement = retirement
            yield node.place, f"`{job.id}` runs on `{label}`, which was retired on {date}", f"write `{replacement}`"
        elif label.endswith("-latest"):
            replacement = _LATEST.get(label, "ubuntu-24.04")
            yield node.place, f"`{job.id}` runs on `{label}`, which moves to new images", f"write `{replacement}`"


def runners_are_known(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job without a runner waits for 24 hours."""
    for job, node, label in _labels(workflow):
        if not (label in LIVE_RUNNERS or _retirement(label) or label.endswith("-latest") or "${{" in label):
            saw = f"`{job.id}` runs on `{label}`, which is not a known label of a hosted runner"
            yield node.place, saw, "write the label of a hosted runner, such as `ubuntu-24.04`"


def toolchain_is_pinned(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The compiler of the image changes, so the build could not be reproduced.

    The checkout has a file `rust-toolchain.toml`, or `RUSTUP_TOOLCHAIN` is one release, at the top level or in a job
    (rustup book, *overrides*).
    """
    edit = 'write `rust-toolchain.toml` with your release of Rust: `toolchain.channel = "1.95.0"`'
    nodes = [workflow.root, *(job.node for job in workflow.all_jobs)]
    toolchains = [toolchain for node in nodes if (toolchain := node.get("env", "RUSTUP_TOOLCHAIN"))]
    for toolchain in toolchains:
        if not re.fullmatch(r"1\.[0-9]+\.[0-9]+", toolchain.text):
            yield toolchain.place, f"`{toolchain.text}` is not one release of Rust", edit
    if not toolchains and not workflow.contains("rust-toolchain.toml"):
        yield Place(workflow.file), "the checkout has no `rust-toolchain.toml`", edit


def _labels(workflow: WorkflowFile) -> Iterator[tuple[Job, Node, str]]:
    """Yield the labels of all jobs, with their values in the matrix; self-hosted runners can have any label."""
    for job in workflow.all_jobs:
        runs_on = job.node.texts("runs-on")
        if not any(node.text.lower() == "self-hosted" for node in runs_on):
            for node in runs_on:
                for label in dict.fromkeys(expanded(job, node.text)):
                    yield job, node, label.lower()


def _retirement(label: str) -> tuple[str, str] | None:
    return _RETIRED.get(label.removesuffix("-xlarge").removesuffix("-large"))
