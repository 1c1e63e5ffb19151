"""Stage 1: the checkout is exactly one commit on the release branch."""

from __future__ import annotations

from binoc_runbook.checks.tree import tree
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target
from binoc_runbook.workspace.input_files import input_files, required_files


class TreeStage(Stage):
    name = "tree"
    sentence = "The checkout is exactly one commit, on the release branch."

    def observe(self, target: Target) -> Observation:
        state = target.tree_state()
        workspace = target.workspace()
        comparison = target.world.git.compare(input_files(workspace, target.policy))
        required = required_files(workspace, target.policy)
        programs = (program.finding() for program in target.world.git.untrusted_programs)
        return Observation.of_check(tree(state, target.policy, comparison, required) + programs)
