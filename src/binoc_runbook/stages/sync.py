"""Stage 3: all published manifests have the version of the release."""

from __future__ import annotations

from binoc_runbook.checks.sync import sync
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target


class SyncStage(Stage):
    name = "sync"
    sentence = (
        "All published manifests, lock files and internal requirements have this version, and so does the changelog."
    )

    def observe(self, target: Target) -> Observation:
        return Observation.of_check(sync(target.workspace(locked=True), target.policy, target.version))
