"""The dependencies of a `Cargo.toml` on crates of the same checkout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.manifest_tree import join, manifest_in
from binoc_runbook.workspace.spans import Keys

#: Before edition 2024, Cargo also reads the names with an underscore.
_TABLES = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")
#: A dependency with one of these keys is not from crates.io, so its patches do not apply.
_OTHER_SOURCES = frozenset({"git", "registry", "registry-index"})


class Dependency(NamedTuple):
    """A dependency with `path`, with `workspace = true`, which can inherit a `path`, or on a patched crate.

    `keys` is the key path of its entry, `name` its name in this manifest. `target` is the path of the manifest in
    `path`, and `version` the requirement; each is `None` if it is not set in this entry. `value` is the key path of the
    requirement: an entry can be a string (`name = "1.0"`).
    """

    keys: Keys
    name: str
    target: str | None
    version: str | None
    value: Keys

    @property
    def shared(self) -> bool:
        """Return whether it is in `[workspace.dependencies]`."""
        return self.keys[0] == "workspace"


def patches(manifest: Manifest) -> dict[str, str]:
    """Return the manifests of the crates that replace crates of crates.io, by name.

    Cargo reads `[patch.crates-io]` only in the root manifest of a workspace (Cargo book, *Overriding Dependencies*).
    """
    targets = {}
    for name, entry in manifest.table("patch", "crates-io").items():
        if isinstance(entry, dict) and isinstance(path := entry.get("path"), str):
            package = entry.get("package")
            target = manifest_in(join(manifest.directory, path))
            targets[package if isinstance(package, str) else name] = target
    return targets


def dependencies(manifest: Manifest, patched: Mapping[str, str] = MappingProxyType({})) -> Iterator[Dependency]:
    """Yield the dependencies of all kinds and targets, then those in `[workspace.dependencies]`.

    `patched` are the `patches` of the workspace: dependencies on these names have the target of the patch.
    """
    tables: list[Keys] = [(name,) for name in _TABLES if name in manifest.data]
    tables += [("target", target, name) for target in manifest.table("target") for name in _TABLES]
    for keys in (*tables, ("workspace", "dependencies")):
        for name, entry in manifest.table(*map(str, keys)).items():
            at: Keys = (*keys, name)
            if isinstance(entry, str):
                if name in patched:
                    yield Dependency(at, name, patched[name], entry, at)
                continue
            if not isinstance(entry, dict):
                continue
            path, version, value = entry.get("path"), entry.get("version"), (*at, "version")
            version = version if isinstance(version, str) else None
            if isinstance(path, str):
                yield Dependency(at, name, manifest_in(join(manifest.directory, path)), version, value)
            elif entry.get("workspace") is True:
                yield Dependency(at, name, None, None, value)
            elif _OTHER_SOURCES.isdisjoint(entry) and (target := patched.get(str(entry.get("package", name)))):
                yield Dependency(at, name, target, version, value)
