"""Stage 4: the workflow that the tag starts satisfies the trusted-publishing contract."""

from __future__ import annotations

from binoc_runbook.checks.workflow import workflow
from binoc_runbook.checks.workflow.audit import Audit
from binoc_runbook.checks.workflow.model import WORKFLOWS, RepositoryFacts
from binoc_runbook.environ import verbosity
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target
from binoc_runbook.world.zizmor import audit_workflow


class WorkflowStage(Stage):
    name = "workflow"
    sentence = "The publish workflow starts on this tag and satisfies the trusted-publishing contract."

    def observe(self, target: Target) -> Observation:
        declared = target.policy.declared
        audit, repository = (audit_of(target), facts_of(target)) if declared else (None, None)
        root, policy = target.world.root, target.policy
        findings = workflow(
            root, policy, audit=audit, repository=repository, strict=target.strict, lists_rules=verbosity() > 0
        )
        return Observation.of_check(findings)


def audit_of(target: Target) -> Audit:
    """Audit the publish workflow of a target."""
    return audit_workflow(target.world.processes, f"{WORKFLOWS}/{target.policy.workflow}")


def facts_of(target: Target) -> RepositoryFacts:
    """Return the facts about the repository that the rules of the workflow need."""
    files = target.world.git.query("ls-files", "-z")
    tracked = frozenset(files.stdout.split("\0")) if files.returncode == 0 else None
    crates = [artifact for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    # Reading the manifests starts cargo. One crate cannot depend on another.
    dependencies = target.workspace().published_dependencies(target.policy) if len(crates) > 1 else {}
    return RepositoryFacts(tracked, dependencies)
