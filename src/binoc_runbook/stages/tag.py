"""Stage 8: this clone has an annotated tag that points to the commit."""

from __future__ import annotations

from binoc_runbook.checks.remote import RemoteView, tag
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.stage import Command, Observation, RemoteObservingStage
from binoc_runbook.stages.target import Target
from binoc_runbook.workspace.changelog import CHANGELOG, section
from binoc_runbook.world.git_objects import text_at


class TagStage(RemoteObservingStage):
    name = "tag"
    sentence = "This clone has an annotated tag of that name, and it points to the commit."

    def judge(self, target: Target, view: RemoteView) -> Observation:
        findings = tag(view)
        return Observation.of_action(findings) if view.local_tag is None else Observation.of_check(findings)

    def requires(self, target: Target) -> Findings:
        # Never tag a commit that is not in the branch on the remote.
        view = target.observe_remote()
        if isinstance(view, RemoteView) and view.contains != "yes":
            saw = f"`{view.branch}` on `{view.remote}` does not contain {view.commit[:12]}"
            return Findings([Finding.failed(self.name, view.refs.question, saw, "run this release again")])
        return Findings()

    def commands(self, target: Target) -> tuple[Command, ...]:
        view = target.last_view()
        if isinstance(view, str):
            return ()
        if view.remote_tag is not None:
            # The remote would refuse another tag object of the same name, so fetch the published one. The result is
            # observed, because a fetch reads from the fetch URL, which can be that of another repository.
            ref = f"refs/tags/{view.tag}"
            arguments: tuple[str, ...] = ("git", "fetch", "--no-tags", view.remote, f"{ref}:{ref}")
            return (Command(arguments, f"this clone gets the tag `{view.tag}` of `{view.remote}`"),)
        # cleanup=whitespace: by default, git removes lines that begin with `#`, such as headings of the changelog.
        arguments = ("git", "tag", "--annotate", "--cleanup=whitespace", "--file=-", view.tag, view.commit)
        effect = f"this clone gets the annotated tag `{view.tag}` on {view.commit[:12]}, with the changelog's section"
        return (Command(arguments, effect, stdin=self._message(target, view.commit)),)

    def remedy(self, target: Target) -> str:
        view = target.last_view()
        if isinstance(view, RemoteView) and view.remote_tag is not None:
            return f"git fetch {view.reading_name} tag {view.tag}"
        return "the branch is pushed and nothing is tagged; fix the cause, then run this release again"

    @staticmethod
    def _message(target: Target, commit: str) -> str:
        # The message must be that of the commit, not of the work tree.
        text = (text_at(target.world.git, commit, CHANGELOG) or "").replace("\r\n", "\n")
        return f"{target.tag}\n\n{section(text, target.version) or ''}".rstrip() + "\n"
