"""The command `binoc-runbook`: the library's questions and acts, each in one line to type.

Results go to standard output, talk to standard error. Exit codes: 0 every post-condition was observed, 1 refused with
findings, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from binoc_runbook.arguments import Command, parse
from binoc_runbook.checkout import root_of
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.refusal import Refused

if TYPE_CHECKING:
    from binoc_runbook.stages import Target

OK, REFUSED, USAGE, INTERRUPTED = 0, 1, 2, 130

#: The number of the layout of what `--json` prints.
SCHEMA = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    parsed = parse(COMMANDS, sys.argv[1:] if arguments is None else arguments)
    try:
        command: Command = parsed.command
        return command(_root(parsed.root), parsed)
    except Refused as refused:
        return _refuse(refused, as_json=getattr(parsed, "json", False))
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the results has seen enough; closing here keeps Python from complaining about it at exit.
        sys.stderr.close()
        return REFUSED


def inspect(root: Path, parsed: argparse.Namespace) -> int:
    """Show every package of the checkout, its version, and whether it can be published."""
    from binoc_runbook.world import World

    workspace = World.real(root).workspace()
    if parsed.json:
        _print_json(workspace.to_json())
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
        from binoc_runbook.opening import open_target
        from binoc_runbook.world import World

        target = open_target(World.real(root), parsed.version, remote=parsed.remote)
        with target.one_moment():
            findings = _ask_stages(target) if parsed.dists is None else _ask_dists(root, parsed, target)
            choice = _choice(target) if parsed.version is None else []
    finally:
        gc.freeze()
        gc.enable()
    if parsed.json:
        _print_json({"schema": SCHEMA, "version": str(target.version), "findings": findings.to_json()})
    else:
        from binoc_runbook.display import terminal

        terminal.show_findings(sys.stdout, findings)
        terminal.show_lines(sys.stderr, [*choice, _verdict(findings, str(target.version))])
    return _code(findings)


def check_tag(root: Path, parsed: argparse.Namespace) -> int:
    """Ask whether the ref that has started a workflow may be published from: a tag, and a commit that agrees."""
    from binoc_runbook.checks.ref import ref
    from binoc_runbook.refusal import read_policy
    from binoc_runbook.world import World

    findings = ref(parsed.ref, World.real(root).workspace(), read_policy(root))
    if parsed.json:
        _print_json({"schema": SCHEMA, "ref": parsed.ref, "findings": findings.to_json()})
        return _code(findings)
    return _tell(findings)


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
    from binoc_runbook.artifacts.inspection import inspect

    called = parsed.dists.as_posix().rstrip("/")
    findings = inspect(target, root / parsed.dists, platforms=parsed.platforms, called=called)
    return findings if findings.status == "failed" else findings + _try_dists(root / parsed.dists, target)


def _try_dists(folder: Path, target: Target) -> Findings:
    """What lies in a folder, installed and run on each Python."""
    from binoc_runbook.trial import trial

    return trial(target.world, target.policy, target.version, files=folder, on_line=_show)


def dist(root: Path, parsed: argparse.Namespace) -> int:
    """Build what a release publishes: sdists, crates, wheels of the sdists, and the sums of all."""
    from binoc_runbook.artifacts import build
    from binoc_runbook.opening import open_target
    from binoc_runbook.world import World

    if parsed.platform and parsed.part == "sources":
        finding = Finding.failed(
            "dist", "--platform", "is of wheels, and sources have none", "leave out one of the two"
        )
        raise Refused("nothing was built", [finding])
    target = open_target(World.real(root), None)

    for path in build(target, root / parsed.out, _show, part=parsed.part, platform=parsed.platform):
        print(path.relative_to(root) if path.is_relative_to(root) else path)
    return OK


def sums(root: Path, parsed: argparse.Namespace) -> int:
    """Write SHA256SUMS anew over the files of a folder, such as one that several jobs have filled."""
    from binoc_runbook.artifacts import write_sums

    folder = root / parsed.out
    if not folder.is_dir():
        finding = Finding.failed("sums", f"--out {parsed.out}", "is no folder", "--out DIR, the folder of the files")
        raise Refused("there is nothing to sum", [finding])
    print(write_sums(folder).read_text("utf-8"), end="")
    return OK


def verify_crate(root: Path, parsed: argparse.Namespace) -> int:
    """Package and compile each crate anew, and compare it with what is to be uploaded and with the last release."""
    from binoc_runbook.artifacts.crates import verify_crates
    from binoc_runbook.display import terminal
    from binoc_runbook.opening import open_target
    from binoc_runbook.world import World

    target = open_target(World.real(root), None)

    called = parsed.dists.as_posix().rstrip("/")
    findings = verify_crates(target, root / parsed.dists, _show, called, install=parsed.install)
    terminal.show_findings(sys.stdout, findings)
    terminal.show_lines(sys.stderr, [_verdict(findings, str(target.version))])
    # What comes after it in a workflow cannot be taken back, so what nobody knows stops it too.
    return OK if findings.status in ("ok", "warning") else REFUSED


def plan(root: Path, parsed: argparse.Namespace) -> int:
    """Show the stages of a release and the exact commands that it would run."""
    from binoc_runbook.display import terminal, text
    from binoc_runbook.opening import open_target
    from binoc_runbook.stages import STAGES
    from binoc_runbook.world import World

    target = open_target(World.real(root), parsed.version, remote=parsed.remote)
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
        _print_json({"schema": SCHEMA, "version": str(target.version), "stages": stages})
    else:
        terminal.show_lines(sys.stdout, text.plan(target))
    return OK


def release(root: Path, parsed: argparse.Namespace) -> int:
    """Cut the release: show the plan, ask once for the version, run the runbook."""
    from binoc_runbook.display import terminal, text
    from binoc_runbook.opening import judge_parameters, open_target
    from binoc_runbook.runbook import run_notebook
    from binoc_runbook.world import World

    judge_parameters(parsed.version, False, parsed.remote, parsed.retest, "real")
    target = open_target(World.real(root), parsed.version, remote=parsed.remote)
    if not parsed.yes:
        terminal.show_lines(sys.stderr, [text.heading(target, dry_run=False), *text.plan(target)])
        _ask_for(str(target.version))
    parameters = {"version": str(target.version), "dry_run": False, "remote": parsed.remote, "retest": parsed.retest}
    return run_notebook(root, parameters, Path("runs") / f"{target.version}.ipynb")


def rehearse(root: Path, parsed: argparse.Namespace) -> int:
    """Perform the whole release in a world on loopback, tests included unless it shall be quick."""
    from binoc_runbook.opening import judge_parameters
    from binoc_runbook.runbook import run_notebook
    from binoc_runbook.trouble import QUICK

    world = f"rehearsal:{parsed.asked}" if parsed.asked else "rehearsal"
    judge_parameters(parsed.version, False, None, False, world)
    parameters = {"version": parsed.version, "dry_run": False, "world": world}
    kind = "quick-rehearsal" if parsed.asked == QUICK else "rehearsal"
    name = f"{kind}-{parsed.version}" if parsed.version else kind
    return run_notebook(root, parameters, Path("runs") / f"{name}.ipynb")


def verify(root: Path, parsed: argparse.Namespace) -> int:
    """Ask the registries whether a version is published as it was built, and try it as its users get it."""
    from binoc_runbook.opening import judge_verification, open_target
    from binoc_runbook.rehearsing import is_rehearsed
    from binoc_runbook.runbook import VERIFY, run_notebook
    from binoc_runbook.verification import PATIENCE
    from binoc_runbook.world import World

    sums = None if parsed.sums is None else _from(root, parsed.sums)
    # The registries of a rehearsal show at once what they have; there is nothing to wait for.
    usual = 0.0 if is_rehearsed() else PATIENCE
    patience = usual if parsed.patience is None else parsed.patience
    judge_verification(parsed.version, sums, patience, "real")
    version = open_target(World.real(root), parsed.version).version
    parameters = {"version": str(version), "sums": sums, "patience": patience}
    twin = root / "runs" / f"verify-{version}.json"
    twin.unlink(missing_ok=True)
    code = run_notebook(root, parameters, Path("runs") / f"verify-{version}.ipynb", VERIFY)
    if parsed.json and twin.is_file():
        print(twin.read_text("utf-8"), end="")
    return code


def set_version(root: Path, parsed: argparse.Namespace) -> int:
    """Write the version wherever a published one is owned or quoted."""
    from binoc_runbook.bump import write_version
    from binoc_runbook.opening import open_target
    from binoc_runbook.world import World

    return _tell(write_version(open_target(World.real(root), parsed.version)))


def prepare(root: Path, parsed: argparse.Namespace) -> int:
    """Bump to a version: the manifests, the changelog's heading, and the commands to go on with."""
    from binoc_runbook.bump import next_commands, prepare_version
    from binoc_runbook.opening import open_target
    from binoc_runbook.world import World

    target = open_target(World.real(root), parsed.version)
    code = _tell(prepare_version(target))
    if code == OK:
        print(*next_commands(target), sep="\n")
    return code


