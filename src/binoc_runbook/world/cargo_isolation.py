"""Cargo outside of a checkout: it reads the manifests, but starts no program that the checkout names.

Cargo and rustup read `.cargo/config.toml` and `rust-toolchain.toml` from the current directory and its parents. These
files can name a toolchain by path, a compiler, wrappers, and variables such as `LD_PRELOAD`. So cargo runs in another
directory, with the configuration of the user, and with the settings of the checkout that only describe where crates
are. Sources: Cargo book, *Configuration*; rustup book, *Overrides*.
"""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from binoc_runbook.files import read_file
from binoc_runbook.world.processes import Processes

_CONFIGURATIONS = (".cargo/config.toml", ".cargo/config")
_TOOLCHAIN_FILES = ("rust-toolchain.toml", "rust-toolchain")

#: The keys of a source that are paths, relative to the directory that contains `.cargo`.
_PATHS = ("directory", "local-registry", "path")


@contextmanager
def outside(processes: Processes) -> Iterator[Processes]:
    """Yield the processes with a current directory outside of the checkout, and with the toolchain of the user.

    Pass absolute paths to them.
    """
    # rustup also must not download a toolchain.
    variables = {"RUSTUP_TOOLCHAIN": toolchain(processes), "RUSTUP_AUTO_INSTALL": "0"}
    isolated = replace(processes, environment={**processes.environment, **variables})
    settings = _sources(processes.root)
    if not settings:
        yield replace(isolated, root=Path(processes.root.absolute().anchor))
        return
    import tomlkit

    with tempfile.TemporaryDirectory(prefix="binoc-cargo-") as directory:
        (Path(directory) / ".cargo").mkdir()
        (Path(directory) / ".cargo/config.toml").write_text(tomlkit.dumps(settings), "utf-8")
        yield replace(isolated, root=Path(directory))


def toolchain(processes: Processes) -> str:
    """Return the name of the toolchain: of the environment, of rustup, or of the checkout if it is installed.

    The order is that of rustup, but a path in the checkout is ignored, and nothing is installed. The name is always
    given, because rustup would read the file of the checkout otherwise. Without rustup it has no effect.
    """
    if name := processes.inherits("RUSTUP_TOOLCHAIN"):
        return name
    home = Path(processes.inherits("RUSTUP_HOME") or Path.home() / ".rustup")
    settings = _read_toml(home / "settings.toml")
    overrides, root = settings.get("overrides"), processes.root.absolute()
    if isinstance(overrides, dict):
        for directory in (root, *root.parents):
            if isinstance(override := overrides.get(str(directory)), str):
                return override
    channel = _channel(root)
    # The name of the directory ends with the platform.
    if channel and any(f"{name}-".startswith(f"{channel}-") for name in _installed(home)):
        return channel
    default = settings.get("default_toolchain")
    return default if isinstance(default, str) else "stable"


def _installed(home: Path) -> list[str]:
    directory = home / "toolchains"
    return [path.name for path in directory.iterdir()] if directory.is_dir() else []


def _channel(root: Path) -> str:
    """Return the channel that the checkout requests, such as `1.95.0`, or an empty text."""
    for name in reversed(_TOOLCHAIN_FILES):  # rustup prefers the old name
        if (root / name).is_file():
            table = _read_toml(root / name).get("toolchain")
            channel = table.get("channel") if isinstance(table, dict) else _first_line(root / name)
            is_name = isinstance(channel, str) and re.fullmatch(r"[A-Za-z0-9][\w.-]*", channel)
            return str(channel) if is_name else ""
    return ""


def _first_line(path: Path) -> str:
    return (_read_text(path).split() or [""])[0]


def _sources(root: Path) -> dict[str, Any]:
    """Return the settings of the checkout for cargo that describe where crates are, with absolute paths."""
    given = next((_read_toml(root / name) for name in _CONFIGURATIONS if (root / name).is_file()), {})
    kept = {name: given[name] for name in ("source", "patch") if isinstance(given.get(name), dict)}
    registries, registry = given.get("registries"), given.get("registry")
    if isinstance(registries, dict):
        # Not the programs that provide credentials.
        kept["registries"] = {name: _only(entry, "index") for name, entry in registries.items()}
    kept["registry"] = _only(registry, "default")
    return {name: table for name, table in _absolute(kept, root).items() if table}


def _only(table: Any, key: str) -> dict[str, Any]:
    return {key: table[key]} if isinstance(table, dict) and key in table else {}


def _absolute(value: Any, root: Path) -> Any:
    if not isinstance(value, dict):
        return value
    return {
        key: os.path.join(root, item) if key in _PATHS and isinstance(item, str) else _absolute(item, root)  # noqa: PTH118
        for key, item in value.items()
    }


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except ValueError:
        return {}


def _read_text(path: Path) -> str:
    try:
        return read_file(path).decode("utf-8", errors="replace")
    except OSError:
        return ""
