"""The dependencies of a `Cargo.toml` on crates of the same checkout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import join, manifest_in
from binoc_runbook.workspace.spans import Keys

#: Before edition 2024, Cargo also reads the names with an underscore.
_TABLES = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")


class Dependency(NamedTuple):
    """A dependency with `path`, or with `workspace = true`, which can inherit a `path`.

    `keys` is the key path of its table, `name` its name in this manifest. `target` is the path of the manifest in
    `path`, and `version` the requirement; each is `None` if it is not set in this table.
    """

    keys: Keys
    name: str
    target: str | None
    version: str | None

    @property
    def shared(self) -> bool:
        """Return whether it is in `[workspace.dependencies]`."""
        return self.keys[0] == "workspace"


def dependencies(manifest: Manifest) -> Iterator[Dependency]:
    """Yield the dependencies of all kinds and targets, then those in `[workspace.dependencies]`."""
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
