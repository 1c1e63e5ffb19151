"""Scripts of a workflow: its steps, and the recipes and files of the checkout that they run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile

_RECIPE = re.compile(r"\bjust[ \t]+(?:--?\S+[ \t]+)*([A-Za-z_][\w-]*)")
_MODULE = re.compile(r"\bpython3?[ \t]+-m[ \t]+([A-Za-z_][\w.]*)")
_PATH = re.compile(r"[\w@.+-]*/[\w@./+-]+|[\w@+-]+\.(?:py|sh|bash|js|mjs|rb|pl)\b")


class Script(NamedTuple):
    """A script that a step runs: `where` is the recipe or file that contains it, empty for the step itself."""

    job: Job
    node: Node
    where: str
    text: str


def scripts(workflow: WorkflowFile) -> Iterator[Script]:
    """Yield the scripts of all steps, and each recipe and file that they run, once, for the first step that runs it."""
    visited = set[str]()
    for job in workflow.all_jobs:
        for step in job.steps:
            node = step.get("run")
            if node and node.text:
                yield Script(job, node, "", node.text)
                for where, text in _called(workflow, node.text, visited):
                    yield Script(job, node, where, text)


def _called(workflow: WorkflowFile, text: str, visited: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and texts of the recipes and files that a script runs, and that those run."""
    waiting = [text]
    while waiting:
        for where, content in _named(workflow, waiting.pop(), visited):
            yield where, content
            waiting.append(content)


def _named(workflow: WorkflowFile, text: str, visited: set[str]) -> Iterator[tuple[str, str]]:
    for recipe in _RECIPE.findall(text) if workflow.justfile else ():
        for name, body in workflow.justfile.bodies(recipe) if workflow.justfile else ():
            if name not in visited:
                visited.add(name)
                yield f"the recipe `{name}`", body
    modules = [module.replace(".", "/") for module in _MODULE.findall(text)]
    files = [f"{module}{end}" for module in modules for end in (".py", "/__main__.py")]
    for path in [*_PATH.findall(text), *files]:
        if path not in visited:
            visited.add(path)
            if (content := workflow.text_of(path)) is not None:
                yield f"`{path}`", content
