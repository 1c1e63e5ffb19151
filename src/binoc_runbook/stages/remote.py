"""Stage 5: the branch and the tag can be pushed to the remote, and no registry has the version yet."""

from __future__ import annotations

from binoc_runbook.checks.availability import availability
from binoc_runbook.checks.new_version import tagged_versions
from binoc_runbook.checks.remote import RemoteView, remote
from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.checks.unreleased import tagged_version, unreleased
from binoc_runbook.finding import Findings
from binoc_runbook.stages.stage import Observation, RemoteObservingStage
from binoc_runbook.stages.target import Target
from binoc_runbook.world.processes import process_threads


class RemoteStage(RemoteObservingStage):
    name = "remote"
    sentence = (
        "The branch and the tag can be pushed to the remote, the tag can be created here, and the version is not yet "
        "published."
    )

    def judge(self, target: Target, view: RemoteView) -> Observation:
        # The registries are queried while git tries the push.
        with process_threads(1) as pool:
            lookups = pool.submit(target.look_up_versions, view)
            findings = remote(view, target.try_actions(view)) + released_commit(target, view)
            return Observation.of_check(findings + availability(view, target.version, lookups.result()))


def released_commit(target: Target, view: RemoteView | str) -> Findings:
    """Check the commit of a tag on the remote, if HEAD is ahead of it; return only what the user must read.

    It must have the version of the tag. If HEAD has commits that are not in it, there is a warning. Commits that only
    change records of releases do not count. Commits after a higher version do not either: then an older release is
    checked.
    """
    git, head = target.world.git, target.world.git.head()
    if isinstance(view, str) or view.remote_tag is None or view.remote_tag.commit != view.commit or head is None:
        return Findings()
    if head[0] == view.commit:
        return Findings()
    other = tagged_version(target.version, view.tag, target.versions_in(view.commit))
    if other:
        return other
    tags = git.query("tag", "--merged", head[0]).stdout.splitlines()
    if any(version > target.version for version in tagged_versions(target.policy, tags)):
        return Findings()
    commits = git.query("log", "--format=%h %s", f"{view.commit}..{head[0]}", "--", ".", f":(exclude){RECORDS}")
    return unreleased(target.version, view.tag, commits.stdout.splitlines())
