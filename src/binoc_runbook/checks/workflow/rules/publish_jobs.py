"""What each job may do, and which job publishes what."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile, same
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Artifact, Policy


def every_artifact_has_its_job(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """What is promised and what is published must be the same."""
    published = [artifact for artifact, _ in workflow.publishers(policy)]
    for artifact in policy.artifacts:
        if artifact not in published:
            saw = f"no job publishes `{artifact.name}`, which {artifact.source} promises"
            yield Place(workflow.file), saw, f"write a publish job for it{in_environment(artifact)}"
    declared = {job.id for _, job in workflow.publishers(policy)}
    for job in workflow.jobs:
        if job.registries and job.id not in declared:
            saw = f"`{job.id}` publishes at {' and '.join(sorted(job.registries))}, and no artifact is left for it"
            yield job.key.place, saw, f"delete `{job.id}`, or declare its artifact in the policy"


def in_environment(artifact: Artifact) -> str:
    return f" with `environment: {artifact.environment}`" if artifact.environment else ""


def environments_are_declared(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The registry trusts one environment for each artifact, and reviewers and a tag rule guard it."""
    for artifact, job in workflow.publishers(policy):
        wanted, given = artifact.environment, job.environment
        if wanted is None or same(given, wanted) or job.is_reusable:
            continue
        where = f"`{given.text}`" if given else "no environment"
        saw = f"`{job.id}` publishes `{artifact.name}` in {where}"
        yield (given or job.key).place, saw, f"write `environment: {wanted}`"


def tokens_are_with_publishers(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Whatever runs in a job with a token can publish, and nothing can without; TanStack's was taken from a build."""
    publishers = {job.id for _, job in workflow.publishers(policy)}
    for job in workflow.jobs:
        if job.id in publishers and job.token is None:
            saw = f"`{job.id}` publishes without `id-token: write`"
            yield job.key.place, saw, "write `permissions: {id-token: write}`"
        elif job.id not in publishers and not job.registries and job.token:
            saw = f"`{job.id}` can have a token, and publishes no artifact of the policy"
            yield job.token.place, saw, "delete `id-token: write`"


def tokens_are_alone(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Publishing needs nothing else, and a thief would have it too."""
    for _, job in workflow.publishers(policy):
        permissions = job.node.get("permissions")
        if permissions and not permissions.is_mapping:
            yield permissions.place, f"`{job.id}` is permitted `{permissions.text}`", "write `id-token: write` alone"
        for key, value in job.node.items("permissions"):
            if value.text == "write" and key.text != "id-token":
                yield key.place, f"`{job.id}` is permitted `{key.text}: write`", f"delete `{key.text}: write`"


def publishers_are_inline(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """PyPI matches the called file and crates.io the calling one, so only one file can satisfy both."""
    for _, job in workflow.publishers(policy):
        if called := job.node.get("uses"):
            edit = f"write its steps here, in `{workflow.file}`"
            yield called.place, f"`{job.id}` publishes from another file, `{called.text}`", edit
