"""Whether a crate can be published, asked of the real cargo and of a registry on loopback."""

from __future__ import annotations

import hashlib
import os
import subprocess

import pytest

from binoc_runbook.cli import main
from binoc_runbook.dist.verify_crate import SEMVER_CHECKS, verify_crates
from binoc_runbook.rehearsal.registries import open_registries
from binoc_runbook.release.parameters import open_target
from binoc_runbook.version import Version
from binoc_runbook.world import World
from binoc_runbook.world.processes import Processes

pytestmark = pytest.mark.rehearsal

CRATE = "demo-sdk-0.4.0.crate"
TOKEN = "CARGO_REGISTRIES_REHEARSAL_TOKEN"


@pytest.fixture
def registries(tmp_path):
    with open_registries(tmp_path / "clients") as opened:
        yield opened


@pytest.fixture
def released(checkout, registries):
    """The same crate as the registry has had it since its last release."""
    environment = {**os.environ, **registries.environment, TOKEN: registries.crates.add_api_token()}
    command = ["cargo", "publish", "--package", "demo-sdk", "--locked", "--no-verify"]
    subprocess.run(command, cwd=checkout.root, env=environment, check=True, timeout=120, capture_output=True)


@pytest.fixture
def packaged(checkout, tmp_path):
    """The directory with the `.crate` that is to be uploaded."""
    directory = checkout.root.parent / "dist"
    directory.mkdir()
    command = ["cargo", "package", "--package", "demo-sdk", "--locked", "--no-verify"]
    command += ["--target-dir", str(tmp_path / "target")]
    subprocess.run(command, cwd=checkout.root, check=True, timeout=120, capture_output=True)
    (tmp_path / "target/package" / CRATE).rename(directory / CRATE)
    return directory


@pytest.fixture
def ask(checkout, packaged, registries):
    def run(directory=packaged, version="0.4.0", **options):
        target = open_target(World.real(checkout.root), Version.parse(version))
        target.world.processes.environment = {**registries.environment, "PATH": os.environ["PATH"]}
        return verify_crates(target, directory, lambda line: None, **options)

    return run


@pytest.fixture
def semver_checks(tmp_path, monkeypatch):
    """Puts a tool on PATH that answers as cargo-semver-checks does."""

    def make(code, said=""):
        tool = tmp_path / "bin" / "cargo-semver-checks"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\necho '{said}'\nexit {code}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")

    return make


def told(findings):
    return [(each.status, each.looked_at, each.saw) for each in findings]


def test_a_crate_that_compiles_and_is_what_cargo_packages_can_be_published(ask, packaged):
    digest = hashlib.sha256((packaged / CRATE).read_bytes()).hexdigest()
    assert told(ask()) == [
        ("ok", f"dist/{CRATE}", "has the description, licence and addresses that crates.io asks for"),
        ("ok", f"dist/{CRATE}", f"compiles, and is what cargo packages here: sha256 {digest}"),
        ("ok", "cargo info demo-sdk", "there is no release to compare with"),
    ]


def test_a_crate_of_another_commit_is_told_with_both_digests(ask, packaged, checkout):
    digest = hashlib.sha256((packaged / CRATE).read_bytes()).hexdigest()
    checkout.edit("crates/demo-sdk/src/lib.rs", "", "")
    checkout.commit("Another commit")
    (finding,) = ask().having("failed", "unknown")
    assert finding.saw.startswith(f"has sha256 {digest}, and cargo packages ")
    assert finding.saw.endswith(" here")


def test_a_crate_that_does_not_compile_from_its_own_files_is_failed_with_the_words_of_cargo(ask, checkout):
    checkout.write("crates/demo-sdk/src/lib.rs", 'pub const TEXT: &str = include_str!("../../../CHANGELOG.md");\n')
    checkout.commit()
    (finding,) = ask().having("failed", "unknown")
    assert finding.looked_at == "cargo package --locked --package demo-sdk"
    assert "failed to verify package tarball" in finding.saw


def test_a_crate_that_is_not_there_is_missing(ask, tmp_path):
    assert told(ask(tmp_path / "nowhere"))[0] == ("failed", f"dist/{CRATE}", "is missing")


def test_what_crates_io_would_refuse_is_told_before_anything_is_uploaded(checkout, tmp_path, registries, request):
    checkout.edit("crates/demo-sdk/Cargo.toml", 'license = "MIT"', 'license = "MIT"\nkeywords = ["two words"]')
    checkout.commit()
    failed = request.getfixturevalue("ask")().having("failed")
    assert [each.saw.partition(";")[0] for each in failed] == ["its Cargo.toml has the keyword `two words`"]


SAID = """\
    Checking demo-sdk v0.4.0 -> v0.4.0 (no change)
     Checked [   0.906s] 260 checks: 259 pass, 1 fail, 0 warn, 0 skip

--- failure function_missing: pub fn removed or renamed ---

Description:
Of this rule.
        ref: semver.html

Failed in:
  function demo_sdk::answer, previously in file ~/.cargo/registry/src/r-1/demo-sdk-0.4.0/src/lib.rs:1
  function demo_sdk::question, previously in file ~/.cargo/registry/src/r-1/demo-sdk-0.4.0/src/lib.rs:2

--- failure enum_variant_added: enum variant added on exhaustive enum ---

Failed in:
  variant Kind:New in src/lib.rs:9

     Summary semver requires new major version: 1 major and 0 minor checks failed
    Finished [   0.906s] demo-sdk"""
