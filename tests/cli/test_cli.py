"""The command `binoc-runbook`, as it is typed: exit codes, what goes to which stream, and what it never does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from binoc_runbook.cli import main


@pytest.fixture
def typed(checkout, capsys, monkeypatch):
    """Types a command line in the checkout; returns exit code, standard output and standard error."""
    monkeypatch.chdir(checkout.root)

    def run(*arguments):
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def everything(checkout):
    """All that a question must not change: the files, the refs here and there, and git's own state."""
    status = checkout.git("status", "--porcelain", "--ignored", cwd=checkout.root)
    refs = checkout.git("for-each-ref", cwd=checkout.root)
    return status, refs, checkout.remote_refs()


def test_check_of_a_releasable_checkout_finds_nothing_and_changes_nothing(typed, checkout):
    before = everything(checkout)
    code, out, err = typed("check")
    assert code == 0, out
    assert "everything holds" in err
    assert everything(checkout) == before


def test_check_as_json_has_the_documented_shape(typed):
    code, out, _ = typed("check", "--json")
    told = json.loads(out)
    assert code == 0
    assert set(told) == {"schema", "version", "findings"}
    assert (told["schema"], told["version"]) == (1, "0.4.0")
    assert {finding["check"] for finding in told["findings"]} == {"tree", "surface", "sync", "workflow", "remote"}
    for finding in told["findings"]:
        assert set(finding) == {"check", "status", "looked_at", "saw", "remedy"}


def test_check_of_a_directory_asks_about_what_was_built_and_nothing_else(typed, checkout):
    code, out, _ = typed("check", "--dists", "dist")
    assert code == 1
    assert "just dist" in out
    (checkout.root / ".gitignore").write_text("/dist/\n")
    checkout.commit()
    (checkout.root / "dist").mkdir()
    code, out, _ = typed("check", "--dists", "dist/", "--platforms", "all", "--json")
    found = json.loads(out)["findings"]
    assert {each["check"] for each in found} == {"dists"}
    assert code == 1
    assert [each["looked_at"] for each in found] == [
        "dist/demo-0.4.0.tar.gz",
        "dist/demo-0.4.0-cp310-abi3-manylinux_2_17_x86_64.whl",
        "dist/demo-sdk-0.4.0.crate",
        "dist/SHA256SUMS",
    ]
    assert {each["saw"] for each in found} == {"is missing", "the wheel is missing"}


def test_dist_empties_no_directory_that_holds_more_than_an_earlier_build(typed, checkout):
    before = everything(checkout)
    code, out, err = typed("dist", "--out", ".")
    assert (code, out) == (1, "")
    assert "which no build has put there" in err
    assert everything(checkout) == before


def test_check_names_the_line_of_the_one_version_that_was_edited(typed, checkout):
    checkout.edit("Cargo.toml", 'version = "0.4.0"', 'version = "0.4.1"')
    checkout.commit()
    code, out, _ = typed("check")
    assert code == 1
    assert "Cargo.toml:6" in out
    assert "`0.4.1`" in out
    assert "just set-version 0.4.0" in out


def test_check_names_the_crate_that_lost_its_publish_false(typed, checkout):
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    checkout.commit()
    code, out, _ = typed("check")
    assert code == 1
    assert "`demo-core` can be published to crates.io" in out
    assert "crates/demo-core/Cargo.toml" in out


def test_check_of_another_version_says_what_every_place_says_instead(typed):
    code, out, _ = typed("check", "0.5.0")
    assert code == 1
    assert "just set-version 0.5.0" in out
    assert "just prepare 0.5.0" in out


def test_an_unknown_does_not_fail_a_question_and_is_not_hidden(typed, checkout):
    checkout.git("remote", "remove", "origin", cwd=checkout.root)
    code, out, err = typed("check")
    assert code == 0
    assert "this clone has no remote `origin`" in out
    assert "1 unknown; a real release stops here" in err
    assert typed("check", "--strict")[0] == 1


def test_a_strict_check_of_a_releasable_checkout_fails_nothing(typed):
    assert typed("check", "--strict")[0] == 0


def test_another_zizmor_is_a_warning_and_fails_a_strict_check(typed, monkeypatch, tmp_path):
    (tmp_path / "zizmor").write_text("#!/bin/sh\necho zizmor 0.9.0\n")
    (tmp_path / "zizmor").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))  # programs next to it come first
    code, out, err = typed("check")
    assert code == 0
    assert "install zizmor==" in out
    assert "1 warning" in err
    code, _, err = typed("check", "--strict")
    assert code == 1
    assert "1 unknown" in err


@pytest.mark.parametrize("version", ["0.4", "v0.4.0", "0.4.0rc1", "0.4.0-1", "0.4.0+build", "", "1.2.3.4"])
def test_a_version_that_cannot_be_released_is_refused_with_what_to_type(typed, checkout, version):
    before = everything(checkout)
    for command in ("check", "plan", "release", "rehearse", "set-version", "prepare"):
        code, out, err = typed(command, version)
        assert (code, out) == (1, ""), command
        assert "nothing was done" in err
        assert "→" in err
    assert everything(checkout) == before


