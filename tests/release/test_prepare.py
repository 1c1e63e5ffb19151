"""`set-version` and `prepare`: new versions, complete edits, and the repair of interrupted ones."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from binoc_runbook.cli import main
from binoc_runbook.release.parameters import open_target
from binoc_runbook.release.prepare import prepare_version, write_version
from binoc_runbook.version import Version
from binoc_runbook.world import World

V = Version.parse

CRATE = '[package]\nname = "{}"\nversion = "0.1.0"\nedition = "2021"\nlicense = "MIT"\ndescription = "d"\n'


@pytest.fixture
def workspace(tmp_path, git):
    """Return a function that creates a clone with these files and its remote, and returns its root."""

    def create(files):
        root = tmp_path / "small"
        git("init", "--quiet", "--initial-branch=main", str(root))
        git("init", "--quiet", "--bare", str(tmp_path / "small.git"))
        git("remote", "add", "origin", str(tmp_path / "small.git"), cwd=root)
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, "utf-8")
            if path.endswith("Cargo.toml") and "[package]" in text:
                (root / path).parent.joinpath("src").mkdir()
                (root / path).parent.joinpath("src/lib.rs").touch()
        git("add", "--all", cwd=root)
        git("commit", "--quiet", "-m", "A workspace", cwd=root)
        return root

    return create


def set_version(root, version="0.2.0"):
    return write_version(open_target(World.real(root), V(version)))


def prepare(root, version="0.2.0", **options):
    return prepare_version(open_target(World.real(root), V(version)), **options)


def status_of(findings, place):
    (status,) = {finding.status for finding in findings if finding.looked_at == place}
    return status


def cargo(root, *arguments):
    command = ["cargo", *arguments, "--offline", "--quiet"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def is_clean(root, git):
    return git("status", "--porcelain", cwd=root) == ""


# New versions.


@pytest.mark.parametrize(
    ("tags", "version", "place"),
    [
        (["v0.5.0"], "0.5.0", "refs/tags/v0.5.0"),
        (["v0.5.0", "v0.4.0"], "0.4.9", "refs/tags/v0.5.0"),
        (["v0.5.0"], "0.5.0-rc.1", "refs/tags/v0.5.0"),
        (["v0.5.0"], "0.5.1", None),
        (["v0.5.0-rc.1", "other-9.0.0", "v1", "v9"], "0.5.0", None),
        ([], "0.4.0", None),
    ],
)
def test_tagged_and_lower_versions_are_refused(checkout, git, tags, version, place):
    for tag in tags:
        git("tag", tag, cwd=checkout.root)
    findings = prepare(checkout.root, version)
    assert [finding.looked_at for finding in findings.having("failed")] == ([place] if place else [])
    if place:
        assert is_clean(checkout.root, git)
        assert prepare(checkout.root, version, any_version=True).status != "failed"


def test_version_that_only_the_remote_has_is_refused(checkout, git):
    git("tag", "-a", "-m", "x", "v0.5.0", cwd=checkout.root)
    git("push", "--quiet", "origin", "refs/tags/v0.5.0", cwd=checkout.root)
    git("tag", "-d", "v0.5.0", cwd=checkout.root)
    (finding,) = prepare(checkout.root, "0.5.0").having("failed")
    assert (finding.looked_at, finding.remedy) == ("refs/tags/v0.5.0 on the remote", "just prepare 0.5.1")
    assert is_clean(checkout.root, git)


def test_unreachable_remote_and_registries_are_unknown_and_do_not_stop(checkout, git, unreachable_registries):
    git("remote", "set-url", "origin", str(checkout.root / "gone"), cwd=checkout.root)
    findings = prepare(checkout.root, "0.5.0")
    assert findings.status == "unknown"
    assert [finding.looked_at for finding in findings.having("unknown")] == [
        "git ls-remote origin",
        "the package index: demo==0.5.0",
        "the crate registry: demo-sdk@=0.5.0",
    ]
    assert "0.5.0" in (checkout.root / "CHANGELOG.md").read_text()


def test_repeated_command_changes_nothing(checkout, git):
    prepare(checkout.root, "0.5.0")
    before = git("diff", cwd=checkout.root)
    assert prepare(checkout.root, "0.5.0").having("failed") == ()
    assert git("diff", cwd=checkout.root) == before


# Complete edits.


def test_missing_changelog_is_created(workspace):
    root = workspace({"Cargo.toml": CRATE.format("one"), "Cargo.lock": ""})
    cargo(root, "update", "--workspace")
    assert prepare(root).having("failed") == ()
    assert (root / "CHANGELOG.md").read_text().startswith("# Changelog\n\n## [0.2.0] - 20")
    assert (root / "CHANGELOG.md").stat().st_mode & 0o777 == root.stat().st_mode & 0o666


def test_workspace_without_a_lock_file_needs_no_confirmation(workspace):
    root = workspace({"Cargo.toml": CRATE.format("one"), "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n- x\n"})
    assert set_version(root).having("failed", "unknown") == ()
    assert prepare(root).having("failed") == ()
    assert "## [0.2.0]" in (root / "CHANGELOG.md").read_text()
    assert not (root / "Cargo.lock").exists()


STALE = (
    '# This file is automatically @generated by Cargo.\nversion = 4\n\n[[package]]\nname = "gone"\nversion = "1.0.0"\n'
)


def test_stale_lock_file_of_another_workspace_is_left_alone(workspace):
    private = CRATE.format("fuzz") + "publish = false\n[workspace]\n"
    root = workspace(
        {
            "Cargo.toml": CRATE.format("one") + '[workspace]\nexclude = ["fuzz"]\n',
            "fuzz/Cargo.toml": private,
            "fuzz/Cargo.lock": STALE,
        }
    )
    cargo(root, "generate-lockfile")
    findings = set_version(root)
    assert findings.having("failed") == ()
    assert "0.2.0" in (root / "Cargo.lock").read_text()
    assert (root / "fuzz/Cargo.lock").read_text() == STALE
    assert "`fuzz` 0.1.0" in next(finding.saw for finding in findings if finding.looked_at == "other packages")


@pytest.mark.parametrize("command", [set_version, prepare])
def test_stale_lock_file_of_the_edited_workspace_changes_nothing(workspace, git, command):
    root = workspace({"Cargo.toml": CRATE.format("one"), "Cargo.lock": STALE})
    (finding,) = command(root).having("failed")
    assert finding.looked_at == "cargo metadata --locked --offline --manifest-path Cargo.toml"
    assert is_clean(root, git)
    assert cargo(root, *finding.remedy.split()[1:]).returncode == 0
    assert command(root).having("failed") == ()


def test_requirement_on_a_patched_crate_is_edited(workspace):
    requirements = '[dependencies]\nlib = "0.1.0"\nother = { package = "lib2", version = "0.1" }\n'
    root = workspace(
        {
            "Cargo.toml": '[workspace]\nresolver = "2"\nmembers = ["lib", "lib2", "app"]\n'
            '[patch.crates-io]\nlib = { path = "lib" }\nlib2 = { path = "lib2" }\n',
            "lib/Cargo.toml": CRATE.format("lib"),
            "lib2/Cargo.toml": CRATE.format("lib2"),
            "app/Cargo.toml": CRATE.format("app") + requirements,
        }
    )
    assert cargo(root, "generate-lockfile").returncode == 0
    assert set_version(root).having("failed", "unknown") == ()
    assert 'lib = "0.2.0"\nother = { package = "lib2", version = "0.2" }' in (root / "app/Cargo.toml").read_text()
    assert cargo(root, "metadata", "--locked", "--format-version=1").returncode == 0


@pytest.mark.parametrize("version", ["0.2.0", "0.2.0-rc.1"])
def test_uv_lock_is_edited(workspace, version):
    backend = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    project = '[project]\nname = "{}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
    root = workspace(
        {
            "pyproject.toml": backend + project.format("one") + 'dependencies = ["two==0.1.0"]\n'
            '[tool.uv.workspace]\nmembers = ["two"]\n[tool.uv.sources]\ntwo = { workspace = true }\n',
            "two/pyproject.toml": backend + project.format("two"),
        }
    )
    uv = ["uv", "lock", "--offline", "--no-config", "--python", sys.executable]
    subprocess.run(uv, cwd=root, capture_output=True, check=True)
    findings = set_version(root, version)
    assert findings.having("failed", "unknown", "warning") == ()
    assert subprocess.run([*uv, "--check"], cwd=root, capture_output=True, check=False).returncode == 0
    assert (root / "uv.lock").read_text().count(f'version = "{V(version).pep440}"') == 2


def test_requirement_on_a_package_that_uv_locked_from_an_index_is_a_warning(workspace):
    files = {
        "a/pyproject.toml": '[project]\nname = "a"\nversion = "0.1.0"\ndependencies = ["b==0.1.0"]\n',
        "a/uv.lock": 'version = 1\n\n[[package]]\nname = "a"\nversion = "0.1.0"\nsource = { virtual = "." }\n',
        "b/pyproject.toml": '[project]\nname = "b"\nversion = "0.1.0"\n',
    }
    findings = set_version(workspace(files))
    assert [finding.looked_at for finding in findings.having("warning")] == ["a/uv.lock"]


def test_independent_versions_are_not_lowered(workspace, git):
    other = CRATE.format("b").replace("0.1.0", "2.3.0")
    root = workspace({"a/Cargo.toml": CRATE.format("a"), "b/Cargo.toml": other})
    (finding,) = set_version(root).having("failed")
    assert finding.looked_at == "b/Cargo.toml:3"
    assert is_clean(root, git)


def test_unchanged_values_are_listed(checkout):
    checkout.write("docs/pyproject.toml", '[project]\nname = "docs"\nversion = "1.0"\ndependencies = ["demo>=0.3"]\n')
    checkout.edit("python/demo/Cargo.toml", "version.workspace = true", 'version = "0.0.0"')
    checkout.edit("Cargo.lock", 'demo-python"\nversion = "0.4.0"', 'demo-python"\nversion = "0.0.0"')
    findings = {finding.looked_at: finding for finding in set_version(checkout.root, "0.5.0")}
    assert "`docs` 1.0" in findings["other packages"].saw
    assert "demo-sdk" not in findings["other packages"].saw


def test_links_of_the_changelog_with_an_unknown_form_are_a_warning(checkout):
    text = "# Changelog\n\n## [Unreleased]\n\n- x\n\n[Unreleased]: https://example.org/new\n"
    checkout.write("CHANGELOG.md", text)
    checkout.commit()
    findings = prepare(checkout.root, "0.5.0")
    assert status_of(findings.having("warning"), "CHANGELOG.md") == "warning"
    assert "[0.5.0]:" not in (checkout.root / "CHANGELOG.md").read_text()


# Files that are not regular.


@pytest.mark.parametrize("path", ["Cargo.toml", "crates/demo-sdk/Cargo.toml", "Cargo.lock", "pyproject.toml"])
@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_manifest_that_is_not_a_regular_file_is_reported(checkout, capsys, path, kind):
    replace_by(checkout.root / path, kind)
    for command in (["check", "0.4.0"], ["set-version", "0.5.0"], ["prepare", "0.5.0"]):
        assert main(["--root", str(checkout.root), *command]) == 1
        captured = capsys.readouterr()
        assert "not a regular file" in captured.out + captured.err


@pytest.mark.parametrize("path", ["CHANGELOG.md", ".github/workflows/publish.yml", "justfile"])
def test_other_file_that_is_not_a_regular_file_is_reported(checkout, capsys, path):
    replace_by(checkout.root / path, "fifo")
    code = main(["--root", str(checkout.root), "check", "0.4.0"])
    assert (code == 1) == (path != "justfile") or "just" in capsys.readouterr().out


def replace_by(path, kind):
    path.unlink(missing_ok=True)
    os.mkfifo(path) if kind == "fifo" else path.symlink_to("/dev/zero")


def test_long_version_is_shortened(checkout, capsys):
    for version in ("9" * 10_000, "0.4.0\n" * 50):
        assert main(["--root", str(checkout.root), "set-version", version]) == 1
        assert len(capsys.readouterr().err) < 500


# Interrupted edits.

_KILLED = """
import os, signal, sys, threading
from pathlib import Path
from binoc_runbook.cli import main
call, lock, calls = int(sys.argv[1]), threading.Lock(), 0
def counted(real):
    def function(*arguments, **options):
        global calls
        with lock:
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **options)
    return function
