"""Checksums of the files in a directory, in the format of `sha256sum`."""

from __future__ import annotations

from pathlib import Path

from binoc_runbook.checks.dists.checksum_file import CHECKSUMS
from binoc_runbook.files import sha256_of


def write_checksums(directory: Path) -> Path:
    """Write `SHA256SUMS` for all other files in a directory, ordered by name; return its path."""
    files = sorted(path for path in directory.iterdir() if path.is_file() and path.name != CHECKSUMS)
    lines = (f"{sha256_of(path)}  {path.name}\n" for path in files)
    (directory / CHECKSUMS).write_text("".join(lines), "utf-8", newline="\n")
    return directory / CHECKSUMS
