"""Remedies: a command works when it is typed, an edit when it is made, and every message of the golden files is listed.

`remedies.toml` has the test that executes each remedy, or the reason why a person decides.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.release.attempts import unwritable
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.prepare import prepare_version
from binoc_runbook.site.releases.record_files import read_releases
from binoc_runbook.stages import CHECK_STAGES
from binoc_runbook.version import Version
from binoc_runbook.workspace.policy_table import read_policy
from binoc_runbook.world import World

ROOT = Path(__file__).parents[1]
BAD = ("failed", "unknown", "warning")


@pytest.fixture
def type_in_shell(checkout, tmp_path, monkeypatch, local_registries) -> Callable[[str], None]:
    """Return a function that runs a line in a shell in the checkout; `just` runs the command of this library.

    An editor writes a commit message, and cargo does not use the network.
    """
    just = tmp_path / "bin/just"
    just.parent.mkdir()
    just.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m binoc_runbook.cli "$@"\n', "utf-8")
    just.chmod(0o755)
    environment = {
        "PATH": f"{just.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "GIT_EDITOR": "echo 'A message' >",
    }

    def run(line: str) -> None:
        offline = {"CARGO_NET_OFFLINE": "true"} if line.startswith("cargo ") else {}
        done = subprocess.run(
            ["bash", "-e", "-c", line],
            cwd=checkout.root,
            env={**os.environ, **environment, **offline},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"

    return run


# Checks: each returns the findings of the checkout.


def stage(name: str, version: str = "0.4.0") -> Callable[[Any], list[Finding]]:
    """Return a function that observes a stage."""

    def observe(checkout: Any) -> list[Finding]:
        target = open_target(World.real(checkout.root), Version.parse(version))
        (observed,) = [item for item in CHECK_STAGES if item.name == name]
        return list(observed.observe(target).findings)

    return observe


def prepare(version: str, **options: bool) -> Callable[[Any], list[Finding]]:
    """Return a function that prepares a version, and restores the files that were edited."""

    def run(checkout: Any) -> list[Finding]:
        findings = prepare_version(open_target(World.real(checkout.root), Version.parse(version)), **options)
        checkout.git("checkout", "--quiet", "HEAD", "--", ".", cwd=checkout.root)
        return [finding for finding in findings if finding.looked_at != "CHANGELOG.md"]

    return run


def records(checkout: Any) -> list[Finding]:
    """Return the findings about the records of releases."""
    return list(read_releases(checkout.root / "docs/releases")[1])


def record_of_a_run(checkout: Any) -> list[Finding]:
    """Write the record of a run, and return the finding if that is impossible."""
    path = checkout.root / "runs/0.4.0.json"
    try:
        path.write_text("{}", "utf-8")
    except OSError as error:
        return [unwritable(path, checkout.root, error)]
    return []


# Causes.


def other_branch(checkout):
    checkout.git("switch", "--quiet", "-c", "feature", cwd=checkout.root)


def branch_of_no_pattern(checkout):
    checkout.git("branch", "release/0.4", cwd=checkout.root)
    checkout.edit("pyproject.toml", 'branch = ["main", "release/*"]', 'branch = ["release/*"]')
    checkout.commit()
    checkout.git("branch", "--force", "release/0.4", cwd=checkout.root)


def detached_head(checkout):
    checkout.git("switch", "--quiet", "--detach", cwd=checkout.root)


def changed_file(checkout):
    checkout.edit("CHANGELOG.md", "Everything", "All")


def runbook_with_outputs(checkout) -> None:
    checkout.write("runbooks/release.ipynb", "{}")
    checkout.commit("Add a runbook")
    checkout.write("runbooks/release.ipynb", '{"outputs": []}')


def untracked_file(checkout):
    checkout.write("notes.txt", "")


def message_that_skips_workflows(checkout):
    checkout.commit("Release [skip ci]")


def ignored_crate(checkout):
    checkout.write(".gitignore", "/target/\n/runs/\n/crates/local/\n")
    checkout.commit()
    checkout.write("crates/local/Cargo.toml", '[package]\nname = "local"\nversion = "1.0.0"\npublish = false\n')
    checkout.write("crates/local/src/lib.rs", "")


def program_of_git(checkout):
    checkout.git("config", "core.hooksPath", "hooks", cwd=checkout.root)
    checkout.git("config", "filter.upper.clean", "tr a-z A-Z", cwd=checkout.root)


def no_commit(checkout):
    checkout.git("update-ref", "-d", "HEAD", cwd=checkout.root)
    checkout.git("rm", "--quiet", "-r", "--cached", ".", cwd=checkout.root)


def shallow_clone(checkout):
    shallow = checkout.root.with_name("shallow")
    checkout.git("clone", "--quiet", "--depth=1", checkout.root.as_uri(), str(shallow))
    checkout.git("fetch", "--quiet", "--unshallow", cwd=shallow)
    checkout.git("fetch", "--quiet", "--depth=1", "origin", "main", cwd=checkout.root)


def two_branches(checkout):
    """Create a branch with a conflict; return its name."""
    checkout.git("switch", "--quiet", "-c", "theirs", "HEAD~1", cwd=checkout.root)
    checkout.write("file.txt", "theirs\n")
    checkout.commit("Theirs")
    checkout.git("switch", "--quiet", "main", cwd=checkout.root)
    checkout.write("file.txt", "ours\n")
    checkout.commit("Ours")
    return "theirs"


def operation(*command):
    """Return a cause that begins an operation of git and leaves it unfinished."""

    def cause(checkout):
        two_branches(checkout)
        checkout.git(*command, cwd=checkout.root, check=False)

    cause.__name__ = command[0]
    return cause


def bisect(checkout):
    two_branches(checkout)
    checkout.git("bisect", "start", "HEAD", "HEAD~2", cwd=checkout.root)


def other_version_in_the_lock_file(checkout):
    checkout.edit("Cargo.lock", 'demo-sdk"\nversion = "0.4.0"', 'demo-sdk"\nversion = "0.3.9"')


def other_version_of_a_private_crate(checkout):
    checkout.edit("python/demo/Cargo.toml", "version.workspace = true", 'version = "9.9.9"')


def no_lock_file(checkout):
    (checkout.root / "Cargo.lock").unlink()


def outdated_lock_file(checkout):
    dependency = '\n[dependencies]\ndemo-sdk = { path = "../../crates/demo-sdk", version = "0.4.0" }\n'
    checkout.edit("python/demo/Cargo.toml", "publish = false\n", f"publish = false\n{dependency}")


def lock_file_without_a_crate(checkout):
    checkout.edit("Cargo.lock", '\n[[package]]\nname = "demo-sdk"\nversion = "0.4.0"\n', "")


def conflict_in_the_lock_file(checkout):
    checkout.edit("Cargo.lock", "version = 4", "<<<<<<< HEAD\nversion = 4")


def killed_set_version(checkout):
    checkout.write("crates/demo-sdk/.Cargo.toml.set-version", "half")


def unreleased_changes(checkout):
    checkout.edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n- More.\n")


def fifo(path):
    """Return a cause that replaces a file by a FIFO."""

    def cause(checkout):
        (checkout.root / path).unlink()
        os.mkfifo(checkout.root / path)

    cause.__name__ = f"{path} is a fifo"
    return cause


def published_version(checkout):
    checkout.registries.versions = {"demo-sdk": ["0.4.0"]}


def local_tag(checkout):
    checkout.git("tag", "-a", "-m", "x", "v0.5.0", cwd=checkout.root)


def pushed_tag(checkout):
    local_tag(checkout)
    checkout.git("push", "--quiet", "origin", "v0.5.0", cwd=checkout.root)


def record(name, text):
    """Return a cause that adds an invalid file to the records."""

    def cause(checkout):
        checkout.write(f"docs/releases/{name}", text)

    cause.__name__ = f"{name} {text or 'empty'}"
    return cause


def damaged_record(checkout):
    checkout.write("docs/releases/0.4.0.json", checkout.valid_record)
    checkout.write("docs/releases/0.4.0.ipynb", checkout.valid_notebook)
    checkout.commit()
    checkout.write("docs/releases/0.4.0.json", checkout.valid_record[1:])


def deleted_record(checkout):
    damaged_record(checkout)
    (checkout.root / "docs/releases/0.4.0.json").unlink()


def deleted_notebook(checkout):
    damaged_record(checkout)
    checkout.write("docs/releases/0.4.0.json", checkout.valid_record)
    (checkout.root / "docs/releases/0.4.0.ipynb").unlink()


def file_as_directory_of_runs(checkout):
    checkout.write("runs", "")


def directory_as_record(checkout):
    (checkout.root / "runs/0.4.0.json").mkdir(parents=True)


def no_directory_of_runs(checkout):
    assert not (checkout.root / "runs").exists()


@dataclass(frozen=True)
class Case:
    """A cause, the check that finds it, what is typed of the remedy, and the check that passes then.

    Without `typed`, the complete remedy is typed, which is the only one.
    """

    cause: Callable[[Any], Any]
    check: Callable[[Any], list[Finding]]
    typed: str = ""
    then: Callable[[Any], list[Finding]] | None = None

    def __str__(self) -> str:
        return f"{self.cause.__name__} {self.typed}".strip()


ABORTED = [
    (operation("merge", "theirs"), "git merge --abort"),
    (operation("cherry-pick", "theirs"), "git cherry-pick --abort"),
    (operation("revert", "HEAD~1", "--no-commit"), "git revert --abort"),
    (operation("rebase", "theirs"), "git rebase --abort"),
    (operation("rebase", "--apply", "theirs"), "git rebase --abort"),
    (bisect, "git bisect reset"),
]
CASES = [
    *(Case(cause, stage("tree"), typed) for cause, typed in ABORTED),
    Case(other_branch, stage("tree")),
    Case(detached_head, stage("tree")),
    Case(changed_file, stage("tree"), "git stash"),
    Case(runbook_with_outputs, stage("tree"), "git restore runbooks/release.ipynb"),
    Case(untracked_file, stage("tree"), "git add --all && git commit"),
    Case(message_that_skips_workflows, stage("tree")),
    Case(ignored_crate, stage("tree")),
    Case(program_of_git, stage("tree")),
    Case(no_commit, stage("tree"), "git add --all && git commit"),
    Case(other_version_in_the_lock_file, stage("sync")),
    Case(other_version_of_a_private_crate, stage("sync")),
    Case(no_lock_file, stage("sync")),
    Case(outdated_lock_file, stage("sync")),
    Case(lock_file_without_a_crate, stage("sync")),
    Case(conflict_in_the_lock_file, stage("sync")),
    Case(killed_set_version, stage("sync")),
    Case(unreleased_changes, stage("sync", "0.5.0"), "just prepare 0.5.0"),
    Case(fifo("CHANGELOG.md"), stage("sync")),
    Case(fifo("Cargo.lock"), stage("sync")),
    Case(fifo("crates/demo-core/Cargo.toml"), stage("surface"), "git checkout HEAD -- crates/demo-core/Cargo.toml"),
    Case(published_version, stage("remote"), "", stage("remote", "0.4.1")),
    Case(pushed_tag, prepare("0.5.0"), "just prepare 0.5.1", stage("remote", "0.5.1")),
    Case(pushed_tag, prepare("0.4.9"), "just prepare 0.5.1", stage("remote", "0.5.1")),
    Case(pushed_tag, prepare("0.4.9"), "--any-version", prepare("0.4.9", any_version=True)),
    Case(local_tag, prepare("0.5.0"), "git tag -d v0.5.0"),
    Case(record("notes.json", "{}"), records),
    Case(record("0.4.0.json", "[]"), records),
    Case(record("0.4.0.json", '{"world": "rehearsal"}'), records),
    Case(damaged_record, records),
    Case(deleted_record, records),
    Case(deleted_notebook, records),
    Case(file_as_directory_of_runs, record_of_a_run, "mv runs runs.old", lambda checkout: []),
    Case(directory_as_record, record_of_a_run, "mv runs/0.4.0.json runs/0.4.0.json.old"),
    Case(no_directory_of_runs, record_of_a_run, "mkdir -p runs"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_finding_is_gone_after_the_remedy(checkout, local_registries, type_in_shell, a_record, case):
    checkout.registries = local_registries
    checkout.valid_record = json.dumps(a_record())
    checkout.valid_notebook = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
    case.cause(checkout)
    findings = [finding for finding in case.check(checkout) if finding.status in BAD]
    remedies = {finding.remedy for finding in findings if case.typed in finding.remedy}
    assert remedies if case.typed else len(remedies) == 1, findings
    line = case.typed or remedies.pop()
    if not line.startswith("-"):
        type_in_shell(line)
    assert [finding for finding in (case.then or case.check)(checkout) if finding.status in BAD] == []


# Edits.

_LITERAL = r'\[[^]`]*\]|"[^"]*"|\b\d+\b'


def make_edit(root: Path, finding: Finding) -> None:
    """Edit the file as a remedy says: at the line that it has, otherwise near the line of the finding."""
    remedy = finding.remedy
    place = re.search(r"(?:in|of) `([^`]+\.toml)(?::(\d+))?`$", remedy)
    within = re.search(r"in a `([^`]+)` in `([^`]+)`$", remedy)
    path, line = place.groups() if place else (f"{within[2]}/{within[1]}", None) if within else (None, None)
    if path is None:
        path, _, line = str(finding.looked_at).partition(":")
    lines = (root / path).read_text("utf-8").splitlines()
    number = int(line or 1) - 1

    def of_key(key: str) -> int:
        """Return the line of a key that is nearest to `number`."""
        indices = [index for index, text in enumerate(lines) if re.match(rf"{key}(\.workspace)? *=", text)]
        return min(indices, key=lambda index: abs(index - number))

    def set_value(key: str, value: str) -> None:
        lines[of_key(key)] = f"{key} = {value}"

    if match := re.match(r"write (?:`(.+)`|its version) under `(\[.+\])`", remedy):
        text = match[1] or 'version = "0.4.0"'
        lines = [other for other in lines if not other.startswith(text.partition(" ")[0])]
        lines.insert(lines.index(match[2]) + 1, text)
    elif match := re.match(r"write (?:the required version, such as )?`(version = (.+?))`,? for", remedy):
        shown = re.sub(r' = "\*"', f" = {match[2]}", lines[number])
        lines[number] = shown if shown != lines[number] else re.sub(r" ?\}$", f", {match[1]} }}", shown)
    elif match := re.match(r"write `([\w-]+) = (.+?)`", remedy):
        set_value(match[1], match[2])
    elif match := re.match(r"remove `([\w-]+)`(?: or `[\w-]+`)? of", remedy):
        lines[number] = re.sub(rf',? ?{match[1]}[\w-]* = "[^"]*"', "", lines[number])
    elif re.match(r"(publish `.+`, or )?remove (the classifier|`.+`) in", remedy):
        del lines[number]
    elif match := re.match(r'add (".+?") to (?:`publish`|the `(classifiers)`)', remedy):
        if match[2] and not any(text.startswith(match[2]) for text in lines):
            lines.insert(lines.index("[project]") + 1, f"{match[2]} = []")
        index = of_key(match[2]) if match[2] else number
        lines[index] = lines[index].replace("[", f"[{match[1]}, ", 1)
    elif match := re.match(r"(set|add) `([\w-]+)`(?: to|:|,)(.+)", remedy):
        text = match[3].partition("such as ")[2] or match[3]
        values = re.findall(_LITERAL, text)
        value = f"[{', '.join(values)}]" if "tags such as" in remedy else values[0]
        set_value(match[2], value) if match[1] == "set" else lines.insert(number + 1, f"{match[2]} = {value}")
    elif match := re.match(r"rename it to `([\w-]+)`", remedy):
        lines[number] = re.sub(r"^[\w-]+", match[1], lines[number])
    elif match := re.match(r"delete `([\w-]+)`", remedy):
        del lines[of_key(match[1])]
    else:
        raise AssertionError(f"unknown edit: {remedy}")
    (root / path).write_text("\n".join(lines) + "\n", "utf-8")


def policy(checkout: Any) -> list[Finding]:
    """Return the findings about the policy."""
    try:
        read_policy(checkout.root)
    except RefusedError as error:
        return list(error.findings)
    return []


CORE, SDK, DIST, POLICY = (
    "crates/demo-core/Cargo.toml",
    "crates/demo-sdk/Cargo.toml",
    "python/demo/pyproject.toml",
    "pyproject.toml",
)
LICENSE = 'license = "MIT"\n'
DEPENDENCIES = f"{LICENSE}\n[dependencies]\n"
PRIVATE = 'demo-python = { path = "../../python/demo", version = "0.4.0" }\n'
SECOND = '\n[[tool.binoc-runbook.artifacts]]\nname = "demo-core"\nregistry = "crates.io"\npath = "crates/demo-core"\n'
TOOL = '[project]\nname = "tool"\nversion = "1"\n'
#: The check, the mistakes (a path, and a text that replaces another or is added), and a part of the remedy.
MISTAKES: list[tuple[Callable[[Any], list[Finding]], list[tuple[str, str, str]], str]] = [
    (stage("surface"), [(CORE, "publish = false\n", "")], ""),
    (stage("surface"), [(CORE, "publish = false\n", "publish = true\n")], ""),
    (stage("surface"), [(SDK, '"MIT"\n', '"MIT"\npublish = false\n')], ""),
    (stage("surface"), [(SDK, '"MIT"\n', '"MIT"\npublish = ["ours"]\n')], ""),
    (stage("surface"), [(SDK, "version.workspace = true\n", "")], "version"),
    (stage("surface"), [("tools/pyproject.toml", "", TOOL)], ""),
    (stage("surface"), [("tools/pyproject.toml", "", f'{TOOL}classifiers = ["Topic :: Security"]\n')], ""),
    (stage("surface"), [(DIST, '"demo"', '"other"')], "name"),
    (stage("surface"), [(DIST, "[project]\n", '[project]\nclassifiers = [\n  "Private :: X",\n]\n')], ""),
    (stage("surface"), [(POLICY, "crates/demo-sdk", "crates/demo-core")], "path"),
    (stage("surface"), [(SDK, LICENSE, f'{DEPENDENCIES}x = "*"\n')], ""),
    (stage("surface"), [(SDK, LICENSE, f'{DEPENDENCIES}x = {{ git = "https://localhost/x" }}\n')], ""),
    (
        stage("surface"),
        [(SDK, LICENSE, f'{DEPENDENCIES}x = {{ version = "1", registry-index = "https://localhost" }}\n')],
        "",
    ),
    (stage("surface"), [(SDK, LICENSE, f"{DEPENDENCIES}{PRIVATE}")], ""),
    (stage("surface"), [(SDK, LICENSE, f"{LICENSE}\n[dev-dependencies]\n{PRIVATE}")], ""),
    (stage("surface"), [(CORE, "publish = false\n", ""), (CORE, ', version = "0.4.0"', ""), (POLICY, "", SECOND)], ""),
    (policy, [(POLICY, 'remote = "origin"', 'remot = "origin"')], ""),
    (policy, [(POLICY, 'remote = "origin"', "push-timeout = true")], ""),
    (policy, [(POLICY, 'tag = "v{version}"', 'tag = "v"')], ""),
    (policy, [(POLICY, '["main", "release/*"]', '""')], ""),
    (policy, [(POLICY, '"origin"', '"git@localhost:x"')], ""),
    (policy, [(POLICY, '["git", "--version"]', '"git --version"')], ""),
    (policy, [(POLICY, '["git", "--version"]', "[]")], ""),
    (policy, [(POLICY, 'remote = "origin"', 'hidden-variables = ["*"]')], ""),
    (policy, [(POLICY, '"example/demo"', '"demo"')], ""),
    (policy, [(POLICY, '"publish.yml"', '".github/workflows/publish.yml"')], ""),
    (policy, [(POLICY, '"publish.yml"', '"publish"')], ""),
    (policy, [(POLICY, 'registry = "pypi"\n', "")], ""),
    (policy, [(POLICY, '"pypi"', '"npm"')], ""),
    (policy, [(POLICY, '"pypi-demo"', "2026-01-01")], ""),
    (policy, [(POLICY, '"crates-io"', '"pypi-demo"')], ""),
    (policy, [(POLICY, '"crates-io"', '"crates-io"\nplatforms = ["win_amd64"]')], ""),
    (policy, [(POLICY, '"pypi-demo"', '"pypi-demo"\nexample = "crates/demo-sdk"')], ""),
    (policy, [(POLICY, 'wheels = "cp310-abi3"\n', "")], ""),
    (policy, [(POLICY, '"cp310-abi3"', '"abi3-py310"')], ""),
    (policy, [(POLICY, '"manylinux_2_17_x86_64"', '"windows"')], ""),
    (policy, [(POLICY, '"manylinux_2_17_x86_64"', '"manylinux2014_x86_64"')], ""),
]


@pytest.mark.parametrize(("check", "changes", "part"), MISTAKES)
def test_finding_is_gone_after_the_edit(checkout, check, changes, part):
    for path, old, new in changes:
        file = checkout.root / path
        if old:
            checkout.edit(path, old, new)
        else:
            checkout.write(path, (file.read_text("utf-8") if file.exists() else "") + new)
    findings = [finding for finding in check(checkout) if finding.status in BAD and part in finding.remedy]
    assert len(findings) == 1, findings
    make_edit(checkout.root, findings[0])
    assert [finding for finding in check(checkout) if finding.status in BAD] == []


def test_branch_is_chosen_from_the_output_of_the_remedy(checkout, type_in_shell):
    branch_of_no_pattern(checkout)
    (finding,) = [finding for finding in stage("tree")(checkout) if finding.status in BAD]
    command, _, rest = finding.remedy.partition("; ")
    assert rest == "`git switch` to one"
    type_in_shell(f"git switch $({command} --format='%(refname:short)')")
    assert [finding for finding in stage("tree")(checkout) if finding.status in BAD] == []


def test_settings_of_the_environment_are_gone_after_the_remedy(type_in_shell, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "remote.origin.receivepack")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "git-receive-pack")
    check = "just check 0.4.0 | grep -q 'unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS'"
    type_in_shell(f"{check}; unset GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS; ! {check}")


# The list.

LISTED = tomllib.loads((ROOT / "tests/remedies.toml").read_text("utf-8"))["remedy"]
PATTERNS = [(re.compile(entry["pattern"]), entry.get("check")) for entry in LISTED]
REMEDIES = sorted(
    {
        (entry["check"], entry["remedy"])
        for path in sorted((ROOT / "tests/messages").glob("*.toml"))
        for entries in tomllib.loads(path.read_text("utf-8")).values()
        for entry in entries
        if entry["remedy"] and entry["status"] in BAD
    }
)


def matches(entry: tuple[re.Pattern[str], str | None], check: str, remedy: str) -> bool:
    pattern, only = entry
    return only in (None, check) and pattern.fullmatch(remedy) is not None


def test_every_remedy_is_listed_once():
    counts = {item: sum(matches(entry, *item) for entry in PATTERNS) for item in REMEDIES}
    assert {item: count for item, count in counts.items() if count != 1} == {}


def test_every_entry_of_the_list_is_the_remedy_of_a_message():
    unused = [entry[0].pattern for entry in PATTERNS if not any(matches(entry, *item) for item in REMEDIES)]
    assert unused == []


def test_every_entry_of_the_list_is_executed_or_has_a_reason():
    for entry in LISTED:
        keys = entry.keys() - {"pattern", "check"}
        assert keys in ({"test"}, {"covered", "why"}, {"decision"}), entry
        assert all(entry[key] for key in keys)


@pytest.mark.parametrize("test", sorted({entry.get("test") or entry.get("covered") for entry in LISTED} - {None}))
def test_test_of_a_remedy_exists(test):
    path, _, name = test.partition("::")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    assert any(isinstance(item, ast.FunctionDef) and item.name == name for item in tree.body)
