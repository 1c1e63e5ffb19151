"""Subcommands of `binoc-runbook`; each takes the root of a checkout and the parsed options.

Each function imports what it needs, so that `--help` and usage errors do not load the library.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from binoc_runbook.cli.output import OK, REFUSED, SCHEMA, exit_code, gate_code, print_json, report, show_line, verdict
from binoc_runbook.finding import Finding, Findings, RefusedError

if TYPE_CHECKING:
    from binoc_runbook.rehearsal.scenarios import Scenario
    from binoc_runbook.stages import Target
    from binoc_runbook.world import World


def _world(root: Path, *, trusted: bool = False) -> World:
    """Return the real world of a checkout."""
    from binoc_runbook.world import World

    return World.real(root, trusted=trusted)


def _target(root: Path, parsed: argparse.Namespace, *, trusted: bool = False) -> Target:
    """Return the target that the version and remote on the command line select."""
    from binoc_runbook.release.parameters import open_target, parse_version

    version = parse_version(getattr(parsed, "version", None))
    target = open_target(_world(root, trusted=trusted), version, remote=getattr(parsed, "remote", None))
    target.world.show_waits(show_line)
    return target


# Commands that only read.


def inspect(root: Path, parsed: argparse.Namespace) -> int:
    """List the packages of the workspace, their versions, and whether each can be published."""
    workspace = _world(root).workspace(locked=False)
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
    return exit_code(workspace.problems)


def check(root: Path, parsed: argparse.Namespace) -> int:
    """Run all checks of a release, without side effects; with --dists, check built files instead."""
    import gc

    # Almost all objects of a check are modules; garbage collection of them takes 10 % of its time, also at exit.
    gc.disable()
    try:
        target = _target(root, parsed)
        target.strict = parsed.strict
        with target.snapshot():
            findings = _check_stages(target) if parsed.dists is None else _check_dists(root, parsed, target)
            choice = _choice(target) if parsed.version is None else []
    finally:
        gc.freeze()
        gc.enable()
    report(findings, as_json=parsed.json, version=str(target.version))
    if not parsed.json:
        for line in (*choice, verdict(findings, str(target.version))):
            show_line(line)
    return REFUSED if parsed.strict and findings.having("unknown") else exit_code(findings)


def _check_stages(target: Target) -> Findings:
    """Return the findings of every stage before the tests."""
    from binoc_runbook.stages import CHECK_STAGES, observe_together

    # The configuration of git is read once, and not by each stage at the same time.
    target.world.git.untrusted_programs  # noqa: B018
    observations = observe_together(CHECK_STAGES, lambda stage: stage.observe(target))
    return Findings(finding for observation in observations for finding in observation.result().findings)


def _check_dists(root: Path, parsed: argparse.Namespace, target: Target) -> Findings:
    """Inspect built files; if nothing failed, install and run them on each Python."""
    from binoc_runbook.dist.inspect import inspect
    from binoc_runbook.dist.smoke_test import run_smoke_test

    directory = root / parsed.dists
    findings = inspect(target, directory, platforms=parsed.platforms, shown=parsed.dists.as_posix().rstrip("/"))
    if findings.status == "failed":
        return findings
    return findings + run_smoke_test(target.world, target.policy, target.version, files=directory, on_line=show_line)


def _choice(target: Target) -> list[str]:
    """Return a line with the version that was checked, if the manifests disagree."""
    from binoc_runbook.release.parameters import manifest_versions

    counts = manifest_versions(target.workspace(), target.policy)
    if len(counts) < 2:
        return []
    counted = ", ".join(f"{count} x {version}" for version, count in counts.most_common())
    return [f"manifests disagree: {counted}; {target.version} was checked; `check VERSION` checks another"]


def plan(root: Path, parsed: argparse.Namespace) -> int:
    """Show the stages of a release and the exact commands that they run."""
    from binoc_runbook.display import terminal
    from binoc_runbook.stages import STAGES

    target = _target(root, parsed)
    if not parsed.json:
        terminal.show_plan(sys.stdout, target)
        return OK
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
    return OK


def doctor(root: Path, parsed: argparse.Namespace) -> int:
    """Show the state of a release in every place, and the one safe next command; read-only."""
    from binoc_runbook.display import diagnosis as table
    from binoc_runbook.display import terminal
    from binoc_runbook.release.doctor import examine
    from binoc_runbook.release.verification import download_checksums, read_checksums

    target = _target(root, parsed)
    sums = None if parsed.sums is None else _from_root(root, parsed.sums.resolve()).as_posix()
    checksums = {} if sums else download_checksums(target)
    own_build = not (sums or checksums)
    diagnosis = examine(target, checksums or read_checksums(root, sums, target) or {}, own_build=own_build)
    if parsed.json:
        print_json({"schema": SCHEMA, "version": str(target.version), "tag": target.tag, **diagnosis.to_json()})
        return OK
    terminal.show_table(sys.stdout, table.headings(diagnosis), table.rows(diagnosis))
    terminal.show_lines(sys.stdout, table.conclusion(diagnosis))
    return OK


def trust(root: Path, parsed: argparse.Namespace) -> int:
    """Trust the programs that the git configuration of this checkout selects, until the configuration changes."""
    git = _world(root).git
    if git.error:
        finding = Finding.failed("trust", "git config --list", git.error.reason, "fix the reported line")
        raise RefusedError("nothing was trusted", [finding])
    if not git.named_programs:
        show_line("the git configuration of this checkout selects no program; there is nothing to trust")
        return OK
    from binoc_runbook.display import terminal

    rows = [(str(program.place), program.text) for program in git.named_programs]
    terminal.show_table(sys.stdout, ("place", "setting"), rows)
    try:
        file = git.trust()
    except OSError as error:
        remedy = "set XDG_STATE_HOME to a directory that you can write to, then run this again"
        finding = Finding.failed("trust", error.filename, error.strerror or str(error), remedy)
        raise RefusedError("nothing was trusted", [finding]) from error
    show_line(f"`check` can start these until the configuration changes; to undo this, delete {file}")
    return OK


def setup_check(root: Path, parsed: argparse.Namespace) -> int:
    """List the settings at GitHub and at the registries that a release needs, and check those that can be read."""
    from binoc_runbook.release.setup_check import check_setup
    from binoc_runbook.workspace.policy_table import read_policy

    policy = read_policy(root)
    findings = check_setup(_world(root), policy)
    report(findings, as_json=parsed.json, repository=policy.repository)
    unknown = len(findings.having("unknown"))
    if unknown and not parsed.json:
        advice = "check these by hand on the pages above, and again when maintainers change"
        show_line(f"{unknown} unknown: {advice}")
    return exit_code(findings)


# Commands that build.


def dist(root: Path, parsed: argparse.Namespace) -> int:
    """Build the dists of a release: sdists, crates, wheels from the sdists, and SHA256SUMS."""
    from binoc_runbook.dist.build import build

    if parsed.platform and parsed.part == "sources":
        saw = "applies to wheels, but `--part sources` builds none"
        finding = Finding.failed("dist", "--platform", saw, "omit `--platform` or `--part sources`")
        raise RefusedError("nothing was built", [finding])
    target = _target(root, parsed)
    for path in build(target, root / parsed.out, show_line, part=parsed.part, platform=parsed.platform):
        print(_from_root(root, path))
    return OK


def sums(root: Path, parsed: argparse.Namespace) -> int:
    """Write SHA256SUMS for the files in a directory; optionally compare them, and write outputs for a workflow."""
    from binoc_runbook.dist.checksums import compare_checksums, write_checksums, write_outputs

    directory = root / parsed.out
    if not directory.is_dir():
        finding = Finding.failed(
            "sums", f"--out {parsed.out}", "is not a directory", "--out DIR, the directory of the files"
        )
        raise RefusedError("no checksums were written", [finding])
    print(write_checksums(directory).read_text("utf-8"), end="", flush=True)
    if parsed.outputs is not None:
        write_outputs(directory, _target(root, parsed), parsed.outputs)
    if parsed.expect is None:
        return OK
    findings = compare_checksums(directory, parsed.expect, parsed.out.as_posix().rstrip("/"))
    report(findings, stream=sys.stderr)
    return gate_code(findings)


def verify_crate(root: Path, parsed: argparse.Namespace) -> int:
    """Package and compile each crate, and compare it with the built .crate file and with the last release."""
    from binoc_runbook.dist.verify_crate import verify_crates

    target = _target(root, parsed)
    label = parsed.dists.as_posix().rstrip("/")
    findings = verify_crates(target, root / parsed.dists, show_line, label, install=parsed.install)
    report(findings)
    show_line(verdict(findings, str(target.version)))
    return gate_code(findings)


def adr(root: Path, parsed: argparse.Namespace) -> int:
    """Create the page of a new decision in docs/adr, named after today and its title."""
    import datetime

    from binoc_runbook.site.new_decision import start_decision

    print(start_decision(root, parsed.title, datetime.date.today()))
    return OK


# Commands of a release.


def release(root: Path, parsed: argparse.Namespace) -> int:
    """Perform the release: show the plan, prompt for the version, run the runbook."""
    from binoc_runbook.display import terminal, text
    from binoc_runbook.notebook.execute import run_notebook
    from binoc_runbook.release.parameters import open_target, parse_release_parameters

    values = parse_release_parameters(parsed.version, dry_run=False, remote=parsed.remote, retest=parsed.retest)
    target = open_target(_world(root, trusted=True), values.version, remote=values.remote)
    if not parsed.yes:
        terminal.show_lines(sys.stderr, [text.heading(target, dry_run=False)])
        terminal.show_plan(sys.stderr, target)
        _confirm(str(target.version))
    parameters = {
        "version": str(target.version),
        "dry_run": False,
        "remote": parsed.remote,
        "retest": parsed.retest,
        "wait": parsed.wait,
    }
    return run_notebook(root, parameters, Path("runs") / f"{target.version}.ipynb")


def _confirm(version: str) -> None:
    """Prompt for the version that is about to be published.

    Raises:
        RefusedError: Standard input is not a terminal, or another text was typed.
    """
    if not sys.stdin.isatty():
        remedy = f"./just release {version} --yes"
        finding = Finding.failed("release", "standard input", "is not a terminal", remedy)
        raise RefusedError("not confirmed; nothing was done", [finding])
    from binoc_runbook.version import shortened

    print(f"\nthis pushes and publishes; type {version} to continue: ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip()
    if answer != version:
        saw = f"is `{shortened(answer)}`, not `{version}`"
        finding = Finding.failed("release", "the typed version", saw, f"./just release {version}")
        raise RefusedError("not confirmed; nothing was done", [finding])


def rehearse(root: Path, parsed: argparse.Namespace) -> int:
    """Rehearse the whole release against local servers, or a fault; tests included unless --quick is given."""
    from binoc_runbook.rehearsal.scenarios import SCENARIOS

    if parsed.list_faults:
        return _list_faults()
    scenario = next((item for item in SCENARIOS if item.create and item.name == parsed.option), None)
    if scenario:
        return _rehearse_fault(root, scenario)
    from binoc_runbook.notebook.execute import run_notebook
    from binoc_runbook.rehearsal.faults import QUICK
    from binoc_runbook.release.parameters import parse_release_parameters

    world = f"rehearsal:{parsed.option}" if parsed.option else "rehearsal"
    parse_release_parameters(parsed.version, dry_run=False, world=world)
    parameters = {"version": parsed.version, "dry_run": False, "world": world}
    kind = "quick-rehearsal" if parsed.option == QUICK else "rehearsal"
    name = f"{kind}-{parsed.version}" if parsed.version else kind
    return run_notebook(root, parameters, Path("runs") / f"{name}.ipynb")


def _list_faults() -> int:
    """List the fault catalogue."""
    from binoc_runbook.display import terminal
    from binoc_runbook.rehearsal.scenarios import REHEARSED, SCENARIOS

    rows = (
        (item.number, item.name, item.symptom, "" if item.name in REHEARSED else f"not rehearsed: {item.reason}")
        for item in SCENARIOS
    )
    terminal.show_table(sys.stdout, ("number", "fault", "symptom", ""), rows)
    return OK


def _rehearse_fault(root: Path, scenario: Scenario) -> int:
    """Rehearse one fault of the catalogue."""
    from binoc_runbook.cli.fault_rehearsal import rehearse_fault

    findings = rehearse_fault(root, scenario, show_line)
    problems = findings.having("failed")
    report(problems, stream=sys.stderr)
    show_line(f"{scenario.name}: {'failed' if problems else 'shown, fixed and released'}")
    return exit_code(findings)


def verify(root: Path, parsed: argparse.Namespace) -> int:
    """Check that a version is published as it was built, and install it from the registries."""
    from binoc_runbook.environ import is_rehearsed
    from binoc_runbook.notebook.execute import VERIFY, run_notebook
    from binoc_runbook.release.parameters import TIMEOUT, open_target, parse_verification_parameters

    sums = None if parsed.sums is None else _from_root(root, parsed.sums.resolve()).as_posix()
    # The registries of a rehearsal show an upload immediately; there is nothing to wait for.
    default = 0.0 if is_rehearsed() else TIMEOUT
    timeout = default if parsed.timeout is None else parsed.timeout
    values = parse_verification_parameters(parsed.version, sums=sums, timeout=timeout)
    version = open_target(_world(root), values.version).version
    parameters = {"version": str(version), "sums": sums, "timeout": timeout}
    record = root / "runs" / f"verify-{version}.json"
    record.unlink(missing_ok=True)
    code = run_notebook(root, parameters, Path("runs") / f"verify-{version}.ipynb", VERIFY)
    if parsed.json and record.is_file():
        print(record.read_text("utf-8"), end="")
    if code != OK or not parsed.strict:
        return code
    unknown = [finding for finding in json.loads(record.read_bytes())["findings"] if finding["status"] == "unknown"]
    if unknown:
        show_line(f"{version}: {len(unknown)} unknown; with --strict, each check must be completed")
    return REFUSED if unknown else OK


def _from_root(root: Path, path: Path) -> Path:
    """Return a path relative to the root, if it is below it."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def set_version(root: Path, parsed: argparse.Namespace) -> int:
    """Write a version to the manifests, the requirements and the lock files."""
    from binoc_runbook.release.prepare import write_version

    findings = write_version(_target(root, parsed))
    report(findings, stream=sys.stderr)
    return exit_code(findings)


