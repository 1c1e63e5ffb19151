"""Attempts of a release: one record for each, one attempt at a time.

The record of the last attempt has a fixed path, such as `runs/0.4.0.json`. Before the next attempt, it is moved to
`runs/0.4.0/TIME/`, so that the record of a killed run is never overwritten.
"""

from __future__ import annotations

import datetime
import errno
import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from binoc_runbook.environ import TESTING
from binoc_runbook.finding import Finding, RefusedError
from binoc_runbook.world.release_lock import LOCK_FILE, LockHolder, lock_releases, running_release

#: The check of the findings of this module.
CHECK = "release"

#: The beginnings of the names of runs that are repeated from the start; only their last record is kept.
REPEATED = ("rehearsal", "quick-rehearsal", "verify")

#: The state after a run that started no action.
NOTHING_PUSHED = "this run pushed nothing and tagged nothing"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOCK = f".git/{LOCK_FILE.as_posix()}"


def set_aside(runs: Path, name: str, *, with_notebook: bool) -> None:
    """Move the files of the last attempt `name` to a directory that is named after its start time.

    The files are the record, the log of the tests, and the executed notebook, unless it is that of this attempt.

    Raises:
        OSError: A file cannot be moved.
    """
    notebooks = [runs / f"{name}.ipynb"] if with_notebook else []
    records = [path for path in (runs / f"{name}.json", *notebooks) if path.is_file()]
    if not records or name.startswith(REPEATED):
        return
    time = _start_time(records[0]).strftime("%Y%m%dT%H%M%SZ")
    attempt = next(path for path in _numbered(runs / name / time) if not path.exists())
    attempt.mkdir(parents=True)
    log = runs / name / "tests.log"
    for path in (*records, *([log] if log.is_file() else [])):
        path.rename(attempt / path.name)


def _numbered(path: Path) -> Iterator[Path]:
    # Attempts that are refused at once can start in the same second.
    yield path
    yield from (path.with_name(f"{path.name}-{number}") for number in count(2))


def _start_time(record: Path) -> datetime.datetime:
    """Return the start time in a record or an executed notebook, in UTC; the file's time if it is damaged."""
    try:
        document = json.loads(record.read_text("utf-8"))
        text = document["began"] if "began" in document else document["metadata"]["papermill"]["start_time"]
        return datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, KeyError, TypeError):
        return datetime.datetime.fromtimestamp(record.stat().st_mtime, datetime.UTC)


def lock(root: Path, version: str, *, dry_run: bool) -> None:
    """Lock the clone for a real release; a dry run is only refused if a release is running.

    A dry run inside the test command of a release is part of that release.

    Raises:
        RefusedError: Another release is running, or the clone cannot be locked.
    """
    if dry_run and TESTING in os.environ:
        return
    try:
        holder = running_release(root) if dry_run else lock_releases(root, f"release of {version}")
    except OSError as error:
        raise RefusedError("the release was not started", [_not_locked(error)], NOTHING_PUSHED) from None
    if holder is not None:
        saw = "another release has just started"
        if holder.pid:
            saw = f"process {holder.pid} on `{holder.host}` has the lock since {holder.began}: {holder.command}"
        remedy = f"wait until it ends{_show(holder)}, then run the same command again"
        finding = Finding.failed(CHECK, _LOCK, saw, remedy)
        raise RefusedError("another release of this clone is running", [finding], NOTHING_PUSHED)


def _show(holder: LockHolder) -> str:
    return f" (`ps -p {holder.pid}` shows it)" if holder.pid else ""


def _not_locked(error: OSError) -> Finding:
    saw = f"the clone cannot be locked: {error.strerror or error}"
    remedy = "release from a clone that you can write to, on a local disk"
    return Finding.failed(CHECK, _LOCK, saw, remedy)


def unwritable(path: Path, root: Path, error: OSError) -> Finding:
    """Return the finding for a record in the checkout at `root` that cannot be written."""
    blocking = [path] if path.is_dir() else [parent for parent in path.parents if parent.is_file()]
    directory = _shown(path.parent, root)
    if blocking:
        name = _shown(blocking[0], root)
        remedy = f"mv {name} {name}.old, then run the same command again"
    elif isinstance(error, FileNotFoundError):
        remedy = f"mkdir -p {directory}, then run the same command again"
    elif error.errno in _FULL:
        remedy = f"free space on the disk (`df -h {directory}`), then run the same command again"
    else:
        remedy = f"make {directory} writable, or release from another clone"
    saw = f"the record of this run cannot be written: {error.strerror or error}"
    return Finding.failed(CHECK, _shown(path, root), saw, remedy)


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
