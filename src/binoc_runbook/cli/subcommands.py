"""Subcommands of `binoc-runbook`; each takes the root of a checkout and the parsed options.

Each function imports what it needs, so that `--help` and usage errors do not load the library.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from binoc_runbook.cli.output import (
    OK,
    REFUSED,
    SCHEMA,
    exit_code,
    gate_code,
    print_json,
    report,
    show_line,
    show_outcome,
    verdict,
)
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
    """List packages, versions and where each version is defined.

    Also lists whether each package can be published. Changes nothing.
    """
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
    """Run all read-only checks of a release.

    These are the checks of all stages before the tests. With --dists, check built files instead.
    """
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
            show_outcome(line)
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
    """Show the stages and the exact commands of a release."""
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
    """Show the state of a release and the next safe command.

    Looks at this clone, the remote, GitHub and the registries. Changes nothing.
    """
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
    """Trust the programs that the git configuration selects.

    `check` and the other commands that change nothing then start these programs, until the configuration of this
    checkout changes.
    """
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
    """Check the settings of GitHub, PyPI and crates.io.

    Lists all settings that a release needs, and checks those that can be read. Changes nothing.
    """
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
    """Build sdists, crates, wheels from the sdists, and SHA256SUMS."""
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
    """Write SHA256SUMS for the files in a directory.

    Optionally compare them, and write outputs for a workflow.
    """
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
    """Check that the crates compile and are compatible.

    Packages and compiles each crate, and compares it with the built .crate file and with the last release.
    """
    from binoc_runbook.dist.verify_crate import verify_crates

    target = _target(root, parsed)
    label = parsed.dists.as_posix().rstrip("/")
    findings = verify_crates(target, root / parsed.dists, show_line, label, install=parsed.install)
    report(findings, as_json=parsed.json, version=str(target.version))
    show_outcome(verdict(findings, str(target.version)))
    return gate_code(findings)


def adr(root: Path, parsed: argparse.Namespace) -> int:
    """Create the page of a decision.

    The page is in docs/adr, named after today and its title.
    """
    import datetime

    from binoc_runbook.site.new_decision import start_decision

    print(start_decision(root, parsed.title, datetime.date.today()))
    return OK


# Commands of a release.


def release(root: Path, parsed: argparse.Namespace) -> int:
    """Perform the release (--dry-run stops before the first push).

    Shows the plan, prompts for the version, and runs the runbook. If it stops, fix the reported problem and run the
    same command again.
    """
    from binoc_runbook.display import terminal, text
    from binoc_runbook.notebook.execute import run_notebook
    from binoc_runbook.release.parameters import open_target, parse_release_parameters

    dry_run = parsed.dry_run
    values = parse_release_parameters(parsed.version, dry_run=dry_run, remote=parsed.remote, retest=parsed.retest)
    target = open_target(_world(root, trusted=True), values.version, remote=values.remote)
    if not (parsed.yes or dry_run):
        terminal.show_lines(sys.stderr, [text.heading(target, dry_run=False)])
        terminal.show_plan(sys.stderr, target)
        _confirm(str(target.version))
    parameters = {
        "version": str(target.version),
        "dry_run": dry_run,
        "remote": parsed.remote,
        "retest": parsed.retest,
        "wait": parsed.wait,
    }
    name = str(target.version)
    with _printed_record(root / "runs" / f"{name}.json", as_json=parsed.json):
        return run_notebook(root, parameters, Path("runs") / f"{name}.ipynb")


@contextmanager
def _printed_record(record: Path, *, as_json: bool) -> Iterator[None]:
    """Print the record of the run in this context, if `as_json`.

    Raises:
        RefusedError: The run has not written it.
    """
    before = _written(record)
    yield
    if not as_json:
        return
    if _written(record) == before:
        finding = Finding.failed(
            "release", f"runs/{record.name}", "was not written", "apply the fix that the runbook printed"
        )
        raise RefusedError("the run stopped before its record", [finding])
    print(record.read_text("utf-8"), end="")


def _written(path: Path) -> int | None:
    """Return when a file was written, in nanoseconds, or `None` if it does not exist."""
    return path.stat().st_mtime_ns if path.is_file() else None


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
    """Perform a complete release against local servers.

    Needs no account. Runs the tests and the publish workflow, unless --quick is given. With --fault, creates a fault,
    shows it, fixes it and releases again.
    """
    from binoc_runbook.rehearsal.scenarios import SCENARIOS

    if parsed.list_faults:
        return _list_faults(as_json=parsed.json)
    scenario = next((item for item in SCENARIOS if item.create and item.name == parsed.option), None)
    if scenario:
        return _rehearse_fault(root, scenario, as_json=parsed.json)
    from binoc_runbook.notebook.execute import run_notebook
    from binoc_runbook.rehearsal.faults import QUICK
    from binoc_runbook.release.parameters import open_target, parse_release_parameters

    world = f"rehearsal:{parsed.option}" if parsed.option else "rehearsal"
    version = parse_release_parameters(parsed.version, dry_run=False, world=world).version
    parameters = {"version": parsed.version, "dry_run": False, "world": world}
    quick = parsed.option == QUICK
    if quick and parsed.json:
        finding = Finding.failed("rehearsal", "--json", "`--quick` keeps no record", "omit `--quick` or `--json`")
        raise RefusedError("nothing was rehearsed", [finding])
    kind = "quick-rehearsal" if quick else "rehearsal"
    name = f"{kind}-{version}" if version else kind
    # The record of a rehearsal always has the version in its name.
    recorded = open_target(_world(root), version).version if parsed.json else version
    with _printed_record(root / "runs" / f"rehearsal-{recorded}.json", as_json=parsed.json):
        return run_notebook(root, parameters, Path("runs") / f"{name}.ipynb")


def _list_faults(*, as_json: bool) -> int:
    """List the fault catalogue."""
    from binoc_runbook.display import terminal
    from binoc_runbook.rehearsal.scenarios import REHEARSED, SCENARIOS

    if as_json:
        faults = [
            {
                "number": item.number,
                "name": item.name,
                "symptom": item.symptom,
                "rehearsed": item.name in REHEARSED,
                "reason": item.reason,
            }
            for item in SCENARIOS
        ]
        print_json({"schema": SCHEMA, "faults": faults})
        return OK
    rows = (
        (item.number, item.name, item.symptom, "" if item.name in REHEARSED else f"not rehearsed: {item.reason}")
        for item in SCENARIOS
    )
    terminal.show_table(sys.stdout, ("number", "fault", "symptom", ""), rows)
    return OK


def _rehearse_fault(root: Path, scenario: Scenario, *, as_json: bool) -> int:
    """Rehearse one fault of the catalogue."""
    from binoc_runbook.cli.fault_rehearsal import rehearse_fault

    findings = rehearse_fault(root, scenario, show_line)
    problems = findings.having("failed")
    report(findings if as_json else problems, stream=sys.stderr, as_json=as_json, version=None)
    show_outcome(f"{scenario.name}: {'failed' if problems else 'shown, fixed and released'}")
    return exit_code(findings)


def verify(root: Path, parsed: argparse.Namespace) -> int:
    """Check that a published version is complete and works.

    Compares the published files with the built files, then installs and runs them as users do. Changes nothing.
    """
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
    with _printed_record(record, as_json=parsed.json):
        code = run_notebook(root, parameters, Path("runs") / f"verify-{version}.ipynb", VERIFY)
    if code != OK or not parsed.strict:
        return code
    unknown = [finding for finding in json.loads(record.read_bytes())["findings"] if finding["status"] == "unknown"]
    if unknown:
        show_outcome(f"{version}: {len(unknown)} unknown; with --strict, each check must be completed")
    return REFUSED if unknown else OK


def _from_root(root: Path, path: Path) -> Path:
    """Return a path relative to the root, if it is below it."""
    return path.relative_to(root) if path.is_relative_to(root) else path


def set_version(root: Path, parsed: argparse.Namespace) -> int:
    """Set the version in manifests, requirements and lock files."""
    from binoc_runbook.release.prepare import write_version

    target = _target(root, parsed)
    findings = write_version(target)
    report(findings, stream=sys.stderr, as_json=parsed.json, version=str(target.version))
    return exit_code(findings)


def prepare(root: Path, parsed: argparse.Namespace) -> int:
    """Set a new version and add its changelog heading.

    Then prints the next commands. Refuses a version that is tagged, published, or lower than a tagged version.
    """
    from binoc_runbook.release.prepare import next_commands, prepare_version

    target = _target(root, parsed, trusted=True)
    findings = prepare_version(target, any_version=parsed.any_version)
    report(findings, stream=sys.stderr, as_json=parsed.json, version=str(target.version))
    if exit_code(findings) == OK and not parsed.json:
        print(*next_commands(target), sep="\n")
    return exit_code(findings)


# Commands that a workflow runs.


def check_tag(root: Path, parsed: argparse.Namespace) -> int:
    """Check the tag of a workflow run.

    The ref must be a release tag, and the manifests of its commit must have its version.
    """
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
    """Write the notes and assets of the GitHub release.

    Writes them to release/ for the tag of this version, and prints the outputs for the job that creates the release.
    """
    from binoc_runbook.dist.job_outputs import append_outputs, job_outputs
    from binoc_runbook.dist.release_notes import write_release_inputs

    outputs = write_release_inputs(_target(root, parsed), [path.absolute() for path in parsed.assets]).outputs()
    print(job_outputs(outputs), end="")
    if parsed.outputs:
        append_outputs(parsed.outputs, outputs)
    return OK


# Commands about the commands.


def show_help(root: Path, parsed: argparse.Namespace) -> int:
    """Show the help of a command."""
    parsed.parse([*([parsed.topic] if parsed.topic else []), "--help"])
    return OK


def completion(root: Path, parsed: argparse.Namespace) -> int:
    """Print a completion script for bash, zsh or fish.

    Run one of the examples in the current shell, or add it to ~/.bashrc, ~/.zshrc (after `compinit`) or
    ~/.config/fish/config.fish.
    """
    from binoc_runbook.cli.completion import completion_script

    print(completion_script(parsed.build_parser(), parsed.shell))
    return OK