def setup_check(root: Path, parsed: argparse.Namespace) -> int:
    """List every setting at GitHub and at the registries that a release needs, and check those that can be asked."""
    from binoc_runbook.refusal import read_policy
    from binoc_runbook.setup import ask_setup
    from binoc_runbook.world import World

    policy = read_policy(root)
    findings = ask_setup(World.real(root), policy)
    if parsed.json:
        _print_json({"schema": SCHEMA, "repository": policy.repository, "findings": findings.to_json()})
    else:
        from binoc_runbook.display import terminal

        terminal.show_findings(sys.stdout, findings)
        if findings.having("unknown"):
            told = "what is unknown was not seen to be right; open each page once, and again when people change"
            print(f"{len(findings.having('unknown'))} unknown: {told}", file=sys.stderr)
    return _code(findings)


def github_release(root: Path, parsed: argparse.Namespace) -> int:
    """Make the release on GitHub of the tag of this version, or finish it: a draft, its assets, its publication."""
    from binoc_runbook.github_release import publish_release
    from binoc_runbook.opening import open_target
    from binoc_runbook.world import World

    target = open_target(World.real(root), None)
    findings = publish_release(target, parsed.assets, _show)
    _tell(findings)
    return OK if findings.status in ("ok", "warning") else REFUSED


