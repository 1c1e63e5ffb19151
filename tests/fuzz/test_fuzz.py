"""Tests of the fuzz targets; `cargo test` runs their functions with a few inputs, and `just fuzz` with a fuzzer."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

from .targets import ROOT, SEEDS, find_targets, write_crate


def test_targets_have_unique_names():
    names = [target.name for target in find_targets()]
    assert len(names) == len(set(names))
    assert {"stdlib-delimited", "cli-snapshots", "core-parts"} <= set(names)


def test_generated_crate_has_a_binary_for_each_target(tmp_path):
    targets = find_targets()
    write_crate(tmp_path, targets)
    manifest = tomllib.loads((tmp_path / "Cargo.toml").read_text("utf-8"))
    assert [binary["name"] for binary in manifest["bin"]] == [target.name for target in targets]
    assert all((tmp_path / binary["path"]).is_file() for binary in manifest["bin"])
    assert all(Path(manifest["dependencies"][target.crate]["path"]).is_dir() for target in targets)
    assert SEEDS.is_dir()


def test_missing_tools_are_named(tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-m", "tests.fuzz", "1"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "rustup toolchain install nightly" in result.stderr
    assert "cargo install cargo-fuzz --locked" in result.stderr
