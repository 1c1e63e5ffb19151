"""Crate files (Cargo book, *cargo package*): accepted by crates.io, made from the commit, and complete."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from binoc_runbook.checks.dists.archives import TarArchive, check_size
from binoc_runbook.checks.dists.crates_io import check_crates_io_rules
from binoc_runbook.checks.dists.expectation import Defect, Expectation
from binoc_runbook.policy import Artifact

#: In bytes; crates.io takes no larger one.
SMALLEST, LARGEST = 200, 10 * 2**20
_VCS = ".cargo_vcs_info.json"


def inspect_crate(path: Path, artifact: Artifact, expectation: Expectation) -> Iterator[Defect | str]:
    """Check the content of a `.crate` with the right file name."""
    yield from check_size(path, SMALLEST, LARGEST)
    archive = TarArchive(path, path.name.removesuffix(".crate"))
    yield from archive.defects
    if not archive.files:
        return
    yield from archive.check_required("Cargo.toml", "LICENSE", "README")
    if (manifest := archive.get("Cargo.toml")) is not None:
        yield from _check_manifest(manifest, artifact, expectation)
    yield from _check_commit(archive.get(_VCS), expectation.commit)
    yield from _check_files(set(archive.paths()), expectation.packaged.get(artifact.name, "cargo was not asked"))
    yield f"{len(archive.files)} files, as `cargo package --list` has them"


def _check_manifest(data: bytes, artifact: Artifact, expectation: Expectation) -> Iterator[Defect]:
    edit = f"edit `{artifact.path}/Cargo.toml`, then `just dist`"
    try:
        package = tomllib.loads(data.decode("utf-8")).get("package", {})
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        yield Defect(f"its Cargo.toml cannot be read: {error}")
        return
    if not isinstance(package, dict):
        package = {}
    if package.get("name") != artifact.name:
        yield Defect(f"its Cargo.toml is of `{package.get('name')}`, not of `{artifact.name}`", edit)
    version = expectation.version.semver
    if package.get("version") != version:
        saw = f"its Cargo.toml says version `{package.get('version')}`, and `{version}` is to be released"
        yield Defect(saw, f"just set-version {version}")
    yield from check_crates_io_rules(package, edit)


def _check_files(names: set[str], packaged: frozenset[str] | str) -> Iterator[Defect]:
    """Compare the files with those that cargo would package at the same commit."""
    if isinstance(packaged, str):
        saw = f"its files could not be compared with those that cargo packages: {packaged}"
        yield Defect(saw, "git switch --detach TAG, and ask there", "unknown")
        return
    for name in sorted(names - packaged):
        yield Defect(f"holds `{name}`, which `cargo package --list` does not name")
    for name in sorted(packaged - names):
        yield Defect(f"has no `{name}`, which `cargo package --list` names")


def _check_commit(data: bytes | None, expected: str | None) -> Iterator[Defect | str]:
    if data is None:
        yield Defect(f"has no `{_VCS}`, so nothing says which commit it was made from")
        return
    try:
        git = json.loads(data)["git"]
        commit, dirty = git["sha1"], git.get("dirty", False)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Defect(f"`{_VCS}` names no commit")
        return
    if dirty:
        yield Defect("was made from a checkout with changes that no commit holds", "git commit, then `just dist`")
    if expected is None:
        yield Defect("there is no commit to compare it with", "git fetch --tags")
    elif commit != expected:
        saw = f"was made from commit `{str(commit)[:12]}`, and `{expected[:12]}` is released"
        yield Defect(saw, "just dist, at that commit")
    else:
        yield f"made from commit `{expected[:12]}`"
