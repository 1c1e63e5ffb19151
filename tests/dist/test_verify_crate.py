"""Verification of crates with the real cargo and a local registry."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess

import pytest

from binoc_runbook.cli import main
from binoc_runbook.dist.verify_crate import SEMVER_CHECKS, verify_crates
from binoc_runbook.rehearsal.registries import open_registries
from binoc_runbook.release.parameters import open_target
from binoc_runbook.version import Version
from binoc_runbook.world import World
from binoc_runbook.world.processes import Processes

pytestmark = [pytest.mark.rehearsal, pytest.mark.usefixtures("without_gitpython")]

CRATE = "demo-sdk-0.4.0.crate"
TOKEN = "CARGO_REGISTRIES_REHEARSAL_TOKEN"


@pytest.fixture
def registries(tmp_path):
    with open_registries(tmp_path / "clients") as opened:
        yield opened


@pytest.fixture
def released(checkout, registries):
    """Publish the same crate to the registry, as its last release."""
    environment = {**os.environ, **registries.environment, TOKEN: registries.crates.add_api_token()}
    command = ["cargo", "publish", "--package", "demo-sdk", "--locked", "--no-verify"]
    subprocess.run(command, cwd=checkout.root, env=environment, check=True, timeout=120, capture_output=True)


@pytest.fixture
def packaged(checkout, tmp_path):
    """Return a directory with the `.crate` to upload."""
    directory = checkout.root.parent / "dist"
    directory.mkdir()
    command = ["cargo", "package", "--package", "demo-sdk", "--locked", "--no-verify"]
    command += ["--target-dir", str(tmp_path / "target")]
    subprocess.run(command, cwd=checkout.root, check=True, timeout=120, capture_output=True)
    (tmp_path / "target/package" / CRATE).rename(directory / CRATE)
    return directory


@pytest.fixture
def verify(checkout, packaged, registries):
    def run(directory=packaged, version="0.4.0", **options):
        target = open_target(World.real(checkout.root), Version.parse(version))
        target.world.processes.environment = {**registries.environment, "PATH": os.environ["PATH"]}
        return verify_crates(target, directory, lambda line: None, **options)

    return run


@pytest.fixture
def semver_checks(tmp_path, monkeypatch):
    """Return a function that puts a substitute for cargo-semver-checks on PATH."""

    def make(code, output=""):
        tool = tmp_path / "bin" / "cargo-semver-checks"
        tool.parent.mkdir()
        tool.write_text(f"#!/bin/sh\necho '{output}'\nexit {code}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")

    return make


def test_crate_that_is_equal_to_the_output_of_cargo_is_ok(verify, packaged):
    digest = hashlib.sha256((packaged / CRATE).read_bytes()).hexdigest()
    findings = verify()
    assert [(finding.status, finding.looked_at) for finding in findings] == [
        ("ok", f"dist/{CRATE}"),
        ("ok", f"dist/{CRATE}"),
        ("ok", "cargo info demo-sdk"),
    ]
    assert digest in findings[1].saw


def test_crate_of_another_commit_is_failed_with_both_digests(verify, packaged, checkout):
    digest = hashlib.sha256((packaged / CRATE).read_bytes()).hexdigest()
    checkout.edit("crates/demo-sdk/src/lib.rs", "", "")
    checkout.commit("Another commit")
    (finding,) = verify().having("failed", "unknown")
    assert finding.looked_at == f"dist/{CRATE}"
    digests = re.findall("[0-9a-f]{64}", finding.saw)
    assert len(set(digests)) == 2
    assert digest in digests


def test_crate_that_does_not_compile_is_failed_with_the_error_of_cargo(verify, checkout):
    checkout.write("crates/demo-sdk/src/lib.rs", 'pub const TEXT: &str = include_str!("../../../CHANGELOG.md");\n')
    checkout.commit()
    (finding,) = verify().having("failed", "unknown")
    assert finding.looked_at == "cargo package --locked --package demo-sdk"
    assert "failed to verify package tarball" in finding.saw


def test_missing_crate_is_failed(verify, tmp_path):
    finding = verify(tmp_path / "nowhere")[0]
    assert (finding.status, finding.looked_at) == ("failed", f"dist/{CRATE}")


def test_metadata_that_crates_io_refuses_is_failed(checkout, tmp_path, registries, request):
    checkout.edit("crates/demo-sdk/Cargo.toml", 'license = "MIT"', 'license = "MIT"\nkeywords = ["two words"]')
    checkout.commit()
    (finding,) = request.getfixturevalue("verify")().having("failed")
    assert finding.looked_at == f"dist/{CRATE}"
    assert "`two words`" in finding.saw


OUTPUT = """\
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
SUMMARY = (
    "demo-sdk v0.4.0 -> v0.4.0 (no change); 260 checks: 259 pass, 1 fail, 0 warn, 0 skip; "
    "semver requires new major version: 1 major and 0 minor checks failed; "
    "function_missing: function demo_sdk::answer, function demo_sdk::question; "
    "enum_variant_added: variant Kind:New in src/lib.rs:9"
)


