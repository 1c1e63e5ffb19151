"""Checks of a released commit if HEAD is ahead of it: its version, and the commits that are not in it."""

from __future__ import annotations

from collections.abc import Sequence

from binoc_runbook.checks.observations import CommitVersions
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.version import Version, shortened

CHECK = "remote"

_SHOWN = 5


def tagged_version(version: Version, tag: str, contents: CommitVersions) -> Findings:
    """Return a failure if the commit of a tag has another version: then the tag was created before the version.

    `contents` are the versions in the commit; nothing is returned if they cannot be read.
    """
    spellings = (version.semver, version.pep440)
    other = {name: text for name, text in (contents.versions or {}).items() if text not in spellings}
    if not other:
        return Findings()
    listed = ", ".join(f"`{name}` is {shortened(text)}" for name, text in other.items())
    saw = f"in the commit of this tag {listed}, so its workflow cannot publish {version}; a pushed tag is never moved"
    return Findings([Finding.failed(CHECK, f"git show {tag}", saw, f"just prepare {version.next()}")])


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
