"""Check of the checkout: no changes, on the release branch, with the full history."""

from __future__ import annotations

import re
from collections.abc import Iterator

from binoc_runbook.checks.observations import TreeState
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy
from binoc_runbook.workspace.replace import is_temporary

CHECK = "tree"

#: Directory of the records of real releases; a new record is not a change to the tree.
RECORDS = "docs/releases/"

# GitHub starts no workflow for a push whose head commit has one of these in its message (GitHub documentation,
# "Skipping workflow runs"), so the tag would be pushed and nothing published.
_SKIPS = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: *true$", re.IGNORECASE | re.MULTILINE
)

_STATUS = "git status"


def tree(state: TreeState | str, policy: Policy) -> Findings:
    """Check the state of a checkout; `state` is the reason if git could not read it."""
    if isinstance(state, str):
        saw = f"git cannot read this checkout: {state}"
        return Findings([Finding.failed(CHECK, _STATUS, saw, "run this in the root directory of a clone")])
    return Findings(_findings(state, policy))


def unrecorded(state: TreeState) -> tuple[str, ...]:
    """Return the untracked, unignored files that are not records of releases."""
    return tuple(path for path in state.untracked if not path.startswith(RECORDS))


def _findings(state: TreeState, policy: Policy) -> Iterator[Finding]:
    if state.commit is None:
        yield Finding.failed(CHECK, "HEAD", "the repository has no commit to tag", "git commit")
    if state.changed:
        saw = f"{_list_files(state.changed)} changed since the commit; the tag would not contain the changes"
        yield Finding.failed(CHECK, _STATUS, saw, "git diff HEAD; then commit the changes, or `git stash`")
    else:
        yield Finding.ok(CHECK, _STATUS, "no tracked file differs from the commit")
    if state.branch is not None and policy.allows_branch(state.branch):
        yield Finding.ok(CHECK, "HEAD", f"on the release branch `{state.branch}`")
    else:
        on = f"on `{state.branch}`" if state.branch else "HEAD is detached"
        saw = f"{on}, but releases are made from {' or '.join(f'`{pattern}`' for pattern in policy.branch)}"
        yield Finding.failed(CHECK, "HEAD", saw, f"git switch {policy.branch[0]}")
    if state.operation:
        name, command = state.operation
        yield Finding.failed(CHECK, ".git", f"a {name} is in progress", f"finish it, or `{command}`")
    if state.shallow:
        saw = "the clone is shallow: it has no history to compare, and its push may be rejected"
        yield Finding.failed(CHECK, ".git", saw, "git fetch --unshallow")
    # The check `sync` reports what `set-version` has left.
    if paths := tuple(path for path in unrecorded(state) if not is_temporary(path)):
        saw = f"{_list_files(paths)} not tracked; the tests can use untracked files, but the tag will not contain them"
        yield Finding.warning(CHECK, _STATUS, saw, "git add --all, or add the files to `.gitignore`")
    if marker := _SKIPS.search(state.message):
        saw = f"the commit message contains `{marker[0]}`, so GitHub would start no workflow for the tag"
        yield Finding.failed(CHECK, "HEAD", saw, "git commit --allow-empty -m 'Release'")


def _list_files(paths: tuple[str, ...], shown: int = 5) -> str:
    names = ", ".join(f"`{path}`" for path in paths[:shown])
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return f"{len(paths)} {'file' if len(paths) == 1 else 'files'} ({names}{more})"
