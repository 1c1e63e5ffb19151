"""Temporary directory of a rehearsal, with a mark of its owner, so that the next rehearsal can remove it.

The mark is a file with an advisory lock (flock), which the system releases when its holder ends, even by SIGKILL.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "binoc-rehearsal-"

#: The name of the locked file in each directory.
OWNER = "owner.lock"


@contextlib.contextmanager
def owned_directory() -> Iterator[Path]:
    """Create a temporary directory, which the end of this context or the exit of this process removes.

    First remove those whose owner was killed.
    """
    _remove_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as name:
        directory = Path(name).resolve()
        lock = os.open(directory / f"{OWNER}.new", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            # The file gets its name after it is locked, so that another rehearsal does not find it without a lock.
            if _lock(lock):
                (directory / f"{OWNER}.new").rename(directory / OWNER)
            yield directory
        finally:
            os.close(lock)


def _lock(descriptor: int) -> bool:
    """Lock a file; return whether this was possible."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another process has the lock, or the file system has no locks
        return False
    return True


def _remove_abandoned(parent: Path) -> None:
    """Remove the directories of this user with the prefix and a lock file that no process has locked."""
    for directory in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            status = directory.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
                continue
            lock = os.open(directory / OWNER, os.O_RDWR | os.O_NOFOLLOW)
            stack.callback(os.close, lock)
            if _lock(lock):
                shutil.rmtree(directory, ignore_errors=True)
