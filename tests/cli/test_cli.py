"""Command `binoc-runbook`: exit codes, output streams, and unchanged checkouts."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys

import pytest

from binoc_runbook.cli import main
from binoc_runbook.display.text import POINT_OF_NO_RETURN
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.world.push_command import push_command


@pytest.fixture
def typed(checkout, capsys, monkeypatch):
    """Return a function that runs a command line in the checkout: exit code, standard output, standard error."""
    monkeypatch.chdir(checkout.root)

    def run(*arguments):
        code = main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def everything(checkout):
    """Return everything that a check must not change: files, local refs and remote refs."""
    status = checkout.git("status", "--porcelain", "--ignored", cwd=checkout.root)
    refs = checkout.git("for-each-ref", cwd=checkout.root)
    return status, refs, checkout.remote_refs()


@pytest.fixture
def findings(typed):
    """Return a function that runs a command with `--json`: exit code and findings."""

    def run(*arguments):
        code, out, _ = typed(*arguments, "--json")
        return code, json.loads(out)["findings"]

    return run


def having(findings, status):
    """Return the check and `looked_at` of the findings that have a status."""
    return [(finding["check"], finding["looked_at"]) for finding in findings if finding["status"] == status]


def test_check_of_a_releasable_checkout_passes_and_changes_nothing(typed, checkout):
    before = everything(checkout)
    code, out, err = typed("check")
    assert code == 0, out
    assert {line.split()[1] for line in out.splitlines() if line.startswith("  ")} == {"ok"}
    assert err.startswith("0.4.0: ")
    assert everything(checkout) == before


def test_check_as_json_has_the_documented_shape(typed):
    code, out, _ = typed("check", "--json")
    result = json.loads(out)
    assert code == 0
    assert set(result) == {"schema", "version", "findings"}
    assert (result["schema"], result["version"]) == (1, "0.4.0")
    assert {finding["check"] for finding in result["findings"]} == {"tree", "surface", "sync", "workflow", "remote"}
    for finding in result["findings"]:
        assert set(finding) == {"check", "status", "looked_at", "saw", "remedy"}


@pytest.mark.usefixtures("without_gitpython")
def test_check_of_a_directory_checks_only_the_built_files(findings, checkout):
    code, results = findings("check", "--dists", "dist")
    assert code == 1
    assert having(results, "failed") == [("dists", "dist")]
    (checkout.root / ".gitignore").write_text("/dist/\n")
    checkout.commit()
    (checkout.root / "dist").mkdir()
    code, results = findings("check", "--dists", "dist/", "--platforms", "all")
    assert code == 1
    assert len(results) == 4
    assert having(results, "failed") == [
        ("dists", "dist/demo-0.4.0.tar.gz"),
        ("dists", "dist/demo-0.4.0-cp310-abi3-manylinux_2_17_x86_64.whl"),
        ("dists", "dist/demo-sdk-0.4.0.crate"),
        ("dists", "dist/SHA256SUMS"),
    ]


def test_dist_does_not_empty_a_directory_with_other_files(typed, checkout):
    before = everything(checkout)
    code, out, _ = typed("dist", "--out", ".")
    assert (code, out) == (1, "")
    assert everything(checkout) == before


def test_check_reports_the_line_of_a_wrong_version(findings, checkout):
    checkout.edit("Cargo.toml", 'version = "0.4.0"', 'version = "0.4.1"')
    checkout.commit()
    code, results = findings("check")
    assert code == 1
    (finding,) = (finding for finding in results if finding["looked_at"] == "Cargo.toml:6")
    assert (finding["check"], finding["status"]) == ("sync", "failed")
    assert "`0.4.1`" in finding["saw"]
    assert "just set-version 0.4.0" in finding["remedy"]


def test_check_reports_a_private_crate_without_publish_false(findings, checkout):
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false\n", "")
    checkout.commit()
    code, results = findings("check")
    assert code == 1
    assert ("surface", "crates/demo-core/Cargo.toml:2") in having(results, "failed")


def test_check_of_another_version_shows_the_commands_that_set_it(typed):
    code, out, _ = typed("check", "0.5.0")
    assert code == 1
    assert "just set-version 0.5.0" in out
    assert "just prepare 0.5.0" in out


def test_unknown_is_reported_and_fails_only_a_strict_check(typed, findings, checkout):
    checkout.git("remote", "remove", "origin", cwd=checkout.root)
    code, results = findings("check")
    assert code == 0
    assert [check for check, _ in having(results, "unknown")] == ["remote"]
    assert "1 unknown" in typed("check")[2]
    assert typed("check", "--strict")[0] == 1


def test_unknown_fails_only_a_strict_check_of_built_files(typed, checkout, monkeypatch):
    checkout.write("dist/SHA256SUMS", "")
    unknown = Findings([Finding.unknown("smoke-test", "the wheels", "no wheel can be installed here", "just dist")])
    monkeypatch.setattr("binoc_runbook.dist.inspect.inspect", lambda *_, **__: unknown)
    assert typed("check", "--dists", "dist")[0] == 0
    assert typed("check", "--dists", "dist", "--strict")[0] == 1


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warning", 0), ("unknown", 1)])
def test_unknown_fails_only_a_strict_verification(typed, checkout, monkeypatch, status, code):
    def run_notebook(root, *_):
        checkout.write("runs/verify-0.4.0.json", json.dumps({"findings": [{"status": status}]}))
        return 0

    monkeypatch.setattr("binoc_runbook.notebook.execute.run_notebook", run_notebook)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # tests allow only the rehearsal world
    assert typed("verify")[0] == 0
    assert typed("verify", "--strict")[0] == code


def test_strict_check_of_a_releasable_checkout_passes(typed):
    assert typed("check", "--strict")[0] == 0


def test_other_version_of_zizmor_is_a_warning_and_fails_a_strict_check(typed, monkeypatch, tmp_path):
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
def test_invalid_version_is_refused_with_a_remedy(typed, checkout, version):
    before = everything(checkout)
    for command in ("check", "plan", "release", "rehearse", "set-version", "prepare"):
        code, out, err = typed(command, version)
        assert (code, out) == (1, ""), command
        assert "  → " in err
    assert everything(checkout) == before


def test_manifest_that_cannot_be_parsed_is_reported_with_its_line(findings, checkout):
    checkout.edit("crates/demo-core/Cargo.toml", "publish = false", "publish = = false")
    code, results = findings("check")
    assert code == 1
    assert "crates/demo-core/Cargo.toml:5" in {place for _, place in having(results, "failed")}


def test_unknown_key_in_the_policy_is_refused_with_a_similar_key(typed, checkout):
    checkout.edit("pyproject.toml", 'remote = "origin"', 'remotee = "origin"')
    code, out, err = typed("check")
    assert (code, out) == (1, "")
    assert "pyproject.toml:4" in err
    assert "`remote`" in err


def test_refusal_is_printed_as_json_after_json(typed, checkout):
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
def test_check_without_cargo_is_unknown(findings):
    code, results = findings("check")
    assert code == 0
    unknown = [finding for finding in results if finding["status"] == "unknown"]
    assert {finding["check"] for finding in unknown} == {"surface", "sync"}
    assert "`cargo`" in unknown[0]["saw"]
    assert "rustup" in unknown[0]["remedy"]


@pytest.mark.usefixtures("no_cargo")
def test_set_version_prepare_and_check_tag_require_cargo(typed, checkout):
    for command in (("set-version", "0.5.0"), ("prepare", "0.5.0"), ("check-tag", "refs/tags/v0.4.0")):
        code, _, err = typed(*command)
        assert code == 1, command
        assert "`cargo`" in err
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


@pytest.mark.usefixtures("no_cargo")
def test_inspect_without_cargo_lists_the_manifests(typed):
    code, out, err = typed("inspect")
    assert code == 0
    rows = [line.split("\t") for line in out.splitlines()]
    assert ["demo-sdk", "cargo", "?", "crates/demo-sdk/Cargo.toml", "publishable"] in rows
    assert ["demo-core", "cargo", "?", "crates/demo-core/Cargo.toml", "private"] in rows
    assert "`cargo`" in err


@pytest.fixture
def cargo_starts(monkeypatch, tmp_path):
    """Return a function that returns the arguments of each start of cargo until now."""
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
def test_cargo_is_started_once_for_each_workspace_root(command, typed, checkout, cargo_starts):
    checkout.edit("Cargo.toml", 'resolver = "3"', 'resolver = "3"\nexclude = ["fuzz"]')
    checkout.write("fuzz/Cargo.toml", '[package]\nname = "fuzz"\npublish = false\n')
    checkout.write("fuzz/src/lib.rs", "")
    checkout.commit()
    code, out, err = typed(*command)
    assert code == 0, out + err
    starts = [start for start in cargo_starts() if "metadata" in start]
    root = os.path.realpath(checkout.root)
    starts = [start.replace(f"--manifest-path={root}/", "--manifest-path=") for start in starts]
    read = [start.rpartition("--manifest-path=")[2] for start in starts]
    # After the edit of its lock file, a workspace is read again.
    again = ["Cargo.toml"] if command[0] in ("set-version", "prepare") else []
    assert sorted(read) == [*again, "Cargo.toml", "fuzz/Cargo.toml"]
    assert [start.rpartition("--manifest-path=")[2] for start in starts if "--locked" in start] == (
        ["Cargo.toml"] if again or command[0] == "check" else []
    )


def test_directory_outside_a_clone_can_be_inspected_but_not_released(capsys, tmp_path):
    assert main(["--root", str(tmp_path), "inspect", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "packages": [], "orphans": []}
    # Without a refusal, a check would read all clones below the directory.
    (tmp_path / "my clone/.git").mkdir(parents=True)
    (tmp_path / "my clone/Cargo.toml").write_text("[")
    for command in (["check"], ["plan"], ["release", "0.4.0"], ["set-version", "0.5.0"], ["dist"], ["setup-check"]):
        assert main([*command, "-C", str(tmp_path)]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert f"binoc-runbook -C 'my clone' {command[0]}" in captured.err
        assert "Cargo.toml" not in captured.err


def test_missing_root_directory_is_refused(capsys, tmp_path):
    assert main(["--root", str(tmp_path / "gone"), "inspect"]) == 1
    assert f"--root {tmp_path / 'gone'}" in capsys.readouterr().err


def test_root_is_accepted_before_and_after_the_command(capsys, checkout, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    root, below = str(checkout.root), str(checkout.root / "crates")
    for arguments in (["--root", root, "plan"], ["plan", "--root", root], ["-C", below, "plan"], ["plan", "-C", below]):
        assert main(arguments) == 0
        assert "push-tag" in capsys.readouterr().out


def test_inspect_as_json_has_the_documented_shape(typed):
    code, out, _ = typed("inspect", "--json")
    result = json.loads(out)
    assert code == 0
    assert result["schema"] == 1
    by_name = {(package["ecosystem"], package["name"]): package for package in result["packages"]}
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


def test_inspect_lists_every_package(typed):
    code, out, err = typed("inspect")
    assert (code, err) == (0, "")
    rows = [line.split("\t") for line in out.splitlines()]
    assert ["demo-sdk", "cargo", "0.4.0", "Cargo.toml:6", "publishable"] in rows
    assert {row[0] for row in rows} == {"demo", "demo-core", "demo-python", "demo-sdk", "orphan"}


def test_plan_shows_the_point_of_no_return_and_the_exact_commands(typed, checkout):
    before = everything(checkout)
    code, out, _ = typed("plan", "0.4.0")
    assert code == 0
    assert POINT_OF_NO_RETURN in out
    assert shlex.join(push_command("origin", f"{checkout.head()}:refs/heads/main")) in out
    assert f"git tag --annotate --cleanup=whitespace --file=- v0.4.0 {checkout.head()}" in out
    assert everything(checkout) == before


def test_plan_as_json_has_the_same_stages_and_commands(typed):
    code, out, _ = typed("plan", "0.4.0", "--json")
    stages = json.loads(out)["stages"]
    assert code == 0
    assert [stage["reach"] for stage in stages].count("local") == 7
    assert stages[-1]["commands"] == [list(push_command("origin", "refs/tags/v0.4.0:refs/tags/v0.4.0"))]


def test_set_version_updates_all_manifests_and_check_passes(typed, checkout):
    code, _, err = typed("set-version", "0.5.0-rc.1")
    assert code == 0, err
    assert "Cargo.toml:6: `0.4.0` → `0.5.0-rc.1`" in err
    accepted = ["cargo", "metadata", "--locked", "--offline", "--format-version=1"]
    assert subprocess.run(accepted, cwd=checkout.root, capture_output=True, check=False).returncode == 0
    _, out, _ = typed("check", "0.5.0-rc.1")
    assert "just set-version" not in out


def test_set_version_reports_a_crate_missing_from_the_lock_file(typed, checkout):
    checkout.edit("Cargo.lock", '[[package]]\nname = "demo-sdk"\nversion = "0.4.0"\n', "")
    code, _, err = typed("set-version", "0.5.0")
    assert code == 1
    assert "`demo-sdk`" in err
    assert "cargo update --workspace --manifest-path Cargo.toml" in err
    assert checkout.git("diff", "--name-only", cwd=checkout.root) == "Cargo.lock"
    subprocess.run(["cargo", "update", "--workspace", "--offline"], cwd=checkout.root, check=True)
    assert typed("set-version", "0.5.0")[0] == 0


def test_set_version_and_back_changes_no_byte(typed, checkout):
    typed("set-version", "0.5.0")
    typed("set-version", "0.4.0")
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


def test_prepare_updates_the_changelog_and_prints_the_next_commands(typed, checkout):
    checkout.edit("CHANGELOG.md", "## [Unreleased]\n", "## [Unreleased]\n\n### Fixed\n\n- A mistake.\n")
    code, out, err = typed("prepare", "0.5.0")
    assert code == 0, err
    text = (checkout.root / "CHANGELOG.md").read_text()
    assert text.index("## [Unreleased]") < text.index("## [0.5.0] - ") < text.index("- A mistake.")
    assert "git switch -c prepare-0.5.0" in out
    assert "./just release 0.5.0" in out
    checkout.commit("Prepare 0.5.0")
    assert typed("check", "0.5.0")[0] == 0


def test_prepare_with_an_unreadable_changelog_changes_nothing(typed, checkout):
    (checkout.root / "CHANGELOG.md").write_bytes(b"# Changelog\n\xff\n")
    checkout.commit()
    code, out, err = typed("prepare", "0.5.0")
    assert (code, out) == (1, "")
    assert "CHANGELOG.md" in err
    assert checkout.git("status", "--porcelain", cwd=checkout.root) == ""


def test_prepare_warns_about_an_empty_changelog_section(typed):
    code, _, err = typed("prepare", "0.5.0")
    assert code == 0
    assert "! warning  CHANGELOG.md" in err


def test_closed_pipe_causes_no_traceback(checkout):
    command = f"{sys.executable} -m binoc_runbook.cli --root '{checkout.root}' check | head -n 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.fixture
def notebook_runs(monkeypatch, checkout):
    """Return the list of the parameters of runbook runs, which only write an empty record."""
    runs = []

    def run_notebook(root, parameters, record, *_):
        runs.append(parameters)
        # The record of a rehearsal is named after the version of the manifests.
        stem = record.stem if record.stem != "rehearsal" else "rehearsal-0.4.0"
        checkout.write(f"runs/{stem}.json", '{"schema": 1}\n')
        return 0

    monkeypatch.setattr("binoc_runbook.notebook.execute.run_notebook", run_notebook)
    return runs


def test_dry_run_of_a_release_needs_no_confirmation(typed, notebook_runs, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # tests allow only the rehearsal world
    assert typed("release", "0.4.0")[0] == 1  # standard input is not a terminal
    assert notebook_runs == []
    assert typed("release", "0.4.0", "--dry-run")[0] == 0
    assert typed("release", "0.4.0", "--yes")[0] == 0
    assert [run["dry_run"] for run in notebook_runs] == [True, False]


@pytest.mark.usefixtures("notebook_runs")
def test_json_of_a_run_is_its_record(typed, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    for command in (["release", "0.4.0", "--dry-run"], ["rehearse"], ["rehearse", "0.4.0"], ["verify"]):
        code, out, _ = typed(*command, "--json")
        assert (code, json.loads(out)) == (0, {"schema": 1}), command
    code, out, _ = typed("rehearse", "--quick", "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["looked_at"] == "--json"


def test_json_of_a_run_without_a_record_is_a_finding(typed, checkout, monkeypatch):
    checkout.write("runs/0.4.0.json", '{"schema": 1}\n')  # of an earlier run
    monkeypatch.setattr("binoc_runbook.notebook.execute.run_notebook", lambda *_: 1)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    code, out, _ = typed("release", "0.4.0", "--dry-run", "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["looked_at"] == "runs/0.4.0.json"
