"""Finds the native plugins that are installed beside Binoc."""

from __future__ import annotations

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

GROUP = "binoc.plugins"

Found = tuple[str, str | None, str | None]


def find_plugins() -> list[Found]:
    """Give name, library, and why there is none, for each plugin; one that is broken stops nobody."""
    # The same distribution may be on the path twice.
    unique = {(entry.name, entry.value): entry for entry in entry_points(group=GROUP)}
    return [_find(entry) for _, entry in sorted(unique.items())]


def _find(entry: EntryPoint) -> Found:
    if entry.attr:
        return entry.name, None, f"`{entry.value}` is not a module; name the native module alone"
    try:
        # Its package is imported, the library itself is not: Binoc opens that.
        spec = importlib.util.find_spec(entry.module)
    except Exception as error:  # whatever a foreign package raises
        return entry.name, None, f"`{entry.module}` cannot be imported: {type(error).__name__}: {error}"
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return entry.name, None, f"`{entry.module}` is not installed; install the plugin again"
    if spec.origin.endswith((".py", ".pyc")):
        return entry.name, None, f"`{entry.module}` is written in Python; a plugin is a native module"
    return entry.name, spec.origin, None
