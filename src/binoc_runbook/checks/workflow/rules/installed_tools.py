"""Rule about the programs that steps call: the runner has them, a step installs them, or the repository contains them.

Only the tools of a release that hosted runners do not have are known here. A step with another program, or with an
unknown action, could install any of them, so the rule checks nothing after it in the same job.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import dropwhile

from binoc_runbook.checks.workflow.commands import commands
from binoc_runbook.checks.workflow.known import known_pin
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.policy import Policy, normalised

#: The packages that install each tool, on PyPI, crates.io or a system. No image of a hosted runner has these tools
#: (actions/runner-images, *Included software*).
_PACKAGES = {
    "just": ("rust-just", "just"),
    "uv": ("uv",),
    "maturin": ("maturin",),
    "binoc-runbook": ("binoc-runbook",),
}
#: The tool of each program, if the name differs.
_PROGRAMS = {**{tool: tool for tool in _PACKAGES}, "uvx": "uv"}

#: The step that installs each tool.
INSTALLATIONS = {
    "just": "run: pipx install rust-just==1.59.0",
    "uv": f"uses: {known_pin('astral-sh/setup-uv')}",
    "maturin": "run: pipx install maturin==1.16.0",
    "binoc-runbook": "run: pipx install git+https://github.com/harvard-lil/binoc@COMMIT",
}

#: Actions that install at most the given tool.
_ACTIONS = {
    **dict.fromkeys(("actions/setup-python", "actions/upload-artifact", "actions/download-artifact"), ""),
    **dict.fromkeys(("actions/checkout", "actions/attest", "actions/attest-build-provenance"), ""),
    **dict.fromkeys(("astral-sh/attest-action", "pypa/gh-action-pypi-publish"), ""),
    **dict.fromkeys(("rust-lang/crates-io-auth-action", "swatinem/rust-cache", "dtolnay/rust-toolchain"), ""),
    **dict.fromkeys(("actions-rust-lang/setup-rust-toolchain", "actions/cache", "actions/setup-node"), ""),
    "astral-sh/setup-uv": "uv",
}
#: Programs that install nothing.
_NEUTRAL = {
    *("[", "cat", "chmod", "cmp", "cp", "diff", "echo", "false", "git", "ls", "mkdir", "mv", "printf", "pytest", "rm"),
    *("rustc", "rustup", "set", "sha256sum", "shasum", "sleep", "sort", "tar", "test", "true", "unzip", "zip"),
}
_INSTALLERS = (
    *(["pip", "install"], ["pip3", "install"], ["pipx", "install"], ["cargo", "install"], ["cargo", "binstall"]),
    *(["uv", "pip", "install"], ["uv", "tool", "install"], ["brew", "install"], ["apt-get", "install"]),
    *(["apt", "install"], ["npm", "install"], ["choco", "install"], ["winget", "install"]),
)
#: Words that precede a command.
_BEFORE = re.compile(r"\w+=.*|sudo|exec|time|env|if|then|else|elif|while|until|do|!|\{", re.DOTALL)


def tools_are_installed(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The job would fail with `command not found` after the tag is pushed, and nothing would be published."""
    publishing = {job.id for job in workflow.publishing(policy)}
    for job in workflow.jobs:
        self_hosted = any(node.text.lower() == "self-hosted" for node in job.node.texts("runs-on"))
        if job.is_reusable or self_hosted or job.node.get("container"):
            continue
        # The rule `publish only` refuses programs of the repository in publish jobs.
        if violation := _first_missing(workflow, job, with_files=job.id not in publishing):
            yield violation


def installed_tools(words: list[str]) -> set[str] | None:
    """Return the tools that a command can install; `None` if it does not install packages.

    A directory, an address or a file of requirements can contain any tool.
    """
    words = _command(words)
    prefix = next((prefix for prefix in _INSTALLERS if words[: len(prefix)] == prefix), None)
    if prefix is None:
        return None
    arguments = words[len(prefix) :]
    if any(re.match(r"-r|--requirement|-e|--editable|--group|\.|.*[/$]", word) for word in arguments):
        return set(_PACKAGES)
    names = (re.match(r"[\w.-]+", word) for word in arguments if not word.startswith("-"))
    packages = {normalised("pypi", name[0]) for name in names if name}
    return {tool for tool, known in _PACKAGES.items() if packages & set(known)}