def adr(root: Path, parsed: argparse.Namespace) -> int:
    """Start the page of a new decision, named after today and its title."""
    import datetime

    from binoc_runbook.adr import start_decision

    print(start_decision(root, parsed.title, datetime.date.today()))
    return OK


# What the commands share.


def _show(line: str) -> None:
    """Show a line of what goes on, which is no result."""
    print(line, file=sys.stderr)


def _code(findings: Findings) -> int:
    """The exit code of a question: what is unknown does not fail it."""
    return REFUSED if findings.status == "failed" else OK


def _tell(findings: Findings) -> int:
    """Show what an act found, and whether it may be called done."""
    from binoc_runbook.display import terminal

    terminal.show_findings(sys.stderr, findings)
    return _code(findings)


def _ask_for(version: str) -> None:
    """Let the person type the version that is about to become public, once."""
    question = Finding.failed(
        "release", "the version, typed by a person", "was not given", "./just release VERSION --yes"
    )
    if not sys.stdin.isatty():
        raise Refused("there is no terminal to ask on, and nothing was done", [question])
    print(f"\nthis pushes and publishes; type {version} to go on: ", end="", file=sys.stderr, flush=True)
    typed = sys.stdin.readline().strip()
    if typed != version:
        saw = f"`{typed}` was typed, not `{version}`"
        raise Refused("declined, and nothing was done", [Finding.failed("release", "the typed version", saw, "again")])


def _choice(target: Target) -> list[str]:
    """Which version was asked about, where the places leave a choice."""
    from binoc_runbook.opening import said_versions

    said = said_versions(target.workspace(), target.policy)
    if len(said) < 2:
        return []
    counted = ", ".join(f"{count} x {version}" for version, count in said.most_common())
    return [f"the places say {counted}; {target.version} was asked about, `check VERSION` asks about another"]


def _verdict(findings: Findings, version: str) -> str:
    count = {status: len(findings.having(status)) for status in ("failed", "unknown", "warning")}
    told = ", ".join(f"{number} {status}" for status, number in count.items() if number) or "everything holds"
    stops = "; a real release stops here" if count["failed"] or count["unknown"] else ""
    return f"{version}: {told}{stops}"


def _refuse(refused: Refused, *, as_json: bool) -> int:
    if as_json:
        _print_json({"schema": SCHEMA, "version": None, "findings": refused.findings.to_json()})
    else:
        print(refused, file=sys.stderr)
    return REFUSED


def _print_json(told: Any) -> None:
    json.dump(told, sys.stdout, indent=2, ensure_ascii=False)
    print()


def _from(root: Path, path: Path) -> str:
    """A path as it is called from the root, where it lies below it."""
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _root(given: Path | None) -> Path:
    start = given or Path.cwd()
    if given is not None and not given.is_dir():
        finding = Finding.failed("root", f"--root {given}", "is no folder", "--root DIR, the root of a checkout")
        raise Refused("there is nothing to look at", [finding])
    # A folder that is no clone can still be inspected; its stage `tree` then says what is missing.
    return (given or root_of(start) or start).resolve()


#: What can be typed, in the order of the help.
COMMANDS: dict[str, Command] = {
    "inspect": inspect,
    "check": check,
    "check-tag": check_tag,
    "plan": plan,
    "dist": dist,
    "sums": sums,
    "verify-crate": verify_crate,
    "release": release,
    "rehearse": rehearse,
    "verify": verify,
    "set-version": set_version,
    "prepare": prepare,
    "setup-check": setup_check,
    "github-release": github_release,
    "adr": adr,
}


if __name__ == "__main__":
    sys.exit(main())