@pytest.mark.usefixtures("released")
@pytest.mark.parametrize(
    ("code", "output", "status", "summary"),
    [
        (0, "", "ok", "0.4.0"),
        (100, OUTPUT, "failed", SUMMARY),
        (101, "error: no answer", "unknown", "error: no answer"),
    ],
)
def test_public_api_is_compared_with_the_last_release(verify, semver_checks, code, output, status, summary):
    semver_checks(code, output)
    finding = verify(version="0.4.1")[-1]
    assert (finding.status, finding.looked_at) == (status, "cargo semver-checks --package demo-sdk")
    assert summary in finding.saw


@pytest.fixture
def no_tool(checkout, monkeypatch):
    """Hide a tool that is installed on this machine, but not one below the checkout."""
    find = Processes.find

    def find_below_checkout(self, name):
        path = find(self, name)
        return path if "semver" not in name or str(path).startswith(str(checkout.root)) else None

    monkeypatch.setattr(Processes, "find", find_below_checkout)


@pytest.mark.usefixtures("released", "no_tool")
def test_public_api_is_unknown_without_the_tool(verify):
    finding = verify(version="0.4.1")[-1]
    assert (finding.status, finding.remedy) == ("unknown", "just verify-crate --install")
    assert "`cargo-semver-checks`" in finding.saw


@pytest.mark.usefixtures("released", "no_tool")
def test_missing_tool_is_installed_and_used(verify, checkout, registries, tmp_path):
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
    finding = verify(version="0.4.1", install=True)[-1]
    assert (finding.status, finding.looked_at) == ("ok", "cargo semver-checks --package demo-sdk")
    assert 'Some("semver-checks")' in finding.saw
    assert (checkout.root / "target/tools/bin" / name).is_file()


@pytest.mark.usefixtures("released", "no_tool")
def test_public_api_is_unknown_if_the_tool_cannot_be_installed(verify):
    finding = verify(version="0.4.1", install=True)[-1]
    assert finding.status == "unknown"
    assert f"`{SEMVER_CHECKS}`" in finding.saw
    assert "could not find `cargo-semver-checks`" in finding.saw


@pytest.mark.usefixtures("released", "no_tool")
def test_published_version_is_not_compared_with_itself(verify, checkout):
    finding = verify(install=True)[-1]
    assert (finding.status, finding.looked_at) == ("ok", "cargo info demo-sdk")
    assert not (checkout.root / "target/tools").exists()


@pytest.mark.usefixtures("no_tool")
def test_tool_is_not_installed_without_a_release_to_compare_with(verify, checkout):
    assert verify(install=True)[-1].status == "ok"
    assert not (checkout.root / "target/tools").exists()


@pytest.mark.usefixtures("released", "no_tool")
@pytest.mark.parametrize(
    ("version", "status"),
    [("0.4.1", "unknown"), ("0.3.9", "unknown"), ("0.5.0", "ok"), ("0.5.0-rc.1", "ok"), ("1.0.0", "ok")],
)
def test_version_that_allows_breaking_changes_is_not_compared(verify, version, status):
    looked_at = "cargo info demo-sdk" if status == "ok" else "cargo semver-checks --package demo-sdk"
    finding = verify(version=version)[-1]
    assert (finding.status, finding.looked_at) == (status, looked_at)


def test_last_release_is_unknown_if_the_registry_does_not_respond(verify, registries):
    registries.environment["CARGO_NET_RETRY"] = "0"
    registries.crates.close()
    finding = verify()[-1]
    assert (finding.status, finding.looked_at) == ("unknown", "cargo info demo-sdk")


def test_exit_codes_of_the_command(checkout, packaged, registries, monkeypatch, capsys):
    for name, value in registries.environment.items():
        monkeypatch.setenv(name, value)
    command = ["--root", str(checkout.root), "verify-crate", "--dists"]
    assert main([*command, str(packaged)]) == 0
    assert main([*command, "nowhere"]) == 1
    assert f"nowhere/{CRATE}" in capsys.readouterr().out
    monkeypatch.setenv("CARGO_NET_RETRY", "0")
    registries.crates.close()
    assert main([*command, str(packaged)]) == 1
    assert "1 unknown" in capsys.readouterr().err
