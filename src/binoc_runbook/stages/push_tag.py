"""Stage 9: the remote has the tag. This cannot be undone."""

from __future__ import annotations

from typing import ClassVar

from binoc_runbook.checks.remote import RemoteView, tag, unrequested
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.stage import Command, Observation, PushStage, Reach
from binoc_runbook.stages.target import Target
from binoc_runbook.world.push_command import push_command


class PushTagStage(PushStage):
    name = "push-tag"
    sentence = "The remote has the tag, and it points to the commit; the publish workflow starts."
    reach: ClassVar[Reach] = "permanent"

    def judge(self, target: Target, view: RemoteView) -> Observation:
        findings = tag(view) + unrequested(view, target.unrequested)
        return Observation.of_action(findings) if view.remote_tag is None else Observation.of_check(findings)

    def requires(self, target: Target) -> Findings:
        view = target.observe_remote()
        if isinstance(view, RemoteView) and view.contains == "yes" and view.local_tag is not None:
            return Findings()
        saw = "the branch on the remote or the tag in this clone was changed after the previous stages"
        return Findings([Finding.failed(self.name, "git ls-remote", saw, "run this release again")])

    def commands(self, target: Target) -> tuple[Command, ...]:
        ref = f"refs/tags/{target.tag}"
        effect = f"`{target.remote}` gets `{target.tag}`, the workflow publishes, and this version cannot be reused"
        return (Command(push_command(target.remote, f"{ref}:{ref}"), effect),)

    def remedy(self, target: Target) -> str:
        return (
            "the branch is pushed, and the tag is in this clone only; fix the cause, then run this release again; if a "
            "ruleset restricts tag creation, a user on its bypass list must run this release at this commit; "
            "never take another name for the tag"
        )
