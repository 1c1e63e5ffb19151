"""Check of the checkout: no changes, on the release branch, with the full history."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterator

from binoc_runbook.checks.observations import CommitComparison, TreeState
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

_ALLOW = re.compile(r"git config --global --add safe\.directory \S.*")

_WILDCARD = re.compile(r"[*?[]")

_RUNBOOK = re.compile(r"runbooks/[^/]+\.ipynb")

_STATUS = "git status"
_FLAGS = "git ls-files -v"
_COMMIT = "git ls-tree HEAD"

_COMMIT_ALL = "git add --all && git commit"

_EQUAL = CommitComparison()


def tree(
    state: TreeState | str,
    policy: Policy,
    comparison: CommitComparison | str = _EQUAL,
    required: Collection[str] = (),
) -> Findings:
    """Check the state of a checkout; `state` is the reason if git could not read it.

    `comparison` is that of the files that the other checks and cargo read, or the reason if there is none. `required`
    are the paths that must be in the commit. Without these two arguments, only the changes that git knows are checked.
    """
    if isinstance(state, str):
        saw = f"git cannot read this checkout: {state}"
        # Git refuses a checkout of another user, and reports the command that allows it.
        allow = _ALLOW.search(state)
        remedy = allow[0] if allow else "run this in the root directory of a clone"
        return Findings([Finding.failed(CHECK, _STATUS, saw, remedy)])
    return Findings([*_findings(state, policy, comparison), *_uncommitted(state, policy, comparison, required)])


def unrecorded(state: TreeState) -> tuple[str, ...]:
    """Return the untracked, unignored files that are not records of releases."""
    return tuple(path for path in state.untracked if not path.startswith(RECORDS))


def _findings(state: TreeState, policy: Policy, comparison: CommitComparison | str) -> Iterator[Finding]:
    unseen = [*_hidden(state), *_differing(state, comparison)]
    if state.commit is None:
        yield Finding.failed(CHECK, "HEAD", "the repository has no commit to tag", _COMMIT_ALL)
    runbooks = tuple(path for path in state.changed if _RUNBOOK.fullmatch(path))
    if runbooks:
        saw = f"{_list_files(runbooks)} changed since the commit; Jupyter saves the outputs of a runbook in its file"
        remedy = f"git restore {shlex.join(runbooks)}; or commit the changes, if they are more than outputs"
        yield Finding.failed(CHECK, _STATUS, saw, remedy)
    if others := tuple(path for path in state.changed if path not in runbooks):
        saw = f"{_list_files(others)} changed since the commit; the tag would not contain the changes"
        yield Finding.failed(CHECK, _STATUS, saw, "git diff HEAD; then commit the changes, or `git stash`")
    if not (state.changed or unseen):
        names = ", ".join(f"`{name}`" for name in state.filters)
        exception = f"; files with the filter {names} were not compared" if names else ""
        yield Finding.ok(CHECK, _STATUS, f"no tracked file differs from the commit{exception}")
    yield from unseen
    if state.branch is not None and policy.allows_branch(state.branch):
        yield Finding.ok(CHECK, "HEAD", f"on the release branch `{state.branch}`")
    else:
        on = f"on `{state.branch}`" if state.branch else "HEAD is detached"
        saw = f"{on}, but releases are made from {' or '.join(f'`{pattern}`' for pattern in policy.branch)}"
        yield Finding.failed(CHECK, "HEAD", saw, _switch(policy))
    if state.operation:
        name, command = state.operation
        yield Finding.failed(CHECK, ".git", f"a {name} is in progress", f"finish it, or `{command}`")
    if state.shallow:
        saw = "the clone is shallow: it has no history to compare, and its push may be rejected"
        yield Finding.failed(CHECK, ".git", saw, "git fetch --unshallow")
    # The check `sync` reports what `set-version` has left.
    if paths := tuple(path for path in unrecorded(state) if not is_temporary(path)):
        saw = f"{_list_files(paths)} not tracked; the tests can use untracked files, but the tag will not contain them"
        yield Finding.warning(CHECK, _STATUS, saw, f"{_COMMIT_ALL}, or add the files to `.gitignore`")
    if marker := _SKIPS.search(state.message):
        saw = f"the commit message contains `{marker[0]}`, so GitHub would start no workflow for the tag"
        yield Finding.failed(CHECK, "HEAD", saw, "git commit --allow-empty -m 'Release'")


def _switch(policy: Policy) -> str:
    names = [pattern for pattern in policy.branch if not _WILDCARD.search(pattern)]
    return f"git switch {names[0]}" if names else f"git branch --list {shlex.join(policy.branch)}; `git switch` to one"


def _hidden(state: TreeState) -> Iterator[Finding]:
    """Yield the changes in tracked files that git does not compare."""
    missing = tuple(change.path for change in state.hidden if change.absent and change.skipped and not change.assumed)
    if missing:
        saw = f"{_list_files(missing)} of the commit missing in this checkout, so the checks and tests cannot read them"
        yield Finding.failed(CHECK, _FLAGS, saw, "git sparse-checkout disable")
    others = [change for change in state.hidden if change.path not in missing]
    if others:
        saw = f"{_list_files(tuple(change.path for change in others))} changed since the commit, hidden from git status"
        options = {
            "--no-assume-unchanged": [change.path for change in others if change.assumed],
            "--no-skip-worktree": [change.path for change in others if change.skipped],
        }
        # git applies only the first of the two options.
        commands = [f"git update-index {name} {shlex.join(paths)}" for name, paths in options.items() if paths]
        yield Finding.failed(CHECK, _FLAGS, saw, " && ".join([*commands, "git diff HEAD"]))


def _differing(state: TreeState, comparison: CommitComparison | str) -> Iterator[Finding]:
    """Yield the differences of the files that were read, if git status does not report them."""
    if isinstance(comparison, str):
        if state.commit is not None:
            saw = f"git cannot compare the manifests with the commit: {comparison}"
            yield Finding.unknown(CHECK, _COMMIT, saw, "git fsck")
        return
    reported = {*state.changed, *(change.path for change in state.hidden)}
    if paths := tuple(path for path in comparison.differing if path not in reported):
        saw = f"{_list_files(paths)} different from the commit, which git status does not report"
        # git compares the content of a file if its time has changed.
        yield Finding.failed(CHECK, _COMMIT, saw, f"touch {shlex.join(paths)} && git diff HEAD")


def _uncommitted(
    state: TreeState, policy: Policy, comparison: CommitComparison | str, required: Collection[str]
) -> Iterator[Finding]:
    """Yield the required files that are not in the commit; the policy decides which files are published."""
    if isinstance(comparison, str):
        return
    if paths := tuple(path for path in comparison.uncommitted if path in required and path not in state.changed):
        saw = f"{_list_files(paths)} used by the release, but not in the commit; a clone does not have them"
        finding = Finding.failed if policy.declared else Finding.warning
        yield finding(CHECK, _COMMIT, saw, f"git add --force {shlex.join(paths)} && git commit")


def _list_files(paths: tuple[str, ...], shown: int = 5) -> str:
    names = ", ".join(f"`{path}`" for path in paths[:shown])
    more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
    return f"{len(paths)} {'file' if len(paths) == 1 else 'files'} ({names}{more})"
