"""Lock of the real releases of one clone: one at a time on this machine, in all work trees of the clone.

It is a lock of the kernel (flock(2)) on a file in the git directory. It ends with the process that holds it, so the
file of a killed release is not an obstacle. Releases from other clones and machines are not locked: the tag of the
remote decides between them.
"""

from __future__ import annotations

import datetime
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from binoc_runbook.files import common_directory

#: The path of the file in the git directory.
LOCK_FILE = Path("binoc-runbook") / "release.lock"

#: For how long `lock_releases` tries again, in seconds, because `running_release` holds the lock for a moment.
_TIMEOUT = 1.0

#: The open files of the locks of this process, by path.
_held: dict[Path, TextIO] = {}


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The process that holds the lock: its id, host and start time (UTC), and what it runs."""

    pid: int
    host: str
    began: str
    command: str


def lock_releases(root: Path, command: str) -> LockHolder | None:
    """Lock the releases of the clone at `root` until this process ends; return the holder if another process has it.

    A process that already has the lock keeps it.

    Raises:
        OSError: The lock file cannot be written, or the file system has no locks.
    """
    path = common_directory(root) / LOCK_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    file = _held.get(path) or path.open("a+", encoding="utf-8")
    end = time.monotonic() + _TIMEOUT
    while path not in _held and not _try_lock(file, exclusive=True):
        if time.monotonic() > end:
            with file:
                return _read_holder(file)
        time.sleep(0.02)
    _held[path] = file
    began = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    file.truncate(0)
    file.write(json.dumps(asdict(LockHolder(os.getpid(), _host(), began, command))))
    file.flush()
    return None


def unlock_releases(root: Path) -> None:
    """Unlock the releases of the clone at `root`, if this process has the lock."""
    if file := _held.pop(common_directory(root) / LOCK_FILE, None):
        file.close()


def running_release(root: Path) -> LockHolder | None:
    """Return the other process that holds the lock, if there is one; do not lock.

    Raises:
        OSError: The lock file cannot be read, or the file system has no locks.
    """
    path = common_directory(root) / LOCK_FILE
    if path in _held or not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        return None if _try_lock(file, exclusive=False) else _read_holder(file)


def _try_lock(file: TextIO, *, exclusive: bool) -> bool:
    if os.name != "posix":  # releases do not run on Windows
        return True
    import fcntl

    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(file: TextIO) -> LockHolder:
    file.seek(0)
    try:
        return LockHolder(**json.load(file))
    except (ValueError, TypeError):  # the holder has not written it yet
        return LockHolder(0, _host(), "an unknown time", "a release")


def _host() -> str:
    import platform

    return platform.node()
