"""A crate of a workspace as it would stand alone: nothing in its manifest is inherited or lies beside it.

Cargo book, *Workspaces* (which keys a member may inherit) and *Inheriting a dependency from a workspace*.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What a copy of the sources alone has no use for, or not the files of.
_LEFT_OUT = ("dev-dependencies", "dev_dependencies", "lints", "test", "bench", "example")
#: Inherited, these name files of the workspace's root.
_FILES = ("readme", "license-file")
_DEPENDENCIES = ("dependencies", "build-dependencies", "build_dependencies")

_Table = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alone:
    """A manifest without its dependency on one crate, and how `cargo add` is told to write that dependency again."""

    manifest: str
    options: tuple[str, ...]


def alone(root: Path, folder: str, without: str) -> Alone:
    """Read the manifest of the crate in `folder`, a path from `root`, and resolve what it inherits from the root's.

    Raises:
        ValueError: It cannot stand alone: it does not use `without`, or it needs another crate that lies beside it.
    """
    import tomlkit

    document: _Table = tomlkit.parse((root / folder / "Cargo.toml").read_text("utf-8"))
    if "package" not in document:
        raise ValueError("is a workspace and no crate")
    shared = tomllib.loads((root / "Cargo.toml").read_text("utf-8")).get("workspace", {})
    _resolve(document["package"], shared.get("package", {}))
    for name in _LEFT_OUT:
        document.pop(name, None)
    options = None
    for table in [document, *document.get("target", {}).values()]:
        for name, entries in _dependencies(table):
            found = _resolve_dependencies(entries, shared.get("dependencies", {}), without)
            options = found if found is not None and name == "dependencies" else options
    if options is None:
        raise ValueError(f"does not depend on `{without}`")
    document["workspace"] = tomlkit.table()
    return Alone(tomlkit.dumps(document), options)


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
        told = _described(entry)
        if told.pop("workspace", None) is True:
            inherited = _described(shared.get(name, {}))
            features = [*inherited.get("features", []), *told.get("features", [])]
            told = {**inherited, **told, **({"features": features} if features else {})}
        if told.get("package", name) == without:
            options = _options(name, told, without)
            del entries[name]
        elif "path" in told:
            raise ValueError(f"depends on `{name}`, which lies beside it")
        else:
            entries[name] = told
    return options


def _described(entry: Any) -> dict[str, Any]:
    return {"version": str(entry)} if isinstance(entry, str) else dict(entry)


def _options(name: str, told: dict[str, Any], crate: str) -> tuple[str, ...]:
    options = ["--rename", name] if name != crate else []
    if told.get("default-features") is False:
        options.append("--no-default-features")
    if features := told.get("features"):
        options += ["--features", ",".join(features)]
    return tuple(options)
