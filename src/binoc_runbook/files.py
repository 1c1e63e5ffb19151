"""What is done with whole files and folders: writing, marking, and telling one from another."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

#: The first line is what makes it one (Cache Directory Tagging Specification).
_CACHE = "Signature: 8a477f597d28d172789f06886806bc55\n# made by binoc-runbook\n"


def write_whole(path: Path, text: str) -> None:
    """Write a text to a file that appears at once and complete; its folders are made where they are missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)


def sha256_of(path: Path) -> str:
    """The SHA-256 digest of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mark_cache(folder: Path) -> None:
    """Make a folder and mark it as a cache: manifests inside are none of the checkout's, and tools keep out."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CACHEDIR.TAG").write_text(_CACHE, "utf-8")
