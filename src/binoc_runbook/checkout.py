"""Where a checkout lies, and how to speak of it without telling where that is."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def root_of(path: Path) -> Path | None:
    """The root of the checkout that a file or folder lies in: the nearest folder upwards that has a `.git`."""
    path = path.resolve()
    return next((folder for folder in (path, *path.parents) if (folder / ".git").exists()), None)


def without_paths(text: str, root: Path) -> str:
    """The text with the machine's own folders called by what they are: the checkout, the home folder, and so on."""
    temporary = Path(tempfile.gettempdir())
    names = {sys.prefix: ".venv", str(temporary): "<tmp>", str(temporary.resolve()): "<tmp>", str(Path.home()): "~"}
    names |= {str(root): ".", str(root.resolve()): "."}
    # The longest first: a checkout lies in a home folder more often than not.
    for path, name in sorted(names.items(), key=lambda pair: -len(pair[0])):
        if len(path) > 1:
            text = text.replace(path, name)
    return text
