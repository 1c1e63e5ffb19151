"""Prepare a new version: update manifests and the changelog, and print the next commands.

All edits are planned before the first file is written. They are written together, and restored if cargo then refuses a
lock file, so a checkout has either the new version everywhere or the old one. The same command completes the edits of a
killed process.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import replace

from binoc_runbook.checks.new_version import new_version
from binoc_runbook.checks.observations import RemoteRefs
from binoc_runbook.checks.sync import locks
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.target import Target
from binoc_runbook.version import shortened
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.changelog import CHANGELOG, add_heading, add_link, read_changelog, section
from binoc_runbook.workspace.edit import Edit, Plan, apply, leftover_files, plan, restore
from binoc_runbook.workspace.version_locations import find_version_locations, lock_path
from binoc_runbook.world.cargo_client import read_metadata
from binoc_runbook.world.processes import process_threads


def write_version(target: Target) -> Findings:
    """Write the version to all locations of the published packages, or to none."""
    workspace = target.workspace()
    planned = plan(workspace, target.policy, target.version)
    return planned.problems if planned.problems.status == "failed" else _write(target, workspace, planned)


def prepare_version(target: Target, *, any_version: bool = False) -> Findings:
    """Set the version, and add its heading to the changelog above the unreleased changes; or change nothing.

    A version that is tagged, published, or lower than a tagged one is refused, unless `any_version`.
    """
    checked = Findings() if any_version else _check_new(target)
    workspace = target.workspace()
    planned = plan(workspace, target.policy, target.version)
    text = read_changelog(target.world.root, "prepare")
    if isinstance(text, Finding):
        return checked + planned.problems + [text]
    if "failed" in (checked.status, planned.problems.status):
        return checked + planned.problems
    after = add_heading(text, target.version, datetime.date.today())
    after = add_link(after, target.version, target.tag) or after
    edits = (*planned.edits, *_changelog_edit(target, text, after))
    findings = checked + _write(target, workspace, replace(planned, edits=edits))
    return findings if findings.status == "failed" else findings + _changelog(target, after)


def next_commands(target: Target) -> list[str]:
    """Return the commands that commit a prepared version to the release branch and release it."""
    version, branch = target.version, target.policy.branch[0]
    is_tracked = target.world.git.query("ls-files", "--", CHANGELOG).stdout.strip()
    return [
        "next:",
        f"  git switch -c prepare-{version}",
        *([] if is_tracked else [f"  git add {CHANGELOG}"]),
        f"  git commit -am 'Prepare {version}'",
        f"  git push -u {target.remote} prepare-{version}    (then merge a pull request into {branch})",
        f"  git switch {branch} && git pull --ff-only",
        f"  ./just release {version}",
    ]


def _check_new(target: Target) -> Findings:
    """Check that the version is new, with the tags of the remote and the registries, in parallel."""
    git, artifacts = target.world.git, target.policy.artifacts
    tags = git.query("for-each-ref", "--format=%(refname:strip=2)", "refs/tags/").stdout.splitlines()
    with process_threads(1) as pool:
        refs = pool.submit(_remote_tags, target)
        lookups = target.world.look_up_versions(artifacts, target.version)
        return new_version(target.version, target.policy, tags, refs.result(), lookups.values())


def _remote_tags(target: Target) -> RemoteRefs:
    question = f"git ls-remote {target.remote}"
    if target.world.git.remote_url(target.remote) is None:
        return RemoteRefs(question, None, f"this clone has no remote `{target.remote}`")
    return target.world.git.remote_refs(target.remote)


def _changelog_edit(target: Target, before: str, after: str) -> Iterator[Edit]:
    """Yield the edit of the changelog, if one is needed."""
    if before != after:
        file = target.world.root / CHANGELOG
        yield Edit(file, before.encode() if file.exists() else None, after.encode(), CHANGELOG, ())


def _changelog(target: Target, after: str) -> Iterator[Finding]:
    """Yield the state of the changelog after its edit."""
    version = target.version
    if section(after, version):
        yield Finding.ok("prepare", CHANGELOG, f"has the section `{version}`")
    else:
        saw = f"the section `{version}` is empty; it becomes the message of the tag"
        yield Finding.warning("prepare", CHANGELOG, saw, f"describe the changes in `{CHANGELOG}`")
    if add_link(after, version, target.tag) is None:
        saw = f"its links have another form than `[VERSION]: …/compare/OLD...NEW`, so none was added for `{version}`"
        yield Finding.warning("prepare", CHANGELOG, saw, f"add `[{version}]: URL` to the links of `{CHANGELOG}`")


def _write(target: Target, workspace: Workspace, planned: Plan) -> Findings:
    """Write the planned edits; restore the files if cargo then refuses a lock file."""
    failed = apply(planned.edits)
    if failed:
        return failed
    confirmed = Findings(_confirm_locks(target, workspace, planned.edits))
    if confirmed.status == "failed":
        return confirmed.having("failed") + restore(planned.edits)
    written = [
        Finding.ok("set-version", change.place, f"`{shortened(change.current)}` → `{shortened(change.new)}`")
        for edit in planned.edits
        for change in edit.changes
    ]
    if not written:
        saw = f"already at {target.version}; nothing was changed"
        written = [Finding.ok("set-version", "all manifests", saw)]
    return planned.problems + written + planned.unchanged + confirmed + _remaining(target, workspace, planned.edits)


def _confirm_locks(target: Target, workspace: Workspace, edits: Sequence[Edit]) -> Iterator[Finding]:
    """Check that cargo accepts the lock files of the workspaces with edited files; those without one are skipped."""
    root_of = {package.manifest: package.root for package in workspace.packages if package.root}
    root_of |= {lock_path(root): root for root in workspace.cargo_roots} | {
        root: root for root in workspace.cargo_roots
    }
    edited = {root_of[edit.path] for edit in edits if edit.path in root_of}
    roots = [root for root in sorted(edited) if (target.world.root / lock_path(root)).exists()]
    with process_threads() as pool:
        yield from pool.map(lambda root: _confirm_lock(target, workspace, root), roots)


def _confirm_lock(target: Target, workspace: Workspace, root: str) -> Finding:
    looked_at = f"cargo metadata --locked --offline --manifest-path {root}"
    lock = read_metadata(target.world.processes, root).lock
    if lock is None:
        return Finding.ok("set-version", looked_at, f"cargo accepts `{lock_path(root)}`")
    if lock.state == "outdated":
        # The findings of `check` name the crate that is missing.
        differences = [finding.saw for finding in _locks(target, workspace) if finding.looked_at == lock_path(root)]
        reason = "; ".join(differences) or "cargo would change more than versions in it"
        saw = f"`{lock_path(root)}` is stale: {reason}; no file was changed"
        return Finding.failed("set-version", looked_at, saw, lock.remedy)
    saw = f"cargo could not check `{lock_path(root)}` without the network: {lock.reason}"
    return Finding.unknown("set-version", looked_at, saw, lock.remedy)


def _remaining(target: Target, workspace: Workspace, edits: Sequence[Edit]) -> Iterator[Finding]:
    """Remove the temporary files of an edit that was killed, and yield warnings about other lock files."""
    for path in leftover_files(workspace):
        try:
            (target.world.root / path).unlink()
            yield Finding.ok("set-version", path, "removed: an interrupted run has left it")
        except OSError as error:
            yield Finding.warning("set-version", path, f"cannot be removed: {error.strerror}", f"rm {path}")
    # These lock files were not edited, so they do not stop the edit; `check` reports them.
    edited = {edit.path for edit in edits}
    for finding in _locks(target, workspace):
        if finding.looked_at.partition(":")[0] not in edited:
            yield replace(finding, status="warning")


def _locks(target: Target, workspace: Workspace) -> Iterator[Finding]:
    return locks(workspace, target.policy, find_version_locations(workspace, target.policy))
