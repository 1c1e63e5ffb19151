"""Whether the ref that has started a workflow is one to publish from: a release's tag, with which its commit agrees.

A tag can be pushed by hand, past every question that the release asks before it. Neither registry looks at the tag.
"""

from __future__ import annotations

from binoc_runbook.checks.sync import sync
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace

CHECK = "ref"

_TAGS = "refs/tags/"
# The tag is public, and stays: whoever has fetched it would not see that it was moved.
_FORWARD = "just prepare VERSION, with one that has no tag yet, and release that; this tag publishes nothing and stays"


def ref(name: str, workspace: Workspace, policy: Policy) -> Findings:
    """Compare a full ref name, such as `refs/tags/v0.4.0`, with what the manifests of its commit say.

    A ref that is no tag is fine: nothing is published from it.
    """
    if not name.startswith(_TAGS):
        return Findings([Finding.ok(CHECK, name, "is no tag: what is built from it is checked and never published")])
    said = policy.version_of(name.removeprefix(_TAGS))
    if said is None:
        saw = f"is the tag of no release: those are `{policy.tag}`, with a version such as 0.4.0 or 0.4.0-rc.1"
        return Findings([Finding.failed(CHECK, name, saw, _FORWARD)])
    version = Version.parse(said)
    differing = sync(workspace, policy, version).having("failed", "unknown")
    if differing:
        each = "; ".join(f"{finding.looked_at}: {finding.saw}" for finding in differing)
        saw = f"its commit is none of {version}: {each}"
        return Findings([Finding.failed(CHECK, name, saw, _FORWARD)])
    return Findings([Finding.ok(CHECK, name, f"its commit says {version} everywhere")])
