"""Stage 5: the remote was asked, and would take the branch and the tag."""

from __future__ import annotations

from binoc_runbook.checks.remote import remote
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.stage import Observation, Stage
from binoc_runbook.stages.target import Target


class Remote(Stage):
    name = "remote"
    sentence = "The remote would take the branch and the tag, and a tag can be made here."

    def observe(self, target: Target) -> Observation:
        view = target.look()
        if isinstance(view, str):
            return Observation.answered(Findings([Finding.unknown("remote", "HEAD", view, "see the stage `tree`")]))
        return Observation.answered(remote(view, target.acts(view)))
