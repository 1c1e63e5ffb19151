"""What a `.crate` holds (Cargo book, *cargo package*): what crates.io takes, made from the commit, and nothing else."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.crates_io import crates_io
from binoc_runbook.checks.dists.problem import Problem, sized
from binoc_runbook.checks.dists.sdist import Tar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from binoc_runbook.checks.dists.problem import Answer, Wanted
    from binoc_runbook.policy import Artifact

#: In bytes; crates.io takes no larger one.
SMALLEST, LARGEST = 200, 10 * 2**20
_VCS = ".cargo_vcs_info.json"


@dataclass(frozen=True, slots=True)
class Crate:
    """The package of an artifact for crates.io."""

    artifact: Artifact

    def inspect(self, path: Path, wanted: Wanted) -> Iterator[Answer]:
        """Look into a `.crate`, whose name is known to be right."""
        yield from sized(path, SMALLEST, LARGEST)
        archive = Tar(path, path.name.removesuffix(".crate"))
        yield from archive.problems
        if not archive.files:
            return
        yield from archive.lacks("Cargo.toml", "LICENSE", "README")
        if (manifest := archive.get("Cargo.toml")) is not None:
            yield from self._manifest(manifest, wanted)
        yield from _commit(archive.get(_VCS), wanted)
        yield from _packaged(set(archive.paths()), wanted.packaged.get(self.artifact.name, "cargo was not asked"))
        yield f"{len(archive.files)} files, as `cargo package --list` has them"

    def _manifest(self, data: bytes, wanted: Wanted) -> Iterator[Problem]:
        edit = f"edit `{self.artifact.path}/Cargo.toml`, then `just dist`"
        try:
            package = tomllib.loads(data.decode("utf-8")).get("package", {})
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            yield Problem(f"its Cargo.toml cannot be read: {error}")
            return
        if not isinstance(package, dict):
            package = {}
        if package.get("name") != self.artifact.name:
            yield Problem(f"its Cargo.toml is of `{package.get('name')}`, not of `{self.artifact.name}`", edit)
        if package.get("version") != wanted.version.semver:
            saw = f"its Cargo.toml says version `{package.get('version')}`, and `{wanted.version.semver}` is to be"
            yield Problem(f"{saw} released", f"just set-version {wanted.version.semver}")
        yield from crates_io(package, edit)


def _packaged(there: set[str], listed: frozenset[str] | str) -> Iterator[Problem]:
    """Compare the files with those that cargo would package at the same commit."""
    if isinstance(listed, str):
        saw = f"its files could not be compared with those that cargo packages: {listed}"
        yield Problem(saw, "git switch --detach TAG, and ask there", "unknown")
        return
    for name in sorted(there - listed):
        yield Problem(f"holds `{name}`, which `cargo package --list` does not name")
    for name in sorted(listed - there):
        yield Problem(f"has no `{name}`, which `cargo package --list` names")


def _commit(data: bytes | None, wanted: Wanted) -> Iterator[Answer]:
    if data is None:
        yield Problem(f"has no `{_VCS}`, so nothing says which commit it was made from")
        return
    try:
        git = json.loads(data)["git"]
        commit, dirty = git["sha1"], git.get("dirty", False)
    except (ValueError, KeyError, TypeError, AttributeError):
        yield Problem(f"`{_VCS}` names no commit")
        return
    if dirty:
        yield Problem("was made from a checkout with changes that no commit holds", "git commit, then `just dist`")
    if wanted.commit is None:
        yield Problem("there is no commit to compare it with", "git fetch --tags")
    elif commit != wanted.commit:
        saw = f"was made from commit `{str(commit)[:12]}`, and `{wanted.commit[:12]}` is released"
        yield Problem(saw, "just dist, at that commit")
    else:
        yield f"made from commit `{wanted.commit[:12]}`"
