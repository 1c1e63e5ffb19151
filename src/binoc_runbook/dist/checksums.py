"""The digests of a folder's files, as `sha256sum` writes them."""

from __future__ import annotations

from pathlib import Path

from binoc_runbook.checks.dists import SUMS
from binoc_runbook.files import sha256_of


def write_sums(folder: Path) -> Path:
    """Write `SHA256SUMS` anew over every other file of a folder, ordered by name; returns its path."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != SUMS)
    lines = (f"{sha256_of(path)}  {path.name}\n" for path in files)
    (folder / SUMS).write_text("".join(lines), "utf-8", newline="\n")
    return folder / SUMS
