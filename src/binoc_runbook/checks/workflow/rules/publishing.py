"""What the jobs run: publish jobs only publish, and the others run recipes."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.commands import PUBLISHING_ACTIONS, only_publishes, published_by, starts_another
from binoc_runbook.checks.workflow.model import Job, Node, WorkflowFile, action_of
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Policy

_FETCHING = (
    "actions/download-artifact",
    "actions/setup-python",
    "astral-sh/setup-uv",
    "actions/attest",
    "actions/attest-build-provenance",
    "astral-sh/attest-action",
)
#: Only a crate's job needs the checkout, since cargo packages the files again.
_FOR_CRATES = ("actions/checkout", "actions-rust-lang/setup-rust-toolchain", "dtolnay/rust-toolchain")
#: Commands that run nothing of the project: they compare, and say what they saw.
_HARMLESS = ("sha256sum", "shasum", "cmp", "diff", "test", "echo", "ls", "cd", "set")


def publishers_only_publish(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Code that runs beside the token can take it, as at TanStack in 2026."""
    for job in workflow.publishing(policy):
        allowed = (*_FETCHING, *PUBLISHING_ACTIONS, *(_FOR_CRATES if "crates.io" in job.registries else ()))
        for step in job.steps:
            used = step.get("uses")
            if used and action_of(step) not in allowed:
                saw = f"`{job.id}` uses `{action_of(step)}` beside the token"
                yield used.place, saw, "do it in a job without `id-token: write`, and download what it makes"
        first: dict[Place, str] = {}  # one command of each script is enough
        for script, words in job.commands:
            if not _is_harmless(words):
                first.setdefault(script.place, f"`{job.id}` runs `{' '.join(words)}` beside the token")
        for place, saw in first.items():
            yield place, saw, "run it in a job without `id-token: write`, and download what it makes"


def _is_harmless(words: list[str]) -> bool:
    packages = words[:2] == ["cargo", "package"] and "--no-verify" in words
    return only_publishes(words) or ((words[0] in _HARMLESS or packages) and not starts_another(words))


def crates_are_not_compiled(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Code that is compiled beside the token can take it, as at TanStack in 2026."""
    for job, script, words in _publications(workflow):
        if published_by(words) == "crates.io" and "--no-verify" not in words:
            saw = f"`{job.id}` compiles the crate beside the token, build scripts included"
            yield script.place, saw, "write `cargo publish --locked --no-verify`, and verify in a job before"


def crates_are_locked(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What nobody has tested would be published, with a dependency that was taken over an hour ago."""
    for job, script, words in _publications(workflow):
        if published_by(words) == "crates.io" and not {"--locked", "--frozen"} & {*words}:
            saw = f"`{job.id}` publishes a crate with whatever versions are newest"
            yield script.place, saw, "write `cargo publish --locked --no-verify`"


_SKIPPING = ("--skip-existing", "--check-url")


def nothing_is_skipped(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Other bytes that are there already would pass for this release."""
    for job in workflow.all_jobs:
        for name, given in job.inputs(PUBLISHING_ACTIONS, "skip-existing", "skip_existing"):
            if given.text.lower() != "false":
                yield given.place, f"`{job.id}` passes over files that are there already", f"delete `{name}`"
        for key, value in job.variables:
            if key.text == "UV_PUBLISH_CHECK_URL" and value.text:
                yield key.place, f"`{job.id}` passes over files that are there already", f"delete `{key.text}`"
    for job, script, words in _publications(workflow):
        if flag := next((word.partition("=")[0] for word in words if word.partition("=")[0] in _SKIPPING), None):
            yield script.place, f"`{job.id}` passes over files that are there already", f"delete `{flag}`"


def files_are_attested(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Without them nobody can tell a release from what a thief uploads, as at lottie-player in 2024."""
    for job in workflow.all_jobs:
        for _, given in job.inputs(PUBLISHING_ACTIONS, "attestations"):
            if given.text.lower() != "true":
                saw = f"`{job.id}` publishes without attestations: `attestations: {given.text}`"
                yield given.place, saw, "delete `attestations`"
    for job, script, words in _publications(workflow):
        if "--no-attestations" in words:
            yield script.place, f"`{job.id}` publishes without attestations", "delete `--no-attestations`"


def _publications(workflow: WorkflowFile) -> Iterator[tuple[Job, Node, list[str]]]:
    for job in workflow.all_jobs:
        for script, words in job.invocations:
            if published_by(words):
                yield job, script, words


def nothing_is_published_elsewhere(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What is published by another file is seen by nobody who reads this one."""
    publishers = {job.id for _, job in workflow.publishers(policy) if job.is_reusable}  # named by the rule `inline`
    for called in workflow.called:
        if called.by.id in publishers:
            continue
        for job in called.jobs:
            edit = f"delete it there; publish in `{workflow.file}`"
            if job.registries:
                where = f"at {' and '.join(sorted(job.registries))}"
                saw = f"`{called.use.text}`, which `{called.by.id}` uses, publishes {where}"
                yield job.key.place, saw, edit
            elif job.token:
                saw = f"`{job.id}` can have a token, in `{called.use.text}`, which `{called.by.id}` uses"
                yield job.token.place, saw, edit


def scripts_are_recipes(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What only the workflow can run cannot be tried before the tag is pushed."""
    if workflow.recipes is None:
        return
    publishing = {job.id for job in workflow.publishing(policy)}
    first: dict[Place, Violation] = {}  # one command of each script is enough
    for job in workflow.jobs:
        for script, words in job.commands if job.id not in publishing else ():
            recipe = next((word for word in words[1:] if not word.startswith("-")), "default")
            if words[0] not in ("just", "./just"):
                saw = f"`{job.id}` runs `{' '.join(words)}`, which is no recipe"
                first.setdefault(script.place, (script.place, saw, "make it one in the justfile"))
            elif recipe not in workflow.recipes and "${{" not in recipe:
                saw = f"`{job.id}` runs `just {recipe}`, and there is no such recipe"
                first.setdefault(script.place, (script.place, saw, "name one that there is"))
    yield from first.values()
