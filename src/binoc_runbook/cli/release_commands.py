"""Commands of a release: `prepare`, `set-version`, `rehearse`, `release` and `verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from binoc_runbook.cli.output import OK, report
from binoc_runbook.finding import Finding, RefusedError


def release(root: Path, parsed: argparse.Namespace) -> int:
    """Cut the release: show the plan, ask once for the version, run the runbook."""
    from binoc_runbook.display import terminal, text
    from binoc_runbook.notebook.execute import run_notebook
    from binoc_runbook.notebook.start import parse_parameters
    from binoc_runbook.release.parameters import open_target
    from binoc_runbook.world import World

    given, _ = parse_parameters(parsed.version, dry_run=False, remote=parsed.remote, retest=parsed.retest)
    target = open_target(World.real(root), given.version, remote=given.remote)
    if not parsed.yes:
        terminal.show_lines(sys.stderr, [text.heading(target, dry_run=False), *text.plan(target)])
        _ask_for(str(target.version))
    parameters = {"version": str(target.version), "dry_run": False, "remote": parsed.remote, "retest": parsed.retest}
    return run_notebook(root, parameters, Path("runs") / f"{target.version}.ipynb")


def _ask_for(version: str) -> None:
    """Let the person type the version that is about to become public, once."""
    question = Finding.failed(
        "release", "the version, typed by a person", "was not given", "./just release VERSION --yes"
    )
    if not sys.stdin.isatty():
        raise RefusedError("there is no terminal to ask on, and nothing was done", [question])
    print(f"\nthis pushes and publishes; type {version} to go on: ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline().strip()
    if typed != version:
        saw = f"`{typed}` was typed, not `{version}`"
        raise RefusedError(
            "declined, and nothing was done", [Finding.failed("release", "the typed version", saw, "again")]
        )


def rehearse(root: Path, parsed: argparse.Namespace) -> int:
    """Perform the whole release in a world on loopback, tests included unless it shall be quick."""
    from binoc_runbook.notebook.execute import run_notebook
    from binoc_runbook.notebook.start import parse_parameters
    from binoc_runbook.rehearsal.faults import QUICK

    world = f"rehearsal:{parsed.option}" if parsed.option else "rehearsal"
    parse_parameters(parsed.version, dry_run=False, world=world)
    parameters = {"version": parsed.version, "dry_run": False, "world": world}
    kind = "quick-rehearsal" if parsed.option == QUICK else "rehearsal"
    name = f"{kind}-{parsed.version}" if parsed.version else kind
    return run_notebook(root, parameters, Path("runs") / f"{name}.ipynb")


def verify(root: Path, parsed: argparse.Namespace) -> int:
    """Ask the registries whether a version is published as it was built, and try it as its users get it."""
    from binoc_runbook.environ import is_rehearsed
    from binoc_runbook.notebook.execute import VERIFY, run_notebook
    from binoc_runbook.notebook.start import parse_world
    from binoc_runbook.release.parameters import open_target, parse_verification_parameters
    from binoc_runbook.release.verification import TIMEOUT
    from binoc_runbook.world import World

    sums = None if parsed.sums is None else _from(root, parsed.sums)
    # The registries of a rehearsal show at once what they have; there is nothing to wait for.
    usual = 0.0 if is_rehearsed() else TIMEOUT
    timeout = usual if parsed.timeout is None else parsed.timeout
    _, findings = parse_world("real")
    given = parse_verification_parameters(parsed.version, sums=sums, timeout=timeout, findings=findings)
    version = open_target(World.real(root), given.version).version
    parameters = {"version": str(version), "sums": sums, "timeout": timeout}
    twin = root / "runs" / f"verify-{version}.json"
    twin.unlink(missing_ok=True)
    code = run_notebook(root, parameters, Path("runs") / f"verify-{version}.ipynb", VERIFY)
    if parsed.json and twin.is_file():
        print(twin.read_text("utf-8"), end="")
    return code


def _from(root: Path, path: Path) -> str:
    """A path as it is called from the root, where it lies below it."""
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def set_version(root: Path, parsed: argparse.Namespace) -> int:
    """Write the version wherever a published one is owned or quoted."""
    from binoc_runbook.release.parameters import open_target, parse_version
    from binoc_runbook.release.prepare import write_version
    from binoc_runbook.world import World

    return report(write_version(open_target(World.real(root), parse_version(parsed.version))))


def prepare(root: Path, parsed: argparse.Namespace) -> int:
    """Bump to a version: the manifests, the changelog's heading, and the commands to go on with."""
    from binoc_runbook.release.parameters import open_target, parse_version
    from binoc_runbook.release.prepare import next_commands, prepare_version
    from binoc_runbook.world import World

    target = open_target(World.real(root), parse_version(parsed.version))
    code = report(prepare_version(target))
    if code == OK:
        print(*next_commands(target), sep="\n")
    return code
