"""Crate files (Cargo book, *cargo package*): accepted by crates.io, made from the commit, and complete."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

from binoc_runbook.checks.dists.archives import TarArchive, check_size
from binoc_runbook.checks.dists.crates_io import check_crates_io_rules
from binoc_runbook.checks.dists.expectation import Defect, Expectation
from binoc_runbook.policy import CARGO_URLS, Artifact, normalised_label

#: In bytes; crates.io accepts no larger file.
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
    yield from _check_files(set(archive.paths()), expectation.packaged.get(artifact.name, "cargo was not run"))
    yield f"{len(archive.files)} files, as in `cargo package --list`"


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
        yield Defect(f"its Cargo.toml has the name `{package.get('name')}`, not `{artifact.name}`", edit)
    version = expectation.version.semver
    if package.get("version") != version:
        saw = f"its Cargo.toml has version `{package.get('version')}`, not `{version}`"
        yield Defect(saw, f"just set-version {version}")
    yield from check_crates_io_rules(package, edit)
    for label in expectation.policy.project_urls:
        if (key := normalised_label(label)) in CARGO_URLS and not package.get(key):
            yield Defect(f"its Cargo.toml has no `{key}`", edit)


def _check_files(names: set[str], packaged: frozenset[str] | str) -> Iterator[Defect]:
    """Compare the files with those that cargo packages at the same commit."""
    if isinstance(packaged, str):
        saw = f"its files could not be compared with `cargo package --list`: {packaged}"
        yield Defect(saw, "git switch --detach TAG, and run this again there", "unknown")
        return
    for name in sorted(names - packaged):
        yield Defect(f"contains `{name}`, which is not in `cargo package --list`")
    for name in sorted(packaged - names):
        yield Defect(f"has no `{name}`, which is in `cargo package --list`")


def _check_commit(data: bytes | None, expected: str | None) -> Iterator[Defect | str]:
    if data is None:
        yield Defect(f"has no `{_VCS}`, so its commit is unknown")
        return
    try:
        git = json.loads(data)["git"]
        commit, dirty = git["sha1"], git.get("dirty", False)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Defect(f"`{_VCS}` contains no commit")
        return
    if dirty:
        yield Defect("was built from a checkout with uncommitted changes", "git commit, then `just dist`")
    if expected is None:
        yield Defect("its commit could not be compared, because the released commit is unknown", "git fetch --tags")
    elif commit != expected:
        saw = f"was built from commit `{str(commit)[:12]}`, not `{expected[:12]}`"
        yield Defect(saw, f"git switch --detach {expected[:12]}, then `just dist`")
    else:
        yield f"built from commit `{expected[:12]}`"
