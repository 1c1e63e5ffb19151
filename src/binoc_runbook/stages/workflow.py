"""Stage 4: the workflow that the tag will start keeps the trusted-publishing contract."""

from __future__ import annotations

from binoc_runbook.checks.workflow import workflow
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target


class WorkflowStage(Stage):
    name = "workflow"
    sentence = "The publish workflow starts on this tag and keeps the trusted-publishing contract."

    def observe(self, target: Target) -> Observation:
        return Observation.answered(workflow(target.world.root, target.policy))
