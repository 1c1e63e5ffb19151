"""Stage 2: exactly the declared artifacts can be published."""

from __future__ import annotations

from binoc_runbook.checks.surface import surface
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target


class SurfaceStage(Stage):
    name = "surface"
    sentence = "Exactly the artifacts of the policy can be published, according to the manifests and to cargo."

    def observe(self, target: Target) -> Observation:
        return Observation.of_check(surface(target.workspace(), target.policy))
