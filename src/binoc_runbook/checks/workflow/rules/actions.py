"""Whose code runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from binoc_runbook.checks.workflow.model import Node, Workflow
from binoc_runbook.checks.workflow.rules.rule import Fault
from binoc_runbook.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator


def actions_are_pinned(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for used in used_actions(workflow):
        name, _, ref = used.text.partition("@")
        if name.startswith(("./", "$/")):  # of the same commit
            continue
        if name.startswith("docker://"):
            if not re.fullmatch("sha256:[0-9a-f]{64}", ref):
                yield used.place, f"`{used.text}` is no fixed image", f"write `{name}@sha256:` and the image's digest"
        elif not re.fullmatch("[0-9a-f]{40}", ref):
            saw = f"`{used.text}` is no fixed commit"
            yield used.place, saw, f"write `{name}@` and the commit of {ref or 'a release'}, with its tag as a comment"
        elif not re.match(r"v?[0-9]+\.[0-9]+\.[0-9]+", used.comment):
            yield used.place, f"nobody sees which release `{used.text}` is", "write its tag behind it: `# v1.2.3`"


def used_actions(workflow: Workflow) -> Iterator[Node]:
    for job in workflow.jobs:
        for node in (job.node, *job.steps):
            if used := node.get("uses"):
                yield used
