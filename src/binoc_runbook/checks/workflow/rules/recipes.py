"""What a person can run as well."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy


def scripts_are_recipes(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What only the workflow can run cannot be tried before the tag is pushed."""
    publishing = {job.id for job in workflow.publishing(policy)}
    if workflow.recipes is None:
        return
    for job in workflow.jobs:
        named: set[int | None] = set()
        for script, words in job.commands if job.id not in publishing else ():
            recipe = next((word for word in words[1:] if not word.startswith("-")), "default")
            if words[0] not in ("just", "./just"):
                saw, edit = f"`{job.id}` runs `{' '.join(words)}`, which is no recipe", "make it one in the justfile"
            elif recipe not in workflow.recipes and "${{" not in recipe:
                saw, edit = f"`{job.id}` runs `just {recipe}`, and there is no such recipe", "name one that there is"
            else:
                continue
            if script.place.line not in named:
                named.add(script.place.line)
                yield script.place, saw, edit