TOLD = (
    "demo-sdk v0.4.0 -> v0.4.0 (no change); 260 checks: 259 pass, 1 fail, 0 warn, 0 skip; "
    "semver requires new major version: 1 major and 0 minor checks failed; "
    "function_missing: function demo_sdk::answer, function demo_sdk::question; "
    "enum_variant_added: variant Kind:New in src/lib.rs:9"
)


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("code", "said", "status", "saw"),
    [
        (0, "", "ok", "compared with 0.4.0"),
        (100, SAID, "failed", TOLD),
        (101, "error: no answer", "unknown", "error: no answer"),
    ],
)
def test_the_public_api_is_compared_with_the_last_release(ask, semver_checks, code, said, status, saw):
    semver_checks(code, said)
    assert told(ask(version="0.4.1"))[-1] == (status, "cargo semver-checks --package demo-sdk", saw)


@pytest.fixture
def no_tool(checkout, monkeypatch):
    """Hides the tool that this machine may have, but not one below the checkout."""
    find = Processes.find

    def here(own, name):
        found = find(own, name)
        return found if "semver" not in name or str(found).startswith(str(checkout.root)) else None

    monkeypatch.setattr(Processes, "find", here)


@pytest.mark.usefixtures("released", "no_tool")
def test_without_the_tool_it_is_unknown_what_became_of_the_public_api(ask):
    finding = ask(version="0.4.1")[-1]
    assert (finding.status, finding.remedy) == ("unknown", "just verify-crate --install")
    assert finding.saw == "`cargo-semver-checks` is not installed, and 0.4.0 is released: nobody compared the two"


@pytest.mark.usefixtures("released", "no_tool")
def test_the_tool_is_installed_where_it_is_missing_and_used_from_there(ask, checkout, registries, tmp_path):
    name, version = SEMVER_CHECKS.split("@")
    tool = tmp_path / "tool"
    (tool / "src").mkdir(parents=True)
    (tool / "Cargo.toml").write_text(
        f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2024"\ndescription = "It."\nlicense = "MIT"\n'
    )
    (tool / "src/main.rs").write_text('fn main() { println!("    Checking {:?}", std::env::args().nth(1)); }\n')
    environment = {**os.environ, **registries.environment, TOKEN: registries.crates.add_api_token()}
    command = ["cargo", "publish", "--no-verify"]
    subprocess.run(command, cwd=tool, env=environment, check=True, timeout=120, capture_output=True)
    finding = told(ask(version="0.4.1", install=True))[-1]
    assert finding == ("ok", "cargo semver-checks --package demo-sdk", 'Some("semver-checks")')
    assert (checkout.root / "target/tools/bin" / name).is_file()


@pytest.mark.usefixtures("released", "no_tool")
def test_a_tool_that_cannot_be_installed_leaves_it_unknown(ask):
    finding = ask(version="0.4.1", install=True)[-1]
    assert finding.status == "unknown"
    assert finding.saw.startswith(f"`{SEMVER_CHECKS}` could not be installed (")
    assert "could not find `cargo-semver-checks`" in finding.saw


@pytest.mark.usefixtures("released", "no_tool")
def test_a_version_that_is_out_already_is_not_compared_with_itself(ask):
    finding = ask(install=True)[-1]
    assert (finding.status, finding.saw) == ("ok", "0.4.0 is out already, and its API can change no more")


@pytest.mark.usefixtures("no_tool")
def test_nothing_is_installed_while_there_is_no_release_to_compare_with(ask, checkout):
    assert ask(install=True)[-1].saw == "there is no release to compare with"
    assert not (checkout.root / "target/tools").exists()


@pytest.mark.usefixtures("released", "no_tool")
@pytest.mark.parametrize(
    ("version", "status"),
    [("0.4.1", "unknown"), ("0.3.9", "unknown"), ("0.5.0", "ok"), ("0.5.0-rc.1", "ok"), ("1.0.0", "ok")],
)
def test_only_a_version_that_may_break_nothing_is_compared(ask, version, status):
    finding = ask(version=version)[-1]
    assert finding.status == status
    assert (f"{version} is a version that may break what it promised" in finding.saw) == (status == "ok")


def test_while_the_registry_does_not_answer_it_is_unknown_whether_there_was_a_release(ask, registries):
    registries.environment["CARGO_NET_RETRY"] = "0"
    registries.crates.close()
    finding = ask()[-1]
    assert (finding.status, finding.looked_at) == ("unknown", "cargo info demo-sdk")


def test_the_command_tells_by_its_exit_code(checkout, packaged, registries, monkeypatch, capsys):
    for name, value in registries.environment.items():
        monkeypatch.setenv(name, value)
    command = ["--root", str(checkout.root), "verify-crate", "--dists"]
    assert main([*command, str(packaged)]) == 0
    assert main([*command, "nowhere"]) == 1
    assert f"nowhere/{CRATE}: is missing" in capsys.readouterr().out
    monkeypatch.setenv("CARGO_NET_RETRY", "0")
    registries.crates.close()
    assert main([*command, str(packaged)]) == 1
    assert "1 unknown; a real release stops here" in capsys.readouterr().err
