"""Stage 5: the branch and the tag can be pushed to the remote, and no registry has the version yet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from binoc_runbook.checks.availability import availability
from binoc_runbook.checks.remote import RemoteView, remote
from binoc_runbook.stages.stage import Observation, RemoteObservingStage
from binoc_runbook.stages.target import Target


class RemoteStage(RemoteObservingStage):
    name = "remote"
    sentence = (
        "The branch and the tag can be pushed to the remote, the tag can be created here, and the version is not yet "
        "published."
    )

    def judge(self, target: Target, view: RemoteView) -> Observation:
        artifacts = target.policy.artifacts if view.remote_tag is None else ()
        # The registries are queried while git tries the push.
        with ThreadPoolExecutor(max_workers=1) as pool:
            lookups = pool.submit(target.world.look_up_versions, artifacts, target.version)
            findings = remote(view, target.try_actions(view))
        return Observation.of_check(findings + availability(view, target.version, lookups.result()))
