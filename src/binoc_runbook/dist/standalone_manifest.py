"""Standalone manifests of crates of a workspace, without inheritance and path dependencies.

Source: Cargo book, *Workspaces* (the keys that a member can inherit) and *Inheriting a dependency from a workspace*.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Tables that a copy of the sources does not need, or whose files are not copied.
_LEFT_OUT = ("dev-dependencies", "dev_dependencies", "lints", "test", "bench", "example")
#: Keys whose inherited values are files in the root of the workspace.
_FILES = ("readme", "license-file")
_DEPENDENCIES = ("dependencies", "build-dependencies", "build_dependencies")

_Table = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class StandaloneManifest:
    """A manifest without its dependency on one crate, and the `cargo add` options that restore it."""

    text: str
    options: tuple[str, ...]


def standalone_manifest(root: Path, directory: str, without: str) -> StandaloneManifest:
    """Return the manifest of the crate in `directory`, a path relative to `root`, with its inherited values.

    Raises:
        ValueError: The crate does not depend on `without`, or has a path dependency on another crate.
    """
    import tomlkit

    document: _Table = tomlkit.parse((root / directory / "Cargo.toml").read_text("utf-8"))
    if "package" not in document:
        raise ValueError("is a workspace, not a crate")
    shared = tomllib.loads((root / "Cargo.toml").read_text("utf-8")).get("workspace", {})
    _resolve(document["package"], shared.get("package", {}))
    for name in _LEFT_OUT:
        document.pop(name, None)
    options = None
    for table in [document, *document.get("target", {}).values()]:
        for name, entries in _dependencies(table):
            removed = _resolve_dependencies(entries, shared.get("dependencies", {}), without)
            options = removed if removed is not None and name == "dependencies" else options
    if options is None:
        raise ValueError(f"does not depend on `{without}`")
    document["workspace"] = tomlkit.table()
    return StandaloneManifest(tomlkit.dumps(document), options)


def _dependencies(table: _Table) -> Iterator[tuple[str, _Table]]:
    for name in ("dev-dependencies", "dev_dependencies"):
        table.pop(name, None)
    yield from ((name, table[name]) for name in _DEPENDENCIES if name in table)


def _resolve(package: _Table, shared: dict[str, Any]) -> None:
    for key, value in list(package.items()):
        if not (isinstance(value, dict) and value.get("workspace") is True):
            continue
        if key in _FILES or key not in shared:
            del package[key]
        else:
            package[key] = shared[key]


def _resolve_dependencies(entries: _Table, shared: dict[str, Any], without: str) -> tuple[str, ...] | None:
    options = None
    for name, entry in list(entries.items()):
        dependency = _as_table(entry)
        if dependency.pop("workspace", None) is True:
            inherited = _as_table(shared.get(name, {}))
            features = [*inherited.get("features", []), *dependency.get("features", [])]
            dependency = {**inherited, **dependency, **({"features": features} if features else {})}
        if dependency.get("package", name) == without:
            options = _options(name, dependency, without)
            del entries[name]
        elif "path" in dependency:
            raise ValueError(f"has a path dependency on `{name}`")
        else:
            entries[name] = dependency
    return options


def _as_table(entry: Any) -> dict[str, Any]:
    return {"version": str(entry)} if isinstance(entry, str) else dict(entry)


def _options(name: str, dependency: dict[str, Any], crate: str) -> tuple[str, ...]:
    options = ["--rename", name] if name != crate else []
    if dependency.get("default-features") is False:
        options.append("--no-default-features")
    if features := dependency.get("features"):
        options += ["--features", ",".join(features)]
    return tuple(options)
