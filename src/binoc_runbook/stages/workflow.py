"""Stage 4: the workflow that the tag starts satisfies the trusted-publishing contract."""

from __future__ import annotations

from binoc_runbook.checks.workflow import workflow
from binoc_runbook.checks.workflow.audit import Audit
from binoc_runbook.checks.workflow.model import WORKFLOWS
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target
from binoc_runbook.world.zizmor import audit_workflow


class WorkflowStage(Stage):
    name = "workflow"
    sentence = "The publish workflow starts on this tag and satisfies the trusted-publishing contract."

    def observe(self, target: Target) -> Observation:
        audit = audit_of(target) if target.policy.declared else None
        return Observation.of_check(workflow(target.world.root, target.policy, audit=audit, strict=target.strict))


def audit_of(target: Target) -> Audit:
    """Audit the publish workflow of a target."""
    return audit_workflow(target.world.processes, f"{WORKFLOWS}/{target.policy.workflow}")
