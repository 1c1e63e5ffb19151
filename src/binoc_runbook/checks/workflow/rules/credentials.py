"""What could be stolen, and by whom."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from binoc_runbook.checks.workflow.model import Workflow
from binoc_runbook.checks.workflow.rules.rule import Fault
from binoc_runbook.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator


def nothing_is_secret(workflow: Workflow, policy: Policy) -> Iterator[Fault]:
    for key, node in workflow.root.walk():
        expressions = re.findall(r"\$\{\{(.*?)\}\}", node.text, re.DOTALL) or ([node.text] if key == "if" else [])
        for expression in expressions:
            names = re.sub("'[^']*'", "", expression)
            if re.search(r"(?<![\w.-])secrets(?![\w-])", names, re.IGNORECASE):
                edit = "delete it: the identity token of the publish job is the only credential"
                yield node.place, f"`{key}` reads a stored secret: `{expression.strip()}`", edit
                break
    for job in workflow.jobs:
        if job.node.said("secrets") == "inherit":
            yield job.node.place, f"`{job.id}` hands on every secret", "delete `secrets: inherit`"
