"""Rules about commands: publish jobs only publish, other jobs run recipes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from binoc_runbook.checks.workflow.commands import PUBLISHING_ACTIONS, only_publishes, published_by, starts_another
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.installed_tools import installed_tools, recipe_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy, normalised

_FETCHING = (
    "actions/download-artifact",
    "actions/setup-python",
    "astral-sh/setup-uv",
    "actions/attest",
    "actions/attest-build-provenance",
    "astral-sh/attest-action",
)
#: Only the job of a crate needs the checkout, because cargo packages the files again.
_FOR_CRATES = ("actions/checkout", "actions-rust-lang/setup-rust-toolchain", "dtolnay/rust-toolchain")
#: Commands that compare and print, and run no code of the project.
_HARMLESS = ("sha256sum", "shasum", "cmp", "diff", "test", "echo", "ls", "cd", "set")


def publish_jobs_only_publish(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Other code in a publish job can steal its token, as at TanStack in 2026."""
    for job in workflow.publishing(policy):
        allowed = (*_FETCHING, *PUBLISHING_ACTIONS, *(_FOR_CRATES if "crates.io" in job.registries else ()))
        for step in job.steps:
            used = step.get("uses")
            if used and action_of(step) not in allowed:
                saw = f"the publish job `{job.id}` uses `{action_of(step)}`"
                yield used.place, saw, "move it to a job without `id-token: write`, and download its result"
        first: dict[Place, str] = {}  # one command of each script is enough
        for script, words in job.commands:
            if not _is_harmless(words):
                first.setdefault(script.place, f"the publish job `{job.id}` runs `{' '.join(words)}`")
        for place, saw in first.items():
            yield place, saw, "move it to a job without `id-token: write`, and download its result"


def _is_harmless(words: list[str]) -> bool:
    packages = words[:2] == ["cargo", "package"] and "--no-verify" in words
    return only_publishes(words) or ((words[0] in _HARMLESS or packages) and not starts_another(words))


def crates_are_not_compiled(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Build scripts can steal the token of the job, as at TanStack in 2026."""
    for job, script, words in _publications(workflow):
        if published_by(words) == "crates.io" and "--no-verify" not in words:
            saw = f"`{job.id}` compiles the crate and runs build scripts"
            yield script.place, saw, "write `cargo publish --locked --no-verify`, and compile the crate in another job"


def crates_are_locked(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Untested versions of dependencies could be published, for example compromised ones."""
    for job, script, words in _publications(workflow):
        if published_by(words) == "crates.io" and not {"--locked", "--frozen"} & {*words}:
            saw = f"`{job.id}` publishes a crate with the newest dependencies instead of those in `Cargo.lock`"
            yield script.place, saw, "write `cargo publish --locked --no-verify`"


def crates_are_published_one_by_one(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Cargo uploads several crates one after the other, so a failure would leave a release half published."""
    own = {job.id: artifact for artifact, job in workflow.publishers(policy)}
    for job, script, words in _publications(workflow):
        if published_by(words) != "crates.io":
            continue
        artifact = own.get(job.id)
        edit = f"write `cargo publish -p {artifact.name if artifact else 'NAME'} --locked --no-verify`"
        names = [name for name in _selected_crates(words) if "$" not in name]
        if {"--workspace", "--all"} & {*words} or len(names) > 1:
            yield script.place, f"`{job.id}` publishes several crates with one command", edit
        elif artifact and names and normalised("crates.io", names[0]) != normalised("crates.io", artifact.name):
            yield script.place, f"`{job.id}` publishes `{names[0]}`, but is the job of `{artifact.name}`", edit


def _selected_crates(words: list[str]) -> list[str]:
    """Return the names in the options `-p NAME` and `--package=NAME`; a specification can have a version."""
    values = [following for option, following in pairwise(words) if option in ("-p", "--package")]
    values += [match[1] for word in words if (match := re.fullmatch(r"(?:--package=|-p=?)(.+)", word))]
    return [value.rpartition("/")[2].rpartition("#")[2].partition("@")[0] for value in values]


_SKIPPING = ("--skip-existing", "--check-url")


def existing_files_are_not_skipped(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Different files of the same name could be part of this release."""
    for job in workflow.all_jobs:
        for name, value in job.inputs(PUBLISHING_ACTIONS, "skip-existing", "skip_existing"):
            if value.text.lower() != "false":
                yield value.place, f"`{job.id}` skips files that exist at the registry", f"delete `{name}`"
        for key, value in job.variables:
            if key.text == "UV_PUBLISH_CHECK_URL" and value.text:
                yield key.place, f"`{job.id}` skips files that exist at the registry", f"delete `{key.text}`"
    for job, script, words in _publications(workflow):
        if flag := next((word.partition("=")[0] for word in words if word.partition("=")[0] in _SKIPPING), None):
            yield script.place, f"`{job.id}` skips files that exist at the registry", f"delete `{flag}`"


def files_are_attested(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Without attestations users cannot recognize an upload by an attacker, as at lottie-player in 2024."""
    for job in workflow.all_jobs:
        for _, value in job.inputs(PUBLISHING_ACTIONS, "attestations"):
            if value.text.lower() != "true":
                saw = f"`{job.id}` publishes without attestations: `attestations: {value.text}`"
                yield value.place, saw, "delete `attestations`"
    for job, script, words in _publications(workflow):
        if "--no-attestations" in words:
            yield script.place, f"`{job.id}` publishes without attestations", "delete `--no-attestations`"


def _publications(workflow: WorkflowFile) -> Iterator[tuple[Job, Node, list[str]]]:
    for job in workflow.all_jobs:
        for script, words in job.invocations:
            if published_by(words):
                yield job, script, words


def other_files_do_not_publish(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Reviewers of the publish workflow do not see a publication in another file."""
    publishers = {job.id for _, job in workflow.publishers(policy) if job.is_reusable}  # reported by the rule `inline`
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
    publishing = {job.id for job in workflow.publishing(policy)}
    first: dict[Place, Violation] = {}  # one command of each script is enough
    for job in workflow.jobs:
        for script, words in job.commands if job.id not in publishing else ():
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
