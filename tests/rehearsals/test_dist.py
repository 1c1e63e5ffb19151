"""What `dist` builds, with the real cargo and maturin: the same bytes in every folder, and nothing of it in them."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from binoc_runbook.checks.dists import HOST, dists
from binoc_runbook.cli import main
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version

pytestmark = pytest.mark.rehearsal

#: A program needs no crate but our own, so this asks no registry, and is compiled in a second.
PROGRAM = {
    "Cargo.toml": """\
[workspace]
members = ["crates/demo-sdk", "crates/demo-core", "python/demo"]
resolver = "3"

[workspace.package]
version = "0.4.0"
edition = "2024"
license = "MIT"
repository = "https://github.com/harvard-lil/binoc"

[workspace.dependencies]
demo-sdk = { path = "crates/demo-sdk", version = "0.4.0" }
""",
    "Cargo.lock": """\
version = 4

[[package]]
name = "demo-core"
version = "0.4.0"
dependencies = [
 "demo-sdk",
]

[[package]]
name = "demo-python"
version = "0.4.0"
dependencies = [
 "demo-sdk",
]

[[package]]
name = "demo-sdk"
version = "0.4.0"
""",
    "crates/demo-sdk/Cargo.toml": """\
[package]
name = "demo-sdk"
version.workspace = true
edition.workspace = true
license.workspace = true
repository.workspace = true
description = "What plugins build on."
readme = "README.md"
""",
    "crates/demo-sdk/README.md": "For plugins.\n",
    "crates/demo-sdk/LICENSE": "MIT\n",
    "crates/demo-sdk/src/lib.rs": "pub fn place() -> &'static str { file!() }\n",
    "python/demo/Cargo.toml": """\
[package]
name = "demo-python"
version.workspace = true
edition.workspace = true
license.workspace = true
publish = false

[[bin]]
name = "demo"
path = "src/main.rs"

[dependencies]
demo-sdk.workspace = true
""",
    "python/demo/src/main.rs": 'fn main() { println!("{} {}", file!(), demo_sdk::place()); }\n',
    "python/demo/README.md": "A demonstration.\n",
    "python/demo/LICENSE": "MIT\n",
    "python/demo/pyproject.toml": """\
[build-system]
requires = ["maturin>=1.9"]
build-backend = "maturin"

[project]
name = "demo"
dynamic = ["version"]
readme = "README.md"
requires-python = ">=3.10"
license = "MIT"
license-files = ["LICENSE"]

[tool.maturin]
bindings = "bin"
strip = true
""",
}


@pytest.fixture
def program(checkout):
    for path, text in PROGRAM.items():
        checkout.write(path, text)
    checkout.write(".gitignore", "/target/\n/dist/\n")
    checkout.commit("A program")
    return checkout


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_same_commit_gives_the_same_bytes_in_every_folder_and_after_every_build(program, git, tmp_path):
    other = tmp_path / "a deeper" / "folder"
    git("clone", "--quiet", str(program.root), str(other))
    built = []
    for root in (program.root, other, other):
        assert main(["--root", str(root), "dist"]) == 0
        built.append(contents(root / "dist"))
    assert built[0] == built[1] == built[2]
    assert len(built[0]) == 4

    wheel = next((other / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        (sbom,) = (name for name in archive.namelist() if "/sboms/" in name)
        reference = json.loads(archive.read(sbom))["metadata"]["component"]["bom-ref"]
        told = b"".join(archive.read(name) for name in archive.namelist())
    assert reference.startswith("path+file://./python/demo#")
    assert str(tmp_path).encode() not in told

    # A program's wheel has no ABI to promise; everything else is as it must be.
    policy = Policy.load(other)
    found = dists(other / "dist", policy, Version.parse("0.4.0"), commit=program.head())
    assert {each.saw for each in found.having("failed")} == {
        f"the wheel for this host, {HOST}, is missing",
        "has the tags `py3-none`, and the policy promises `cp310-abi3`",
    }


def test_a_change_in_a_source_is_built_although_all_files_of_an_sdist_are_old(program):
    assert main(["--root", str(program.root), "dist"]) == 0
    before = contents(program.root / "dist")
    program.edit("crates/demo-sdk/src/lib.rs", "file!()", '"changed"')
    program.commit()
    assert main(["--root", str(program.root), "dist"]) == 0
    (wheel,) = (program.root / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert any(b"changed" in archive.read(name) for name in archive.namelist() if "/scripts/" in name)
    assert contents(program.root / "dist").keys() == before.keys()


def test_what_cannot_be_built_is_refused_with_the_words_of_the_tool(program, capsys):
    program.write("crates/demo-sdk/src/lib.rs", "pub fn place( {\n")
    program.commit()
    assert main(["--root", str(program.root), "dist"]) == 1
    told = capsys.readouterr().err
    assert "not everything could be built" in told
    assert "read `target/dist-build/logs/demo-wheel.log`" in told


def test_an_sdist_is_never_built_from_a_crate_that_the_lock_file_does_not_name(program, tmp_path, monkeypatch, capsys):
    cargo = tmp_path / "bin" / "cargo"
    cargo.parent.mkdir()
    cargo.write_text(
        "#!/bin/sh\n"
        'case "$PWD $1" in\n'
        "*dist-build/sources/*\\ metadata)\n"
        """printf '\\n[[package]]\\nname = "stranger"\\nversion = "1.0.0"\\n' >> Cargo.lock; exit 0;;\n"""
        "esac\n"
        f'exec "{shutil.which("cargo")}" "$@"\n'
    )
    cargo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{cargo.parent}{os.pathsep}{os.environ['PATH']}")
    assert main(["--root", str(program.root), "dist"]) == 1
    assert "would use `stranger` 1.0.0, which the lock file does not name" in capsys.readouterr().err
    assert not list((program.root / "dist").glob("*.whl"))
