"""Stage 3: every published manifest says the version that is to be released."""

from __future__ import annotations

from binoc_runbook.checks.sync import sync
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target


class SyncStage(Stage):
    name = "sync"
    sentence = (
        "Every published manifest, lock file and internal requirement says this version, and the changelog tells of it."
    )

    def observe(self, target: Target) -> Observation:
        return Observation.of_check(sync(target.workspace(), target.policy, target.version))
