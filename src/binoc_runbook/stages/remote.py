"""Stage 5: the remote was asked, and would take the branch and the tag."""

from __future__ import annotations

from binoc_runbook.checks.remote import RemoteView, remote
from binoc_runbook.stages.stage import Observation, RemoteObservingStage
from binoc_runbook.stages.target import Target


class RemoteStage(RemoteObservingStage):
    name = "remote"
    sentence = "The remote would take the branch and the tag, and a tag can be made here."

    def judge(self, target: Target, view: RemoteView) -> Observation:
        return Observation.of_check(remote(view, target.try_actions(view)))
