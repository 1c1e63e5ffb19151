"""Benchmarks of reading, checking and editing many manifests, compared with cargo and tomlkit in the same run.

    python bench/manifests.py [--large]

Each workspace has 9 crates for each Python distribution, which maturin builds from one of them. All packages are
published. Every manifest has its own version and requires 3 other packages, which is the worst case.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import tomlkit
from timing import Row, alternately, ratio

from binoc_runbook.checks.surface import surface
from binoc_runbook.checks.sync import sync
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.cargo_metadata import CargoMetadata
from binoc_runbook.workspace.edit import apply, plan
from binoc_runbook.world import World

OLD, NEW = Version.parse("0.4.0"), Version.parse("0.5.0")
POLICY = Policy()

ROOT = """\
[workspace]
resolver = "2"
members = ["crates/*"]

[workspace.package]
edition = "2021"
license = "MIT"
repository = "https://example.org/many"
"""

CRATE = """\
# part {i} of many
[package]
name = "part-{i}"
version = "0.4.0"
edition.workspace = true
license.workspace = true
repository.workspace = true
description = "part {i}, which does one thing"
readme = "README.md"
keywords = ["data", "diff"]
categories = ["command-line-utilities"]

[lib]
name = "part_{i}"
path = "src/lib.rs"

[features]
default = ["std"]
std = []

[dependencies]
{requirements}serde = {{ version = "1.0.200", features = ["derive"] }}
serde_json = "1.0.117"
thiserror = "2"

[dev-dependencies]
tempfile = "3.10"

[lints.rust]
unsafe_code = "forbid"
"""

DISTRIBUTION = """\
[build-system]
requires = ["maturin>=1.9,<2"]
build-backend = "maturin"

[project]
name = "part-{i}-py"
version = "0.4.0"  # as the crate's
description = "part {i} for Python"
readme = "README.md"
requires-python = ">=3.10"
license = "MIT"
classifiers = ["Programming Language :: Rust", "Programming Language :: Python :: 3"]
dependencies = [
    "click>=8",
{requirements}]

[project.scripts]
part-{i} = "part_{i}:main"

[tool.maturin]
manifest-path = "../../crates/part-{i}/Cargo.toml"
features = ["pyo3/abi3-py310"]
"""


def build(root: Path, manifests: int) -> None:
    """Write a workspace with this number of manifests, a lock file and a changelog."""
    crates = manifests - manifests // 10 - 1
    lock = ["version = 4\n"]
    write(root / "Cargo.toml", ROOT)
    write(root / "CHANGELOG.md", "# Changelog\n\n## [0.4.0] - 2026-11-22\n\n- Many parts.\n")
    for i in range(crates):
        near = [j for j in (i - 1, i - 2, i - 3) if j >= 0]
        requirements = "".join(f'part-{j} = {{ path = "../part-{j}", version = "0.4.0" }}\n' for j in near)
        write(root / f"crates/part-{i}/Cargo.toml", CRATE.format(i=i, requirements=requirements))
        for file in ("src/lib.rs", "tests/basic.rs", "README.md"):
            write(root / f"crates/part-{i}" / file, "")
    for name in sorted(f"part-{i}" for i in range(crates)):
        lock.append(f'\n[[package]]\nname = "{name}"\nversion = "0.4.0"\n')
    write(root / "Cargo.lock", "".join(lock))
    for i in range(manifests // 10):
        near = [j for j in (i - 1, i - 2, i - 3) if j >= 0]
        requirements = "".join(f'    "part-{j}-py>=0.4.0,<0.5",\n' for j in near)
        write(root / f"python/part-{i}/pyproject.toml", DISTRIBUTION.format(i=i, requirements=requirements))


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def cargo(root: Path) -> bytes:
    command = ["cargo", "metadata", "--no-deps", "--format-version=1", "--offline"]
    return subprocess.run(command, cwd=root, capture_output=True, check=True).stdout


def check(root: Path, metadata: bytes) -> None:
    """Run the checks of the stages surface and sync with the given output of `cargo metadata`."""
    workspace = Workspace.discover(root, lambda manifest: CargoMetadata.parse(metadata))
    findings = surface(workspace, POLICY) + sync(workspace, POLICY, OLD).having("failed", "unknown")
    assert {finding.looked_at for finding in findings.having("failed", "unknown")} <= {"CHANGELOG.md"}


def set_version(root: Path) -> None:
    """Set the version to the new one, or back to the old one; this includes running cargo."""
    workspace = World.real(root).workspace()
    changes = plan(workspace, POLICY, NEW if workspace.packages[0].version == OLD.semver else OLD)
    assert changes.edits
    assert not changes.problems
    assert not apply(changes.edits)


def parse(root: Path) -> None:
    for pattern in ("crates/*/Cargo.toml", "python/*/pyproject.toml", "Cargo.toml"):
        for file in root.glob(pattern):
            tomlkit.parse(file.read_text())


def measure(sizes: Sequence[int] = (10, 100, 1000), rounds: int = 5) -> list[Row]:
    """Return the rows about manifests: discovery and checks for each size, editing for 1,000 manifests."""
    with tempfile.TemporaryDirectory(prefix="binoc-bench-") as directory:
        roots = [Path(directory) / str(size) for size in sizes]
        for root, size in zip(roots, sizes, strict=True):
            build(root, size)
        checks = [partial(check, root, cargo(root)) for root in roots]
        edited = Path(directory) / "edited"
        build(edited, 1000)
        times = alternately(
            rounds,
            *checks,
            *(partial(cargo, root) for root in roots),
            partial(set_version, edited),
            partial(parse, edited),
        )
    check_times, cargo_times = times[: len(sizes)], times[len(sizes) : 2 * len(sizes)]
    rows = [
        ratio(f"discovering and checking {size:,} manifests", 1, check_time, cargo_time, "`cargo metadata --no-deps`")
        for size, check_time, cargo_time in zip(sizes, check_times, cargo_times, strict=True)
        if size >= 1000  # smaller workspaces take milliseconds
    ]
    per_manifest = [seconds / size for seconds, size in zip(check_times, sizes, strict=True)]
    growth = per_manifest[-1] / per_manifest[0]
    detail = ", ".join(f"{size:,}: {1e6 * seconds:.0f} µs" for size, seconds in zip(sizes, per_manifest, strict=True))
    operation = f"the same for each manifest, from {sizes[0]:,} to {sizes[-1]:,}"
    return [
        *rows,
        Row(operation, "under 1.5 x", f"{growth:.2f} x", growth < 1.5, detail),
        ratio("`set-version` on 1,000 manifests", 2, *times[-2:], "parsing them with tomlkit"),
    ]


if __name__ == "__main__":
    large = "--large" in sys.argv[1:]
    for row in measure((10, 100, 1000, 10_000) if large else (10, 100, 1000)):
        print(f"{row.operation:50} {row.result:>8}  {row.limit:12} {'ok' if row.ok else 'MISSED':6}  {row.detail}")
