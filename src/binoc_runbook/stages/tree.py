"""Stage 1: the checkout is exactly one commit on the release branch."""

from __future__ import annotations

from binoc_runbook.checks.tree import tree
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target


class TreeStage(Stage):
    name = "tree"
    sentence = "The checkout is exactly one commit, on the release branch."

    def observe(self, target: Target) -> Observation:
        return Observation.of_check(tree(target.tree_state(), target.policy))