def prepare(root: Path, parsed: argparse.Namespace) -> int:
    """Prepare a version: update manifests and changelog, and print the next commands."""
    from binoc_runbook.release.prepare import next_commands, prepare_version

    target = _target(root, parsed, trusted=True)
    findings = prepare_version(target, any_version=parsed.any_version)
    report(findings, stream=sys.stderr)
    if exit_code(findings) == OK:
        print(*next_commands(target), sep="\n")
    return exit_code(findings)


# Commands that a workflow runs.


def check_tag(root: Path, parsed: argparse.Namespace) -> int:
    """Check that the ref of a workflow run is a release tag, and that the manifests have its version."""
    from binoc_runbook.checks.ref import RefCommits, ref
    from binoc_runbook.workspace.input_files import input_files
    from binoc_runbook.workspace.policy_table import read_policy

    # The lock file is not checked: a workflow runs this before it has an index, and its builds use `--locked`.
    world, policy = _world(root), read_policy(root)
    workspace, git = world.workspace(locked=False), world.git
    commits = RefCommits(git.commit_of("HEAD"), git.commit_of(parsed.ref))
    findings = ref(parsed.ref, workspace, policy, git.compare(input_files(workspace, policy)), commits)
    report(findings, stream=sys.stderr, as_json=parsed.json, ref=parsed.ref)
    return gate_code(findings)


def release_notes(root: Path, parsed: argparse.Namespace) -> int:
    """Write the notes and assets of the GitHub release of this version's tag to release/, and print its outputs."""
    from binoc_runbook.dist.job_outputs import append_outputs, job_outputs
    from binoc_runbook.dist.release_notes import write_release_inputs

    outputs = write_release_inputs(_target(root, parsed), [path.absolute() for path in parsed.assets]).outputs()
    print(job_outputs(outputs), end="")
    if parsed.outputs:
        append_outputs(parsed.outputs, outputs)
    return OK
