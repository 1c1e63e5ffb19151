"""Check of the ref that started a workflow: a release tag whose commit has the same version.

A tag can be pushed by hand, without the checks of a release. The registries do not check the tag.
"""

from __future__ import annotations

import shlex
from typing import NamedTuple

from binoc_runbook.checks.observations import CommitComparison
from binoc_runbook.checks.sync import sync
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version, shortened
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.input_files import required_files

CHECK = "ref"


class RefCommits(NamedTuple):
    """The commits of HEAD and of the ref in this clone; `None` if the clone does not have it."""

    head: str | None
    ref: str | None


_TAGS = "refs/tags/"
# The tag is public and stays: clones that have fetched it would not notice a move.
_FORWARD = "just prepare VERSION, with a version that has no tag yet; leave this tag, it publishes nothing"


def ref(
    name: str, workspace: Workspace, policy: Policy, comparison: CommitComparison | str, commits: RefCommits
) -> Findings:
    """Compare a full ref name, such as `refs/tags/v0.4.0`, with the versions in its commit.

    `workspace` has the manifests of the work tree, so they must be those of the commit: `comparison` is that of the
    files that the checks read with HEAD, or the reason if there is none. A ref that is not a tag is ok: nothing is
    published from it.
    """
    if not name.startswith(_TAGS):
        return Findings(
            [Finding.ok(CHECK, shortened(name, 200), "is not a tag: its dists are checked but never published")]
        )
    text = policy.version_of(name.removeprefix(_TAGS))
    if text is None:
        saw = f"is not a release tag; use `{policy.tag}` with a version such as 0.4.0 or 0.4.0-rc.1"
        return Findings([Finding.failed(CHECK, shortened(name, 200), saw, _FORWARD)])
    if problem := _other_content(name, workspace, policy, comparison, commits):
        return Findings([problem])
    version = Version.parse(text)
    differing = sync(workspace, policy, version).having("failed", "unknown")
    if differing:
        problems = "; ".join(f"{finding.looked_at}: {finding.saw}" for finding in differing)
        saw = f"its commit does not have version {version}: {problems}"
        return Findings([Finding.failed(CHECK, name, saw, _FORWARD)])
    return Findings([Finding.ok(CHECK, name, f"its commit has version {version} everywhere")])


def _other_content(
    name: str, workspace: Workspace, policy: Policy, comparison: CommitComparison | str, commits: RefCommits
) -> Finding | None:
    """Return a finding if the manifests in the work tree are not, or may not be, those of the ref."""
    if isinstance(comparison, str) or commits.head is None:
        saw = f"git cannot read the commit of this checkout: {comparison}"
        return Finding.unknown(CHECK, name, saw, "run this in a clone, not in an archive")
    if commits.ref not in (None, commits.head):
        saw = f"is the commit {commits.ref[:12]}, but this checkout has {commits.head[:12]}"
        return Finding.failed(CHECK, name, saw, f"git checkout --detach {shlex.quote(name)}")
    required = required_files(workspace, policy)
    paths = {*comparison.differing, *(path for path in comparison.uncommitted if path in required)}
    if paths:
        saw = f"this checkout differs from its commit: {', '.join(f'`{path}`' for path in sorted(paths))}"
        return Finding.failed(CHECK, name, saw, "check the tag in a new clone, or see the stage `tree` of `just check`")
    return None
