"""Repository root, bounded reads, atomic writes, digests and cache markers."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from pathlib import Path

#: The largest file of a checkout that is read, in bytes.
LIMIT = 32 * 1024 * 1024

#: The codes of the errors of `read_file` about files that are not regular, or too large.
NOT_A_TEXT_FILE = (errno.EINVAL, errno.EFBIG)

# Opening a FIFO would wait for a writer. A regular file ignores O_NONBLOCK (POSIX, *open*).
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)

#: The first line identifies a cache (Cache Directory Tagging Specification).
_CACHE = "Signature: 8a477f597d28d172789f06886806bc55\n# created by binoc-runbook\n"


def root_of(path: Path) -> Path | None:
    """Return the root of the checkout that contains `path`, the nearest directory with a `.git`, or `None`."""
    path = path.resolve()
    return next((directory for directory in (path, *path.parents) if (directory / ".git").exists()), None)


def read_file(path: str | Path) -> bytes:
    """Return the content of a regular file of at most `LIMIT` bytes.

    Raises:
        OSError: The file cannot be read, is larger, or is not a regular file: a FIFO or a device has no end.
    """
    descriptor = os.open(path, _READ)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        if status.st_size > LIMIT:
            raise OSError(errno.EFBIG, f"it is larger than {LIMIT // 1024**2} MiB", str(path))
        with open(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


def common_directory(root: Path) -> Path:
    """Return the git directory that all work trees of a clone share (gitrepository-layout(5))."""
    git = root / ".git"
    if git.is_file():  # a work tree of `git worktree`, or a submodule
        git = root / git.read_text("utf-8").removeprefix("gitdir:").strip()
    link = git / "commondir"
    return (git / link.read_text("utf-8").strip() if link.is_file() else git).resolve()


def write_atomically(path: Path, text: str) -> None:
    """Write a text file atomically; missing parent directories are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text, "utf-8")
    unfinished.replace(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 digest of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def mark_cache(directory: Path) -> None:
    """Create a directory and mark it as a cache, so that discovery and backup tools skip it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "CACHEDIR.TAG").write_text(_CACHE, "utf-8")
