"""Check of the ref that started a workflow: a release tag whose commit has the same version.

A tag can be pushed by hand, without the checks of a release. The registries do not check the tag.
"""

from __future__ import annotations

from binoc_runbook.checks.sync import sync
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version, shortened
from binoc_runbook.workspace import Workspace

CHECK = "ref"

_TAGS = "refs/tags/"
# The tag is public and stays: clones that have fetched it would not notice a move.
_FORWARD = "just prepare VERSION, with a version that has no tag yet; leave this tag, it publishes nothing"


def ref(name: str, workspace: Workspace, policy: Policy) -> Findings:
    """Compare a full ref name, such as `refs/tags/v0.4.0`, with the versions in its commit.

    A ref that is not a tag is ok: nothing is published from it.
    """
    if not name.startswith(_TAGS):
        return Findings(
            [Finding.ok(CHECK, shortened(name, 200), "is not a tag: its dists are checked but never published")]
        )
    text = policy.version_of(name.removeprefix(_TAGS))
    if text is None:
        saw = f"is not a release tag; use `{policy.tag}` with a version such as 0.4.0 or 0.4.0-rc.1"
        return Findings([Finding.failed(CHECK, shortened(name, 200), saw, _FORWARD)])
    version = Version.parse(text)
    differing = sync(workspace, policy, version).having("failed", "unknown")
    if differing:
        problems = "; ".join(f"{finding.looked_at}: {finding.saw}" for finding in differing)
        saw = f"its commit does not have version {version}: {problems}"
        return Findings([Finding.failed(CHECK, name, saw, _FORWARD)])
    return Findings([Finding.ok(CHECK, name, f"its commit has version {version} everywhere")])
