"""Crates and the workspaces they belong to, by Cargo's rules (Cargo book, *Workspaces*)."""

from __future__ import annotations

import fnmatch
import re
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from binoc_runbook.workspace.package import Orphan, Package, Source
from binoc_runbook.workspace.tree import Tree, join, manifest_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.workspace.manifest import Manifest, Table
    from binoc_runbook.workspace.spans import Keys

#: Cargo still reads the spellings with an underscore below edition 2024.
_TABLES = ("dependencies", "dev-dependencies", "build-dependencies", "dev_dependencies", "build_dependencies")


class Dependency(NamedTuple):
    """A dependency on a crate that lies in a folder, or one that may turn out to (`workspace = true`).

    `keys` lead to its table, `name` is the name that the manifest uses. `target` is the path of the manifest it means
    and `version` the requirement beside it, each `None` where it is not written here.
    """

    keys: Keys
    name: str
    target: str | None
    version: str | None


class Crate:
    """One `Cargo.toml` and what Cargo takes from it."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.path = manifest.path
        self.folder = manifest.folder
        self.package: Table | None = _table(manifest.data.get("package"))
        self.workspace: Table | None = _table(manifest.data.get("workspace"))
        #: Its dependencies of all kinds and for all targets.
        self.dependencies = list(self._read((), manifest.data))
        for target, tables in manifest.table("target").items():
            self.dependencies += self._read(("target", target), _table(tables) or {})

    @cached_property
    def shared_dependencies(self) -> dict[str, Dependency]:
        """Those of `[workspace.dependencies]`, by name."""
        shared = _table((self.workspace or {}).get("dependencies")) or {}
        return {found.name: found for found in self._entries(("workspace", "dependencies"), shared)}

    def excludes(self, path: str) -> bool:
        """Whether this workspace leaves a manifest out: `exclude` names a folder around it and `members` none."""
        return _under(path, self._excluded) and not _under(path, self.members)

    @cached_property
    def members(self) -> list[str]:
        """What its workspace lists as members: paths and patterns, from the root."""
        return [join(self.folder, path) for path in self.manifest.strings("workspace", "members")]

    @cached_property
    def _excluded(self) -> list[str]:
        return [join(self.folder, path) for path in self.manifest.strings("workspace", "exclude")]

    def _read(self, before: Keys, tables: Table) -> Iterator[Dependency]:
        for name in _TABLES:
            if entries := _table(tables.get(name)):
                yield from self._entries((*before, name), entries)

    def _entries(self, keys: Keys, entries: Table) -> Iterator[Dependency]:
        for name, entry in entries.items():
            if not isinstance(entry, dict):
                continue
            path = entry.get("path")
            if isinstance(path, str):
                version = entry.get("version")
                target = manifest_in(join(self.folder, path))
                yield Dependency((*keys, name), name, target, version if isinstance(version, str) else None)
            elif entry.get("workspace") is True:
                yield Dependency((*keys, name), name, None, None)


class Crates:
    """All crates of a tree, and which workspace each belongs to."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._known: dict[str, Crate] = {}
        for path in list(tree.cargo):
            self.at(path)
        #: The manifest of the workspace that each member belongs to, itself included.
        self.root_of: dict[str, str] = {}
        for path in list(self._known):
            if self._known[path].workspace is not None:
                self._gather(self._known[path])

    def at(self, path: str) -> Crate | None:
        """The crate, or virtual manifest, at a path from the root."""
        crate = self._known.get(path)
        if crate is None and (manifest := self._tree.crate(path)):
            # Under its real path, which a link may have hidden.
            crate = self._known.get(manifest.path) or self._known.setdefault(manifest.path, Crate(manifest))
        return crate

    def __iter__(self) -> Iterator[Crate]:
        return iter(self._known.values())

    def read(self) -> tuple[list[Package], list[Orphan]]:
        """Every crate as a package, or as an orphan where Cargo would not publish it."""
        packages: list[Package] = []
        orphans: list[Orphan] = []
        for crate in self:
            read = self._package(crate)
            if isinstance(read, Package):
                packages.append(read)
            elif read is not None:
                orphans.append(read)
        return packages, orphans

    # Membership.

    def _gather(self, root: Crate) -> None:
        """Find the members of one workspace: those listed, and what they reach by path."""
        waiting = [(path, False) for path in self._expand(root)] + [(root.path, False)]
        seen: set[str] = set()
        while waiting:
            path, by_path = waiting.pop()
            crate = self.at(path)
            if crate is None or crate.path in seen:
                continue
            seen.add(crate.path)
            outside = bool(root.folder) and not crate.path.startswith(f"{root.folder}/")
            if by_path and outside and self._nearest_root(crate) is not root:
                continue  # a path dependency elsewhere, with a workspace of its own or none
            if crate is not root and (root.excludes(crate.path) or crate.workspace is not None):
                continue
            self.root_of.setdefault(crate.path, root.path)
            for found in crate.dependencies:
                target = found.target
                if target is None and (shared := root.shared_dependencies.get(found.name)):
                    target = shared.target
                if target is not None:
                    waiting.append((target, True))

    def _expand(self, root: Crate) -> Iterator[str]:
        for pattern in root.members:
            if not re.search(r"[*?\[]", pattern):
                yield manifest_in(pattern)
                continue
            matches = _glob(pattern).fullmatch
            for path in list(self._known):
                if matches(path.rpartition("/")[0]):
                    yield path

    def _nearest_root(self, crate: Crate) -> Crate | None:
        """The workspace that Cargo looks for a manifest in: named by it, or the nearest above not excluding it."""
        if crate.workspace is not None:
            return crate
        if crate.package is not None and isinstance(pointer := crate.package.get("workspace"), str):
            return self.at(manifest_in(join(crate.folder, pointer)))
        folder = crate.folder
        while folder:
            folder = folder.rpartition("/")[0]
            above = self._known.get(manifest_in(folder))
            if above is None:
                continue
            if above.workspace is not None and not above.excludes(crate.path):
                return above
        return None

    # Reading.

    def _package(self, crate: Crate) -> Package | Orphan | None:
        path, package = crate.path, crate.package
        if crate.manifest.problem:
            return Orphan(path, f"it {crate.manifest.problem.saw}")
        if package is None:
            # A virtual manifest is neither: it holds others together.
            return None if crate.workspace is not None else Orphan(path, "it has neither `[package]` nor `[workspace]`")
        name = package.get("name")
        if not isinstance(name, str) or not name:
            return Orphan(path, "its `[package]` has no name")
        root = self._known.get(self.root_of.get(path, ""))
        if root is None:
            if isinstance(pointer := package.get("workspace"), str):
                return Orphan(path, f"`package.workspace` says `{pointer}`, and that workspace does not have it")
            if nearest := self._nearest_root(crate):
                why = f"it lies below the workspace `{nearest.path}`, which neither lists nor excludes it"
                return Orphan(path, f"{why}; Cargo refuses it")
        version, source, reason = _inherited(crate, root, "version")
        if version is not None and not isinstance(version, str):
            version, source, reason = None, None, "`package.version` is no string"
        publish, _, _ = _inherited(crate, root, "publish")
        registries = tuple(str(each) for each in publish) if isinstance(publish, list) else None
        # Without a version Cargo takes 0.0.0 and `publish = false` (Cargo book, *The version field*).
        publishable = publish is not False and registries != () and (version is not None or source is not None)
        return Package(
            ecosystem="cargo",
            name=name,
            manifest=path,
            version=version,
            source=source,
            publishable=publishable,
            document=crate.manifest,
            reason=reason,
            registries=registries,
            root=root.path if root else path,
        )


