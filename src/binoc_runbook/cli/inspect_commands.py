"""Commands that inspect a checkout: `inspect`, `check`, `plan` and `setup-check`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from binoc_runbook.cli.output import OK, REFUSED, SCHEMA, exit_code, print_json, show_line, verdict
from binoc_runbook.finding import Findings

if TYPE_CHECKING:
    from binoc_runbook.stages import Target


def inspect(root: Path, parsed: argparse.Namespace) -> int:
    """Show every package of the checkout, its version, and whether it can be published."""
    from binoc_runbook.world import World

    workspace = World.real(root).workspace()
    if parsed.json:
        print_json(workspace.to_json())
        return OK
    from binoc_runbook.display import terminal

    rows = [
        (
            package.name,
            package.ecosystem,
            package.version or "?",
            str(package.version_source or package.manifest),
            {True: "publishable", False: "private", None: "?"}[package.publishable],
        )
        for package in workspace.packages
    ]
    terminal.show_table(sys.stdout, ("package", "ecosystem", "version", "owned by", "surface"), rows)
    terminal.show_lines(sys.stdout, (f"orphan\t{orphan.manifest}: {orphan.reason}" for orphan in workspace.orphans))
    terminal.show_findings(sys.stderr, workspace.problems + list(workspace.cargo_errors("manifests")))
    return REFUSED if workspace.problems.status == "failed" else OK


def check(root: Path, parsed: argparse.Namespace) -> int:
    """Ask every question of the stages before the tests, without side effects; with --dists, about files instead."""
    import gc

    # Nearly all that a check makes is modules; looking through them for garbage takes 10 % of it, also at its end.
    gc.disable()
    try:
        from binoc_runbook.release.parameters import open_target, parse_version
        from binoc_runbook.world import World

        target = open_target(World.real(root), parse_version(parsed.version), remote=parsed.remote)
        target.strict = parsed.strict
        with target.one_moment():
            findings = _ask_stages(target) if parsed.dists is None else _ask_dists(root, parsed, target)
            choice = _choice(target) if parsed.version is None else []
    finally:
        gc.freeze()
        gc.enable()
    if parsed.json:
        print_json({"schema": SCHEMA, "version": str(target.version), "findings": findings.to_json()})
    else:
        from binoc_runbook.display import terminal

        terminal.show_findings(sys.stdout, findings)
        terminal.show_lines(sys.stderr, [*choice, verdict(findings, str(target.version))])
    return REFUSED if parsed.strict and findings.having("unknown") else exit_code(findings)


def _ask_stages(target: Target) -> Findings:
    """The answers of every stage before the tests."""
    from concurrent.futures import ThreadPoolExecutor
    from importlib import import_module

    from binoc_runbook.stages import QUESTIONS

    # Each stage mostly waits for git or cargo to answer, so they are asked side by side. GitPython is loaded before, or
    # loading it would be what they wait for.
    import_module("git")
    with ThreadPoolExecutor() as asking:
        answers = list(asking.map(lambda stage: stage.observe(target).findings, QUESTIONS))
    return Findings(finding for answer in answers for finding in answer)


def _ask_dists(root: Path, parsed: argparse.Namespace, target: Target) -> Findings:
    """What lies in a folder, compared with what the policy promises for this version."""
    from binoc_runbook.dist.inspect import inspect

    shown = parsed.dists.as_posix().rstrip("/")
    findings = inspect(target, root / parsed.dists, platforms=parsed.platforms, shown=shown)
    return findings if findings.status == "failed" else findings + _try_dists(root / parsed.dists, target)


def _try_dists(folder: Path, target: Target) -> Findings:
    """What lies in a folder, installed and run on each Python."""
    from binoc_runbook.dist.smoke_test import run_smoke_test

    return run_smoke_test(target.world, target.policy, target.version, files=folder, on_line=show_line)


def _choice(target: Target) -> list[str]:
    """Which version was asked about, where the places leave a choice."""
    from binoc_runbook.release.parameters import manifest_versions

    counts = manifest_versions(target.workspace(), target.policy)
    if len(counts) < 2:
        return []
    counted = ", ".join(f"{count} x {version}" for version, count in counts.most_common())
    return [f"manifests disagree: {counted}; {target.version} was checked; `check VERSION` checks another"]


def plan(root: Path, parsed: argparse.Namespace) -> int:
    """Show the stages of a release and the exact commands that it would run."""
    from binoc_runbook.display import terminal, text
    from binoc_runbook.release.parameters import open_target, parse_version
    from binoc_runbook.stages import STAGES
    from binoc_runbook.world import World

    target = open_target(World.real(root), parse_version(parsed.version), remote=parsed.remote)
    if parsed.json:
        stages = [
            {
                "name": stage.name,
                "sentence": stage.sentence,
                "reach": stage.reach,
                "commands": [list(command.arguments) for command in stage.commands(target)],
            }
            for stage in STAGES
        ]
        print_json({"schema": SCHEMA, "version": str(target.version), "stages": stages})
    else:
        terminal.show_lines(sys.stdout, text.plan(target))
    return OK


def setup_check(root: Path, parsed: argparse.Namespace) -> int:
    """List every setting at GitHub and at the registries that a release needs, and check those that can be asked."""
    from binoc_runbook.release.setup_check import check_setup
    from binoc_runbook.workspace.policy_table import read_policy
    from binoc_runbook.world import World

    policy = read_policy(root)
    findings = check_setup(World.real(root), policy)
    if parsed.json:
        print_json({"schema": SCHEMA, "repository": policy.repository, "findings": findings.to_json()})
    else:
        from binoc_runbook.display import terminal

        terminal.show_findings(sys.stdout, findings)
        if findings.having("unknown"):
            told = "what is unknown was not seen to be right; open each page once, and again when people change"
            print(f"{len(findings.having('unknown'))} unknown: {told}", file=sys.stderr)
    return exit_code(findings)