def test_a_manifest_that_does_not_parse_is_named_with_line_and_column(typed, checkout):
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false", "publish = = false")
    code, out, _ = typed("check")
    assert code == 1
    assert "crates/demo-core/Cargo.toml:5" in out
    assert "column" in out


def test_a_policy_with_an_unknown_key_is_refused_with_the_one_that_was_meant(typed, checkout):
    checkout.edit("pyproject.toml", 'remote = "origin"', 'remotee = "origin"')
    code, out, err = typed("check")
    assert (code, out) == (1, "")
    assert "pyproject.toml:4" in err
    assert "`remote`" in err


def test_a_refusal_is_json_too_where_json_was_asked_for(typed, checkout):
    checkout.edit("pyproject.toml", 'remote = "origin"', 'remotee = "origin"')
    code, out, err = typed("check", "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["status"] == "failed"
    assert err == ""


@pytest.fixture
def no_cargo(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_the_missing_toolchain_is_unknown_and_stops_a_release(typed):
    code, out, err = typed("check", "--json")
    assert code == 0
    assert json.loads(out)["version"] == "0.4.0"
    unknown = [finding for finding in json.loads(out)["findings"] if finding["status"] == "unknown"]
    assert {finding["check"] for finding in unknown} == {"surface", "sync"}
    assert "`cargo` was not found on PATH" in unknown[0]["saw"]
    assert "rustup" in unknown[0]["remedy"]
    code, _, err = typed("check")
    assert "a real release stops here" in err


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_no_version_is_set_and_no_tag_is_published_from(typed, checkout):
    for command in (("set-version", "0.5.0"), ("prepare", "0.5.0"), ("check-tag", "refs/tags/v0.4.0")):
        code, _, err = typed(*command)
        assert code == 1, command
        assert "`cargo` was not found on PATH" in err
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


@pytest.mark.usefixtures("no_cargo")
def test_without_cargo_inspect_lists_the_manifests(typed):
    code, out, err = typed("inspect")
    assert code == 0
    rows = [line.split("\t") for line in out.splitlines()]
    assert ["demo-sdk", "cargo", "?", "crates/demo-sdk/Cargo.toml", "publishable"] in rows
    assert ["demo-core", "cargo", "?", "crates/demo-core/Cargo.toml", "private"] in rows
    assert "`cargo` was not found on PATH" in err


@pytest.fixture
def cargo_starts(monkeypatch, tmp_path):
    """The arguments of each start of cargo, as a list that grows."""
    log, program = tmp_path / "cargo.log", tmp_path / "bin/cargo"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec "{shutil.which("cargo")}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    log.touch()
    return lambda: log.read_text().splitlines()


@pytest.mark.parametrize(
    "command",
    [
        ("inspect",),
        ("check",),
        ("check", "0.4.0"),
        ("check-tag", "refs/tags/v0.4.0"),
        ("set-version", "0.5.0"),
        ("prepare", "0.5.0"),
    ],
    ids=" ".join,
)
def test_cargo_is_started_once_for_each_root(command, typed, checkout, cargo_starts):
    checkout.edit("Cargo.toml", 'resolver = "3"', 'resolver = "3"\nexclude = ["fuzz"]')
    checkout.write("fuzz/Cargo.toml", '[package]\nname = "fuzz"\npublish = false\n')
    checkout.write("fuzz/src/lib.rs", "")
    checkout.commit()
    code, out, err = typed(*command)
    assert code == 0, out + err
    assert sorted(start.rpartition("--manifest-path=")[2] for start in cargo_starts()) == [
        "Cargo.toml",
        "fuzz/Cargo.toml",
    ]


def test_a_directory_that_is_no_clone_can_be_inspected_and_is_no_release(capsys, tmp_path):
    assert main(["--root", str(tmp_path), "inspect", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "packages": [], "orphans": []}
    assert main(["check", "0.4.0", "--root", str(tmp_path)]) == 1
    assert "not a git repository" in capsys.readouterr().out


def test_a_root_that_is_no_directory_is_refused(capsys, tmp_path):
    assert main(["--root", str(tmp_path / "gone"), "inspect"]) == 1
    assert "is no directory" in capsys.readouterr().err


def test_another_checkout_is_pointed_at_before_or_after_the_command(capsys, checkout, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for arguments in (["--root", str(checkout.root), "plan"], ["plan", "--root", str(checkout.root)]):
        assert main(arguments) == 0
        assert "push-tag" in capsys.readouterr().out


def test_inspect_as_json_has_the_documented_shape(typed):
    code, out, _ = typed("inspect", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["schema"] == 1
    by_name = {(package["ecosystem"], package["name"]): package for package in told["packages"]}
    assert by_name["cargo", "demo-sdk"] == {
        "ecosystem": "cargo",
        "name": "demo-sdk",
        "manifest": "crates/demo-sdk/Cargo.toml",
        "version": "0.4.0",
        "version_source": "Cargo.toml:6",
        "publishable": True,
    }
    assert by_name["pypi", "demo"]["version"] == "0.4.0"
    assert not by_name["cargo", "demo-core"]["publishable"]


def test_inspect_for_people_names_every_package(typed):
    code, out, err = typed("inspect")
    assert (code, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert ["demo-sdk", "cargo", "0.4.0", "Cargo.toml:6", "publishable"] in rows
    assert {row[0] for row in rows} == {"demo", "demo-core", "demo-python", "demo-sdk", "orphan"}


def test_the_plan_shows_the_line_and_the_exact_commands(typed, checkout):
    before = everything(checkout)
    code, out, _ = typed("plan", "0.4.0")
    assert code == 0
    assert "the line" in out
    assert f"git push --porcelain origin {checkout.head()}:refs/heads/main" in out
    assert f"git tag --annotate --cleanup=whitespace --file=- v0.4.0 {checkout.head()}" in out
    assert everything(checkout) == before


def test_the_plan_as_json_is_the_same_plan(typed, checkout):
    code, out, _ = typed("plan", "0.4.0", "--json")
    told = json.loads(out)
    assert code == 0
    assert [stage["reach"] for stage in told["stages"]].count("local") == 7
    assert told["stages"][-1]["commands"] == [
        ["git", "push", "--porcelain", "origin", "refs/tags/v0.4.0:refs/tags/v0.4.0"]
    ]


def test_set_version_moves_every_place_and_check_agrees(typed, checkout):
    code, _, err = typed("set-version", "0.5.0-rc.1")
    assert code == 0, err
    assert "Cargo.toml:6: `0.4.0` → `0.5.0-rc.1`" in err
    accepted = ["cargo", "metadata", "--locked", "--offline", "--format-version=1"]
    assert subprocess.run(accepted, cwd=checkout.root, capture_output=True, check=False).returncode == 0
    _, out, _ = typed("check", "0.5.0-rc.1")
    assert "just set-version" not in out


def test_set_version_names_a_crate_that_the_lock_file_lacks(typed, checkout):
    checkout.edit("Cargo.lock", '[[package]]\nname = "demo-sdk"\nversion = "0.4.0"\n', "")
    code, _, err = typed("set-version", "0.5.0")
    assert code == 1
    assert "`demo-sdk`" in err
    assert "cargo update --workspace --manifest-path Cargo.toml" in err


def test_set_version_there_and_back_changes_no_byte(typed, checkout):
    typed("set-version", "0.5.0")
    typed("set-version", "0.4.0")
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


def test_prepare_is_the_way_to_a_bump(typed, checkout):
    checkout.edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- A mistake.\n")
    code, out, err = typed("prepare", "0.5.0")
    assert code == 0, err
    text = (checkout.root / "CHANGELOG.md").read_text()
    assert text.index("## [Unreleased]") < text.index("## [0.5.0] - ") < text.index("- A mistake.")
    assert "git switch -c prepare-0.5.0" in out
    assert "./just release 0.5.0" in out
    # As the commands say; then the checkout is ready.
    checkout.commit("Prepare 0.5.0")
    assert typed("check", "0.5.0")[0] == 0


def test_prepare_changes_nothing_when_the_changelog_cannot_be_read(typed, checkout):
    (checkout.root / "CHANGELOG.md").write_bytes(b"# Changelog\n\xff\n")
    checkout.commit()
    code, out, err = typed("prepare", "0.5.0")
    assert (code, out) == (1, "")
    assert "save `CHANGELOG.md` as UTF-8" in err
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


def test_prepare_says_when_there_is_nothing_in_the_changelog_to_release(typed):
    code, _, err = typed("prepare", "0.5.0")
    assert code == 0
    assert "the section `0.5.0` is empty" in err


def test_an_unknown_command_is_a_mistake_of_usage():
    done = subprocess.run([sys.executable, "-m", "binoc_runbook.cli", "relaese"], capture_output=True, check=False)
    assert done.returncode == 2


def test_whoever_reads_only_the_first_line_causes_no_complaint(checkout):
    command = f"{sys.executable} -m binoc_runbook.cli --root '{checkout.root}' check | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "present"),
    [(["rehearse", "--trouble", "lost-answer"], "--fault"), (["verify", "--patience", "5"], "--timeout")],
)
def test_a_former_option_is_a_usage_error_with_the_present_one(typed, present, capsys):
    with pytest.raises(SystemExit) as error:
        main(typed)
    assert error.value.code == 2
    assert present in capsys.readouterr().err
