"""Is this checkout what a release is made from: a whole commit, on the release branch, with nothing left over?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy

CHECK = "tree"

#: Where the records of real releases are filed; a record that a release has just written is not a change to the tree.
RECORDS = "docs/releases/"

# GitHub starts no workflow for a push whose head commit carries one of these (GitHub documentation, "Skipping workflow
# runs"), so the tag would arrive and nothing would be published.
_SKIPS = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: *true$", re.IGNORECASE | re.MULTILINE
)

_STATUS = "git status"


def tree(state: TreeState | str, policy: Policy) -> Findings:
    """Judge the state of a checkout; `state` is the reason when git could not tell it."""
    if isinstance(state, str):
        saw = f"git cannot read this checkout: {state}"
        return Findings([Finding.failed(CHECK, _STATUS, saw, "run it at the root of a clone")])
    return Findings(_findings(state, policy))


def unrecorded(state: TreeState) -> tuple[str, ...]:
    """Return the untracked, unignored files that are not records of releases."""
    return tuple(path for path in state.untracked if not path.startswith(RECORDS))


def _findings(state: TreeState, policy: Policy) -> Iterator[Finding]:
    if state.commit is None:
        yield Finding.failed(CHECK, "HEAD", "there is no commit yet, so there is nothing to tag", "git commit")
    if state.changed:
        saw = f"{_some(state.changed)} changed since the commit, and the tag could not contain that"
        yield Finding.failed(CHECK, _STATUS, saw, "commit the change, or `git stash`; see `git diff HEAD`")
    else:
        yield Finding.ok(CHECK, _STATUS, "no tracked file differs from the commit")
    if state.branch is not None and policy.allows_branch(state.branch):
        yield Finding.ok(CHECK, "HEAD", f"on the release branch `{state.branch}`")
    else:
        on = f"on `{state.branch}`" if state.branch else "HEAD is detached, so there is no branch to push"
        saw = f"{on}, and releases are made from {' or '.join(f'`{pattern}`' for pattern in policy.branch)}"
        yield Finding.failed(CHECK, "HEAD", saw, f"git switch {policy.branch[0]}")
    if state.operation:
        name, way_out = state.operation
        yield Finding.failed(CHECK, ".git", f"a {name} is in progress", f"finish it, or `{way_out}`")
    if state.shallow:
        saw = "the clone is shallow: what it would push may be refused, and what it would be compared with is missing"
        yield Finding.failed(CHECK, ".git", saw, "git fetch --unshallow")
    if paths := unrecorded(state):
        saw = f"{_some(paths)} not tracked: the tests see them, the tag will not contain them"
        yield Finding.warning(CHECK, _STATUS, saw, "git add them, or name them in .gitignore")
    if marker := _SKIPS.search(state.message):
        saw = f"the commit's message says `{marker[0]}`, so GitHub would start no workflow for the tag"
        yield Finding.failed(CHECK, "HEAD", saw, "git commit --allow-empty -m 'Release'")


def _some(paths: tuple[str, ...], shown: int = 5) -> str:
    names = ", ".join(f"`{path}`" for path in paths[:shown])
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return f"{len(paths)} {'file' if len(paths) == 1 else 'files'} ({names}{more})"