def _inherited(crate: Crate, root: Crate | None, key: str) -> tuple[object, Source | None, str]:
    """A value of `[package]`, looked up in `[workspace.package]` where it says so, with where that is or why not."""
    value = (crate.package or {}).get(key)
    if not isinstance(value, dict):
        if value is None:
            return None, None, f"`[package]` has no {key}"
        return value, Source(crate.manifest, crate.path, ("package", key)), ""
    if value.get("workspace") is not True:
        return None, None, f"`package.{key}` is a table that does not say `workspace = true`"
    if root is None:
        return None, None, f"`{key}.workspace = true` stands in no workspace"
    shared = (_table((root.workspace or {}).get("package")) or {}).get(key)
    if shared is None:
        return None, None, f"`[workspace.package]` of `{root.path}` has no {key}"
    return shared, Source(root.manifest, root.path, ("workspace", "package", key)), ""


def _glob(pattern: str) -> re.Pattern[str]:
    """The folders that a pattern of `members` means; `*` stays within one name, `**` is any number of folders."""
    expression = ""
    for part in pattern.split("/"):
        if part == "**":
            expression += r"(?:[^/]+/)*"
        else:
            # fnmatch's `*` would match a slash as well; what it makes of one name is `(?s:…)\Z`.
            expression += fnmatch.translate(part)[4:-3].replace(".*", "[^/]*") + "/"
    return re.compile(expression.removesuffix("/"))


def _under(path: str, folders: list[str]) -> bool:
    return any(not folder or path.startswith(f"{folder}/") for folder in folders)


def _table(value: object) -> Table | None:
    return value if isinstance(value, dict) else None