os.fsync, Path.replace, Path.chmod = counted(os.fsync), counted(Path.replace), counted(Path.chmod)
sys.exit(main(sys.argv[2:]))
"""


def run_killed(root, call, *arguments):
    """Run a command that is killed at a call of a function that writes; return its exit code."""
    source = str(Path(__file__).parents[2] / "src")
    command = [sys.executable, "-c", _KILLED, str(call), "--root", str(root), *arguments]
    return subprocess.run(
        command, env={**os.environ, "PYTHONPATH": source}, capture_output=True, timeout=120, check=False
    ).returncode


@pytest.mark.race  # files are written in parallel
@pytest.mark.parametrize("command", ["set-version", "prepare"])
@pytest.mark.parametrize("call", sorted(random.Random(11).sample(range(1, 13), 4)))
def test_same_command_completes_a_killed_one(checkout, git, capsys, command, call):
    root = ["--root", str(checkout.root)]
    code = run_killed(checkout.root, call, command, "0.5.0")
    interrupted = git("status", "--porcelain", cwd=checkout.root)
    assert code in (-signal.SIGKILL, 0)
    if code:
        assert main([*root, "check", "0.5.0"]) == 1
        reported = capsys.readouterr().out
        for line in interrupted.splitlines():
            if line.endswith(".set-version"):
                assert f"{line[3:]}: `set-version` or `prepare` was killed" in reported
    assert main([*root, command, "0.5.0"]) == 0
    assert ".set-version" not in git("status", "--porcelain", "--ignored", cwd=checkout.root)
    completed = git("diff", cwd=checkout.root)
    git("checkout", "--quiet", ".", cwd=checkout.root)
    assert main([*root, command, "0.5.0"]) == 0
    assert git("diff", cwd=checkout.root) == completed


def test_leftover_file_is_a_warning_and_removed(checkout, capsys):
    checkout.write("crates/demo-sdk/.Cargo.toml.set-version", "half")
    root = ["--root", str(checkout.root)]
    assert main([*root, "check"]) == 0
    assert "just set-version 0.4.0" in capsys.readouterr().out
    assert main([*root, "set-version", "0.4.0"]) == 0
    assert not (checkout.root / "crates/demo-sdk/.Cargo.toml.set-version").exists()
    assert main([*root, "check", "--strict"]) == 0


def test_killed_prepare_without_its_changelog_is_reported(checkout, capsys):
    set_version(checkout.root, "0.5.0")
    checkout.commit()
    root = ["--root", str(checkout.root)]
    assert main([*root, "check"]) == 1
    assert "just prepare 0.5.0" in capsys.readouterr().out
    assert main([*root, "prepare", "0.5.0"]) == 0
