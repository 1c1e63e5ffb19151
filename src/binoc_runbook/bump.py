"""The way to a new version: the manifests, the changelog's heading, and what to type next.

Everything is worked out before the first file is touched, so a checkout either says the new version everywhere or says
what it said before.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from binoc_runbook.changelog import add_heading, section
from binoc_runbook.checks.sync import CHANGELOG
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.opening import open_target
from binoc_runbook.stages.target import Target
from binoc_runbook.workspace.edit import apply, plan
from binoc_runbook.workspace.replace import NotReplaced, Replacement, replace_all
from binoc_runbook.world import World


def write_version(root: Path, version: str) -> Findings:
    """Write the version wherever a published one is owned or quoted, and ask cargo whether its lock files still hold.

    Raises:
        Refused: The version or the policy cannot be read.
    """
    target = open_target(World.real(root), version)
    planned = plan(target.workspace(), target.policy, target.version)
    if planned.problems.status == "failed":
        return planned.problems
    failed = apply(planned.edits)
    if failed:
        return failed
    written = [
        Finding.ok("set-version", change.place, f"`{change.says}` → `{change.becomes}`")
        for edit in planned.edits
        for change in edit.changes
    ]
    if not written:
        written = [Finding.ok("set-version", "every manifest", f"says {target.version} already; nothing was changed")]
    return planned.problems + written + _ask_cargo(target)


def write_changelog(root: Path, version: str) -> Findings:
    """Put the changelog's heading of the version over what was unreleased."""
    target = open_target(World.real(root), version)
    path = root / CHANGELOG
    before = path.read_bytes() if path.exists() else b""
    text = before.decode("utf-8")
    after = add_heading(text, target.version, datetime.date.today())
    if after != text:
        try:
            replace_all([Replacement(path, before, after.encode("utf-8"))])
        except NotReplaced as reason:
            return Findings([Finding.failed("prepare", CHANGELOG, str(reason), f"just prepare {version}")])
    if not section(after, target.version):
        saw = f"the section `{version}` is empty, and it becomes the message of the tag"
        return Findings([Finding.warning("prepare", CHANGELOG, saw, f"write what changed, in `{CHANGELOG}`")])
    return Findings([Finding.ok("prepare", CHANGELOG, f"has the section `{version}`")])


def next_commands(root: Path, version: str) -> list[str]:
    """The commands that bring a prepared version to where it can be released from."""
    target = open_target(World.real(root), version)
    branch = target.policy.branch[0]
    return [
        "next:",
        f"  git switch -c prepare-{version}",
        f"  git commit -am 'Prepare {version}'",
        f"  git push -u {target.remote} prepare-{version}    (then a pull request into {branch})",
        f"  git switch {branch} && git pull --ff-only",
        f"  ./just release {version}",
    ]


def _ask_cargo(target: Target) -> Findings:
    """Whether cargo accepts the edited lock files as they are, where the crates that it wants are at hand."""
    found = []
    for root in target.workspace().cargo_roots:
        question = ["cargo", "metadata", "--locked", "--offline", "--format-version", "1", "--manifest-path", root]
        done = target.world.processes.run(question, patience=300.0)
        looked_at = f"cargo metadata --locked --manifest-path {root}"
        if done.returncode == 0:
            found.append(Finding.ok("set-version", looked_at, "cargo accepts the lock file as it is"))
        elif "--locked" in done.stderr:
            remedy = f"cargo update --workspace --manifest-path {root}"
            found.append(Finding.failed("set-version", looked_at, done.reason, remedy))
        else:
            saw = f"could not be confirmed without the network: {done.reason}"
            found.append(Finding.unknown("set-version", looked_at, saw, looked_at))
    return Findings(found)
