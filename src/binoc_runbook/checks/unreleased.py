"""Check for commits that a released version does not contain; the next version was then not prepared."""

from __future__ import annotations

from collections.abc import Sequence

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.version import Version, shortened

CHECK = "remote"

_SHOWN = 5


def unreleased(version: Version, tag: str, commits: Sequence[str]) -> Findings:
    """Return a warning about the commits after the tag of a released version, with the command for the next version.

    `commits` are one line each, the newest first: the short name and the subject.
    """
    if not commits:
        return Findings()
    count = f"{len(commits)} commits are" if len(commits) > 1 else "1 commit is"
    listed = ", ".join(f"`{shortened(commit, 80)}`" for commit in commits[:_SHOWN])
    more = f" and {len(commits) - _SHOWN} more" if len(commits) > _SHOWN else ""
    saw = f"{version} is already released; {count} not in it: {listed}{more}"
    return Findings([Finding.warning(CHECK, f"git log {tag}..HEAD", saw, f"just prepare {version.next()}")])
