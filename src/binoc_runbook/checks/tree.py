"""Is this checkout what a release is made from: a whole commit, on the release branch, with nothing left over?"""

from __future__ import annotations

import re

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy

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
        return Findings(
            [
                Finding.failed(
                    "tree", _STATUS, f"git cannot read this checkout: {state}", "run it at the root of a clone"
                )
            ]
        )
    questions = (_commit, _changes, _branch, _operation, _depth, _untracked, _message)
    return Findings(finding for ask in questions for finding in ask(state, policy))


def unrecorded(state: TreeState) -> tuple[str, ...]:
    """The untracked, unignored files that are not records of releases."""
    return tuple(path for path in state.untracked if not path.startswith(RECORDS))


def _commit(state: TreeState, _: Policy) -> list[Finding]:
    if state.commit is None:
        return [Finding.failed("tree", "HEAD", "there is no commit yet, so there is nothing to tag", "git commit")]
    return []


def _changes(state: TreeState, _: Policy) -> list[Finding]:
    if not state.changed:
        return [Finding.ok("tree", _STATUS, "no tracked file differs from the commit")]
    return [
        Finding.failed(
            "tree",
            _STATUS,
            f"{_some(state.changed)} changed since the commit, and the tag could not contain that",
            "commit the change, or `git stash`; see `git diff HEAD`",
        )
    ]


def _branch(state: TreeState, policy: Policy) -> list[Finding]:
    promised = " or ".join(f"`{pattern}`" for pattern in policy.branch)
    if state.branch is None:
        return [
            Finding.failed(
                "tree",
                "HEAD",
                f"HEAD is detached, so there is no branch to push; releases are made from {promised}",
                f"git switch {policy.branch[0]}",
            )
        ]
    if policy.allows_branch(state.branch):
        return [Finding.ok("tree", "HEAD", f"on the release branch `{state.branch}`")]
    return [
        Finding.failed(
            "tree",
            "HEAD",
            f"on `{state.branch}`, and releases are made from {promised}",
            f"git switch {policy.branch[0]}",
        )
    ]


def _operation(state: TreeState, _: Policy) -> list[Finding]:
    if state.operation is None:
        return []
    name, way_out = state.operation
    return [Finding.failed("tree", ".git", f"a {name} is in progress", f"finish it, or `{way_out}`")]


def _depth(state: TreeState, _: Policy) -> list[Finding]:
    if not state.shallow:
        return []
    saw = "the clone is shallow: what it would push may be refused, and what it would be compared with is missing"
    return [Finding.failed("tree", ".git", saw, "git fetch --unshallow")]


def _untracked(state: TreeState, _: Policy) -> list[Finding]:
    left = unrecorded(state)
    if not left:
        return []
    saw = f"{_some(left)} not tracked: the tests see them, the tag will not contain them"
    return [Finding.warning("tree", _STATUS, saw, "git add them, or name them in .gitignore")]


def _message(state: TreeState, _: Policy) -> list[Finding]:
    found = _SKIPS.search(state.message)
    if not found:
        return []
    saw = f"the commit's message says `{found[0]}`, so GitHub would start no workflow for the tag"
    return [Finding.failed("tree", "HEAD", saw, "git commit --allow-empty -m 'Release'")]


def _some(paths: tuple[str, ...], shown: int = 5) -> str:
    names = ", ".join(f"`{path}`" for path in paths[:shown])
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return f"{len(paths)} {'file' if len(paths) == 1 else 'files'} ({names}{more})"
