"""Rules about publish jobs: their artifacts, environments, tokens and permissions."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.model import WorkflowFile, same
from binoc_runbook.checks.workflow.rules.rule import Violation
from binoc_runbook.finding import Place
from binoc_runbook.policy import Artifact, Policy


def every_artifact_has_a_publish_job(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The workflow has to publish exactly the artifacts of the policy."""
    published = [artifact for artifact, _ in workflow.publishers(policy)]
    for artifact in policy.artifacts:
        if artifact not in published:
            saw = f"no job publishes `{artifact.name}`, which {artifact.source} declares"
            yield Place(workflow.file), saw, f"write a publish job{in_environment(artifact)}"
    declared = {job.id for _, job in workflow.publishers(policy)}
    for job in workflow.jobs:
        if job.registries and job.id not in declared:
            saw = f"`{job.id}` publishes to {' and '.join(sorted(job.registries))}, but no artifact of the policy"
            yield job.key.place, saw, f"delete `{job.id}`, or declare its artifact in the policy"


def in_environment(artifact: Artifact) -> str:
    return f" with `environment: {artifact.environment}`" if artifact.environment else ""


def environments_are_those_of_the_policy(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """The registry trusts one environment for each artifact, which reviewers and a tag rule protect."""
    for artifact, job in workflow.publishers(policy):
        wanted, actual = artifact.environment, job.environment
        if wanted is None or same(actual, wanted) or job.is_reusable:
            continue
        where = f"in the environment `{actual.text}`" if actual else "without an environment"
        saw = f"`{job.id}` publishes `{artifact.name}` {where}"
        yield (actual or job.key).place, saw, f"write `environment: {wanted}`"


def only_publish_jobs_have_tokens(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job needs an identity token to publish, and all code in the job can use it, as at TanStack in 2026."""
    publishers = {job.id for _, job in workflow.publishers(policy)}
    for job in workflow.jobs:
        if job.id in publishers and job.token is None:
            saw = f"`{job.id}` publishes without `id-token: write`"
            yield job.key.place, saw, "write `permissions: {id-token: write}`"
        elif job.id not in publishers and not job.registries and job.token:
            saw = f"`{job.id}` has an identity token, but publishes no artifact of the policy"
            yield job.token.place, saw, "delete `id-token: write`"


def publish_jobs_have_only_id_token(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """Publishing needs no other permission, and an attacker could use it."""
    for _, job in workflow.publishers(policy):
        permissions = job.node.get("permissions")
        if permissions and not permissions.is_mapping:
            yield permissions.place, f"`{job.id}` has permission `{permissions.text}`", "write only `id-token: write`"
        for key, value in job.node.items("permissions"):
            if value.text == "write" and key.text != "id-token":
                yield key.place, f"`{job.id}` has permission `{key.text}: write`", f"delete `{key.text}: write`"


def publish_jobs_are_in_this_file(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """PyPI checks the called file and crates.io the calling file, so the job has to be in one file."""
    for _, job in workflow.publishers(policy):
        if called := job.node.get("uses"):
            edit = f"write its steps in `{workflow.file}`"
            yield called.place, f"`{job.id}` publishes from another file, `{called.text}`", edit
