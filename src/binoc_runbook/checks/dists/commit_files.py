"""Files of a commit, for the comparison with an sdist."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from binoc_runbook.checks.dists.generated_files import BUNDLED
from binoc_runbook.policy import Artifact

#: The keys that maturin rewrites in the manifests of an sdist. It removes workspace members that are not in the sdist,
#: writes the README of the distribution into the crate's manifest, and adapts the paths in `pyproject.toml`, which it
#: moves to the root directory. All other keys are as in the commit.
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
class CommitFiles:
    """Files of a commit: their object names by path, and the texts of the manifests."""

    object_names: Mapping[str, str]
    manifests: Mapping[str, str]

    def candidates(self, artifact: Artifact, path: str) -> list[str]:
        """Return the paths in the commit for a file of the sdist: the same path, or that path below the artifact's."""
        return [candidate for candidate in (path, f"{artifact.path}/{path}") if candidate in self.object_names]

    def has_content(self, path: str, data: bytes) -> bool:
        """Return whether the file at a path of the commit has this content."""
        return self.object_names[path] == object_name(data, len(self.object_names[path]))

    def is_rewritten_manifest(self, path: str, data: bytes) -> bool:
        """Return whether this is the manifest at a path of the commit, apart from the keys that maturin rewrites."""
        name = path.rpartition("/")[2]
        if name not in _REWRITTEN or path not in self.manifests:
            return False
        try:
            committed, packaged = tomllib.loads(self.manifests[path]), tomllib.loads(data.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError):
            return False
        return _without_rewritten(committed, name) == _without_rewritten(packaged, name)


def object_name(data: bytes, length: int) -> str:
    """Return git's object name of a file's content, in SHA-1 (40 digits) or SHA-256 (64)."""
    digest = hashlib.sha1(usedforsecurity=False) if length == 40 else hashlib.sha256()
    digest.update(b"blob %d\0" % len(data) + data)
    return digest.hexdigest()


def _remove_sbom(manifest: dict[str, Any]) -> None:
    """Remove the generated SBOM from the settings of maturin, see `dist.third_party`."""
    tool = manifest.get("tool")
    maturin = tool.get("maturin") if isinstance(tool, dict) else None
    if not isinstance(maturin, dict):
        return
    sbom = maturin.setdefault("sbom", {})
    for table, entry in ((maturin, {"path": BUNDLED, "format": "sdist"}), (sbom, BUNDLED)):
        included = table.get("include", []) if isinstance(table, dict) else None
        if isinstance(included, list):
            table["include"] = [other for other in included if other != entry]


def _without_rewritten(manifest: dict[str, Any], name: str) -> dict[str, Any]:
    if name == "pyproject.toml":
        _remove_sbom(manifest)
    for *tables, key in _REWRITTEN[name]:
        table: Any = manifest
        for table_name in tables:
            table = table.get(table_name, {}) if isinstance(table, dict) else {}
        if isinstance(table, dict):
            table.pop(key, None)
    return manifest
