"""Where a checkout lies."""

from __future__ import annotations

from pathlib import Path


def root_of(path: Path) -> Path | None:
    """The root of the checkout that a file or folder lies in: the nearest folder upwards that has a `.git`."""
    path = path.resolve()
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), None)
