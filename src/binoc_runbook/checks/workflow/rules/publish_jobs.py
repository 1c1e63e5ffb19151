"""Rules about publish jobs: their artifacts and tokens."""

from __future__ import annotations

from collections.abc import Iterator

from binoc_runbook.checks.workflow.grammar import PAGE
from binoc_runbook.checks.workflow.model import WorkflowFile
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


def only_jobs_of_the_contract_have_tokens(workflow: WorkflowFile, policy: Policy) -> Iterator[Violation]:
    """A job needs an identity token to publish and sign, and all code in the job can use it, as at TanStack in 2026."""
    with_token = {job.id for job, key, _ in workflow.entries(policy) if key == "attest" or key.startswith("publish-")}
    for job in workflow.jobs:
        if job.token and job.id not in with_token:
            saw = f"`{job.id}` has an identity token, but is not a job of the contract that needs it"
            yield job.token.place, saw, f"delete `id-token: write`, or write the job as in {PAGE}"
