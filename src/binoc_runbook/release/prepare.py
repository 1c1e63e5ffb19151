"""The way to a new version: the manifests, the changelog's heading, and what to type next.

Everything is read and worked out before the first file is touched, so a checkout either says the new version everywhere
or what it said before.
"""

from __future__ import annotations

import datetime

from binoc_runbook.checks.sync import CHANGELOG, locks
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.stages.target import Target
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.changelog import add_heading, section
from binoc_runbook.workspace.edit import Plan, apply, plan
from binoc_runbook.workspace.replace import Replacement, ReplacementError, replace_all
from binoc_runbook.workspace.version_locations import find_version_locations


def write_version(target: Target) -> Findings:
    """Write the version wherever a published one is owned or quoted, and report lock files that lack a crate."""
    workspace = target.workspace()
    planned = plan(workspace, target.policy, target.version)
    return planned.problems if planned.problems.status == "failed" else _written(target, workspace, planned)


def prepare_version(target: Target) -> Findings:
    """Set the version, and put its heading into the changelog over what was unreleased."""
    workspace = target.workspace()
    planned = plan(workspace, target.policy, target.version)
    path = target.world.root / CHANGELOG
    try:
        before = path.read_bytes() if path.exists() else b""
        text = before.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        unread = Finding.failed("prepare", CHANGELOG, f"cannot be read: {error}", f"save `{CHANGELOG}` as UTF-8")
        return planned.problems + Findings([unread])
    if planned.problems.status == "failed":
        return planned.problems
    found = _written(target, workspace, planned)
    if found.status == "failed":
        return found
    after = add_heading(text, target.version, datetime.date.today())
    if after != text:
        try:
            replace_all([Replacement(path, before, after.encode("utf-8"))])
        except ReplacementError as reason:
            again = f"just prepare {target.version}"
            unwritten = Finding.failed("prepare", CHANGELOG, f"cannot be written: {reason}", again)
            return found + Findings([unwritten])
    told = Finding.ok("prepare", CHANGELOG, f"has the section `{target.version}`")
    if not section(after, target.version):
        saw = f"the section `{target.version}` is empty, and it becomes the message of the tag"
        told = Finding.warning("prepare", CHANGELOG, saw, f"write what changed, in `{CHANGELOG}`")
    return found + Findings([told])


def next_commands(target: Target) -> list[str]:
    """The commands that bring a prepared version to where it can be released from."""
    version, branch = target.version, target.policy.branch[0]
    return [
        "next:",
        f"  git switch -c prepare-{version}",
        f"  git commit -am 'Prepare {version}'",
        f"  git push -u {target.remote} prepare-{version}    (then a pull request into {branch})",
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
        written = [Finding.ok("set-version", "every manifest", f"says {target.version} already; nothing was changed")]
    locations = find_version_locations(workspace, target.policy)
    return planned.problems + written + locks(workspace, target.policy, locations)
