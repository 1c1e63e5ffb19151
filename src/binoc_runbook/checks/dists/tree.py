"""Whether the files of an archive are those of the commit it says it was made from, byte for byte.

A payload that only the archive holds is seen by nobody who reads the repository; the one in xz 5.6 was such a file.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from binoc_runbook.checks.dists.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from binoc_runbook.policy import Artifact

_REMEDY = "just sources, in a checkout of the commit without changes"

#: What maturin writes anew in a manifest when it puts an sdist together: the members of the workspace are those that it
#: carries, the README of the distribution is named in the crate's manifest, and the `pyproject.toml`, which moves to
#: the top, says where the crate and the Python sources lie from there. All else is as in the commit.
_REWRITTEN = {
    "Cargo.toml": (
        ("workspace", "members"),
        ("workspace", "default-members"),
        ("workspace", "exclude"),
        ("package", "readme"),
    ),
    "pyproject.toml": (("tool", "maturin", "manifest-path"), ("tool", "maturin", "python-source")),
}


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a commit: their object names by path, and the text of the manifests among them."""

    files: Mapping[str, str]
    manifests: Mapping[str, str]

    def places(self, artifact: Artifact, path: str) -> list[str]:
        """Where the commit can have a file of the sdist: at the same path, or at that path below the artifact's."""
        return [place for place in (path, f"{artifact.path}/{path}") if place in self.files]

    def holds(self, place: str, data: bytes) -> bool:
        """Whether the file at a place of the commit has this content."""
        return self.files[place] == object_name(data, len(self.files[place]))

    def rewritten(self, place: str, data: bytes) -> bool:
        """Whether this is the manifest at a place of the commit, but for what maturin writes anew."""
        kind = place.rpartition("/")[2]
        if kind not in _REWRITTEN or place not in self.manifests:
            return False
        try:
            ours, theirs = tomllib.loads(self.manifests[place]), tomllib.loads(data.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            return False
        return _without(ours, kind) == _without(theirs, kind)


def object_name(data: bytes, length: int) -> str:
    """The name that git gives a file's content, in SHA-1 (40 digits) or SHA-256 (64)."""
    made = hashlib.sha1(usedforsecurity=False) if length == 40 else hashlib.sha256()
    made.update(b"blob %d\0" % len(data) + data)
    return made.hexdigest()


def same(files: Mapping[str, bytes], artifact: Artifact, tree: Tree) -> Iterator[Problem]:
    """Compare the files of an sdist, by path below its one folder, with those of the commit."""
    for path, data in sorted(files.items()):
        if path == "PKG-INFO":  # made from the manifest, and asked about as metadata
            continue
        places = tree.places(artifact, path)
        if not places:
            yield Problem(f"holds `{path}`, which the commit does not have", _REMEDY)
        elif not any(tree.holds(place, data) or tree.rewritten(place, data) for place in places):
            yield Problem(f"holds another `{path}` than the commit has", _REMEDY)


def _without(manifest: dict[str, Any], kind: str) -> dict[str, Any]:
    for *tables, key in _REWRITTEN[kind]:
        table: Any = manifest
        for each in tables:
            table = table.get(each, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict):
            table.pop(key, None)
    return manifest
