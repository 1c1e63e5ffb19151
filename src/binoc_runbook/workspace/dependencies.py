"""Where a `Cargo.toml` requires crates of the same checkout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import join, manifest_in
from binoc_runbook.workspace.spans import Keys

#: Cargo still reads the spellings with an underscore below edition 2024.
_TABLES = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")


class Dependency(NamedTuple):
    """A dependency with a `path`, or one that can have it in `[workspace.dependencies]` (`workspace = true`).

    `keys` lead to its table, `name` is the name that the manifest uses. `target` is the path of the manifest that
    `path` means and `version` the requirement, each `None` where it is not written here.
    """

    keys: Keys
    name: str
    target: str | None
    version: str | None

    @property
    def shared(self) -> bool:
        """Whether it is one of `[workspace.dependencies]`."""
        return self.keys[0] == "workspace"


def dependencies(manifest: Manifest) -> Iterator[Dependency]:
    """Yield the dependencies of all kinds and for all targets, then those of `[workspace.dependencies]`."""
    tables: list[Keys] = [(name,) for name in _TABLES]
    tables += [("target", target, name) for target in manifest.table("target") for name in _TABLES]
    for keys in (*tables, ("workspace", "dependencies")):
        for name, entry in manifest.table(*map(str, keys)).items():
            if not isinstance(entry, dict):
                continue
            path, version = entry.get("path"), entry.get("version")
            if isinstance(path, str):
                target = manifest_in(join(manifest.directory, path))
                yield Dependency((*keys, name), name, target, version if isinstance(version, str) else None)
            elif entry.get("workspace") is True:
                yield Dependency((*keys, name), name, None, None)
