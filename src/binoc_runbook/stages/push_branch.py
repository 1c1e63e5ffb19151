"""Stage 7: the remote's branch contains the commit."""

from __future__ import annotations

from typing import ClassVar

from binoc_runbook.checks.remote import RemoteView, branch, unrequested
from binoc_runbook.stages.stage import Command, Observation, PushStage, Reach
from binoc_runbook.stages.target import Target
from binoc_runbook.world.push_command import push_command


class PushBranchStage(PushStage):
    name = "push-branch"
    sentence = "The remote's branch contains the commit."
    reach: ClassVar[Reach] = "public"

    def judge(self, target: Target, view: RemoteView) -> Observation:
        findings = branch(view) + unrequested(view, target.unrequested)
        return Observation.of_check(findings) if view.contains == "yes" else Observation.of_action(findings)

    def commands(self, target: Target) -> tuple[Command, ...]:
        view = target.last_view()
        if isinstance(view, str):
            return ()
        # Push the commit that was checked, by its hash, even if the local branch changes.
        arguments = push_command(view.remote, f"{view.commit}:refs/heads/{view.branch}")
        return (Command(arguments, f"`{view.branch}` on `{view.remote}` moves forward to {view.commit[:12]}"),)

    def remedy(self, target: Target) -> str:
        return (
            "nothing was tagged; if the branch is protected, merge this commit with a pull request, run `git pull`, "
            "then run this release again"
        )
