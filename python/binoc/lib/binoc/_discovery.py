"""Discovery of installed plugins."""

from __future__ import annotations

import importlib.util
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

GROUP = "binoc.plugins"

#: The name of a plugin, the path of its library, and the reason if the library is missing.
Plugin = tuple[str, str | None, str | None]


def find_plugins() -> list[Plugin]:
    """Return all installed plugins, including broken ones with the reason."""
    # A distribution can be on the path twice.
    unique = {(entry.name, entry.value): entry for entry in entry_points(group=GROUP)}
    return [_find(entry) for _, entry in sorted(unique.items())]


def _find(entry: EntryPoint) -> Plugin:
    if entry.attr:
        return entry.name, None, f"`{entry.value}` is not a module; change the entry point to `{entry.module}`"
    try:
        # This imports the package, but not the native module, which Binoc opens as a library.
        spec = importlib.util.find_spec(entry.module)
    except Exception as error:  # the package can raise any exception
        return entry.name, None, f"`{entry.module}` cannot be imported: {type(error).__name__}: {error}"
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return entry.name, None, f"module `{entry.module}` not found; install the plugin again"
    if spec.origin.endswith((".py", ".pyc")):
        return entry.name, None, f"`{entry.module}` is a Python module; a plugin must be a native module"
    return entry.name, spec.origin, None