def _first_missing(workflow: WorkflowFile, job: Job, *, with_files: bool) -> Violation | None:
    installed, checked_out = set[str](), False
    for step in job.steps:
        if step.get("uses"):
            action = action_of(step)
            if action not in _ACTIONS:
                return None
            installed.add(_ACTIONS[action])
            checked_out |= action == "actions/checkout"
            continue
        script = step.get("run")
        if script is None or re.match(r"python|node|perl|cmd|pwsh|powershell", step.text_at("shell")):
            return None
        for recipe, words in _commands(workflow, script.text):
            program = words[0] if words else ""
            tool = _PROGRAMS.get(program)
            if tool and tool not in installed:
                where = f"`just {recipe}`, which runs `{program}`" if recipe else f"`{program}`"
                saw = f"`{job.id}` runs {where}, and nothing in it installs `{tool}`"
                return script.place, saw, f"write a step before it: `{INSTALLATIONS[tool]}`"
            if program == "just" and not recipe:
                continue  # its commands follow
            if program.startswith("./") and not recipe:
                return _missing_file(workflow, job, step, script, program, checked_out) if with_files else None
            added = installed_tools(words)
            if added is None and ((program not in _NEUTRAL and words[:1] != ["cargo"]) or _changes_path(words)):
                return None
            installed |= added or set()
            checked_out |= program == "git"
    return None


def recipe_of(words: list[str]) -> str:
    """Return the recipe that a command of just runs."""
    return next((word for word in words[1:] if not word.startswith("-")), "default")


def _commands(workflow: WorkflowFile, script: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a script, and after a command of just those of its recipe, each with the recipe.

    The program is an empty text if the commands of the recipe are unknown.
    """
    for words in map(_command, commands(script)):
        yield "", words
        if words[:1] == ["just"]:
            recipe = recipe_of(words)
            inside = workflow.justfile.commands(recipe) if workflow.justfile else None
            yield from ((recipe, _command(command)) for command in inside or [[""]])


def _command(words: list[str]) -> list[str]:
    """Return a command without words that only precede it."""
    words = list(dropwhile(_BEFORE.fullmatch, words))
    return words[2:] if words[:2] in (["python", "-m"], ["python3", "-m"]) else words


def _changes_path(words: list[str]) -> bool:
    return any("GITHUB_PATH" in word or "GITHUB_ENV" in word for word in words)


def _missing_file(
    workflow: WorkflowFile, job: Job, step: Node, script: Node, program: str, checked_out: bool
) -> Violation | None:
    """Return the violation if a program in the working directory is not in the repository."""
    nodes = ((step, ()), (job.node, ("defaults", "run")), (workflow.root, ("defaults", "run")))
    directories = (node.text_at(*path, "working-directory") for node, path in nodes)
    path = posixpath.normpath(posixpath.join(next(filter(None, directories), ""), program))
    if re.search(r"[$*?{]", path) or path.split("/")[0] in ("..", "dist", "target") or "cd" in script.text.split():
        return None  # a directory that is known only in a run, or a file that the run creates
    name = path.rpartition("/")[2]
    if not workflow.contains(path):
        saw = f"`{job.id}` runs `{program}`, but the repository has no file `{path}`"
        edit = f"git add --chmod=+x {path}"
        if name in _PROGRAMS:
            edit += f", or run `{name}` after a step that installs it: `{INSTALLATIONS[_PROGRAMS[name]]}`"
        return script.place, saw, edit
    if not checked_out:
        saw = f"`{job.id}` runs `{program}`, but does not check out the repository"
        return script.place, saw, f"write a step before it: `uses: {known_pin('actions/checkout')}`"
    return None
