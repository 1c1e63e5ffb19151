"""Commands that a workflow runs: `check-tag` and `github-release`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from binoc_runbook.cli.output import OK, REFUSED, SCHEMA, exit_code, print_json, report, show_line

if TYPE_CHECKING:
    pass


def check_tag(root: Path, parsed: argparse.Namespace) -> int:
    """Ask whether the ref that has started a workflow may be published from: a tag, and a commit that agrees."""
    from binoc_runbook.checks.ref import ref
    from binoc_runbook.workspace.policy_table import read_policy
    from binoc_runbook.world import World

    findings = ref(parsed.ref, World.real(root).workspace(), read_policy(root))
    if parsed.json:
        print_json({"schema": SCHEMA, "ref": parsed.ref, "findings": findings.to_json()})
        return exit_code(findings)
    return report(findings)


def github_release(root: Path, parsed: argparse.Namespace) -> int:
    """Make the release on GitHub of the tag of this version, or finish it: a draft, its assets, its publication."""
    from binoc_runbook.dist.github_release import publish_release
    from binoc_runbook.release.parameters import open_target
    from binoc_runbook.world import World

    target = open_target(World.real(root), None)
    findings = publish_release(target, parsed.assets, show_line)
    report(findings)
    return OK if findings.status in ("ok", "warning") else REFUSED
