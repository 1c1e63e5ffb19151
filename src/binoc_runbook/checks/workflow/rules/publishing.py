"""Rules about other files that publish, and commands that are not recipes."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile
from binoc_runbook.checks.workflow.rules.installed_tools import installed_tools, recipe_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy


def other_files_do_not_publish(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Reviewers of the publish workflow do not see a publication in another file."""
    publishers = {
        job.id for _, job in workflow.publishers(policy) if job.is_reusable
    }  # reported by the rule `contract`
    for called in workflow.called:
        if called.by.id in publishers:
            continue
        for job in called.jobs:
            edit = f"delete it there, and publish in `{workflow.file}`"
            if job.registries:
                where = f"to {' and '.join(sorted(job.registries))}"
                saw = f"`{called.by.id}` uses `{called.use.text}`, which publishes {where}"
                yield job.key.place, saw, edit
            elif job.token:
                saw = f"`{called.by.id}` uses `{called.use.text}`, where `{job.id}` has an identity token"
                yield job.token.place, saw, edit


def commands_are_recipes(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Other commands cannot be tested before the tag is pushed."""
    if workflow.justfile is None:
        return
    contract = {*(job.id for job in workflow.publishing(policy)), *(job.id for job, _, _ in workflow.entries(policy))}
    first: dict[Place, Violation] = {}  # one command of each script is enough
    for job in workflow.jobs:
        for script, words in job.commands if job.id not in contract else ():
            recipe = recipe_of(words)
            if installed_tools(words):
                continue
            if words[0] not in ("just", "./just"):
                saw = f"`{job.id}` runs `{' '.join(words)}`, which is not a recipe"
                first.setdefault(script.place, (script.place, saw, "write a recipe in the justfile, and run it"))
            elif recipe not in workflow.justfile.scripts and "${{" not in recipe:
                saw = f"`{job.id}` runs `just {recipe}`, but the justfile has no such recipe"
                first.setdefault(script.place, (script.place, saw, "just --list, and write one of these recipes"))
    yield from first.values()
