"""Stage 5: the branch and the tag can be pushed to the remote."""

from __future__ import annotations

from binoc_runbook.checks.remote import RemoteView, remote
from binoc_runbook.stages.stage import Observation, RemoteObservingStage
from binoc_runbook.stages.target import Target


class RemoteStage(RemoteObservingStage):
    name = "remote"
    sentence = "The branch and the tag can be pushed to the remote, and the tag can be created here."

    def judge(self, target: Target, view: RemoteView) -> Observation:
        return Observation.of_check(remote(view, target.try_actions(view)))
