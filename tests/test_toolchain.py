"""The Rust version is in `rust-toolchain.toml` only: CI, the site and releases build with the same compiler."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TOOLCHAIN = tomllib.loads((ROOT / "rust-toolchain.toml").read_text("utf-8"))["toolchain"]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
#: The other files that start cargo or describe how to.
FILES = [*WORKFLOWS, *(ROOT / name for name in ("just", "justfile", ".ci/run", "pyproject.toml", "CONTRIBUTING.md"))]


def test_toolchain_is_one_release_with_the_linters():
    assert re.fullmatch(r"1\.\d+\.\d+", TOOLCHAIN["channel"])
    assert set(TOOLCHAIN["components"]) == {"clippy", "rustfmt"}


def test_toolchain_is_not_older_than_the_oldest_supported_rust():
    oldest = tomllib.loads((ROOT / "Cargo.toml").read_text("utf-8"))["workspace"]["package"]["rust-version"]
    pinned = [int(part) for part in TOOLCHAIN["channel"].split(".")]
    assert pinned >= [int(part) for part in oldest.split(".")]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_other_file_has_a_rust_version(path):
    text = path.read_text("utf-8")
    assert TOOLCHAIN["channel"] not in text
    assert not re.search(r"cargo \+|rustup default|RUSTUP_TOOLCHAIN(?!=stable )|rust-toolchain@", text)


def test_only_a_job_that_may_fail_uses_another_toolchain():
    jobs = {
        name: job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text("utf-8"))["jobs"].items()
        if any("latest-rust" in step.get("run", "") for step in job.get("steps", []))
    }
    assert {name: job.get("continue-on-error") for name, job in jobs.items()} == {"latest-rust": True}
