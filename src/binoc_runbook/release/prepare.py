"""Prepare a new version: update manifests and the changelog, and print the next commands.

All edits are computed before the first file is written, so a checkout has either the new version everywhere or the old
one.
"""

from __future__ import annotations

import datetime

from binoc_runbook.checks.sync import locks
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.target import Target
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.changelog import CHANGELOG, add_heading, section
from binoc_runbook.workspace.edit import Plan, apply, plan
from binoc_runbook.workspace.replace import Replacement, ReplacementError, replace_all
from binoc_runbook.workspace.version_locations import find_version_locations


def write_version(target: Target) -> Findings:
    """Write the version to all locations of the published packages, and report lock files that lack a crate."""
    workspace = target.workspace()
    planned = plan(workspace, target.policy, target.version)
    return planned.problems if planned.problems.status == "failed" else _written(target, workspace, planned)


def prepare_version(target: Target) -> Findings:
    """Set the version, and add its heading to the changelog above the unreleased changes."""
    workspace = target.workspace()
    planned = plan(workspace, target.policy, target.version)
    path = target.world.root / CHANGELOG
    try:
        before = path.read_bytes() if path.exists() else b""
        text = before.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        unreadable = Finding.failed("prepare", CHANGELOG, f"cannot be read: {error}", f"save `{CHANGELOG}` as UTF-8")
        return planned.problems + Findings([unreadable])
    if planned.problems.status == "failed":
        return planned.problems
    findings = _written(target, workspace, planned)
    if findings.status == "failed":
        return findings
    after = add_heading(text, target.version, datetime.date.today())
    if after != text:
        try:
            replace_all([Replacement(path, before, after.encode("utf-8"))])
        except ReplacementError as error:
            saw, remedy = f"cannot be written: {error}", f"just prepare {target.version}"
            return findings + Findings([Finding.failed("prepare", CHANGELOG, saw, remedy)])
    heading = Finding.ok("prepare", CHANGELOG, f"has the section `{target.version}`")
    if not section(after, target.version):
        saw = f"the section `{target.version}` is empty; it becomes the message of the tag"
        heading = Finding.warning("prepare", CHANGELOG, saw, f"describe the changes in `{CHANGELOG}`")
    return findings + Findings([heading])


def next_commands(target: Target) -> list[str]:
    """Return the commands that commit a prepared version to the release branch and release it."""
    version, branch = target.version, target.policy.branch[0]
    return [
        "next:",
        f"  git switch -c prepare-{version}",
        f"  git commit -am 'Prepare {version}'",
        f"  git push -u {target.remote} prepare-{version}    (then merge a pull request into {branch})",
        f"  git switch {branch} && git pull --ff-only",
        f"  ./just release {version}",
    ]


def _written(target: Target, workspace: Workspace, planned: Plan) -> Findings:
    failed = apply(planned.edits)
    if failed:
        return failed
    written = [
        Finding.ok("set-version", change.place, f"`{change.current}` → `{change.new}`")
        for edit in planned.edits
        for change in edit.changes
    ]
    if not written:
        saw = f"already at {target.version}; nothing was changed"
        written = [Finding.ok("set-version", "all manifests", saw)]
    locations = find_version_locations(workspace, target.policy)
    return planned.problems + written + locks(workspace, target.policy, locations)
