"""Replacing the content of several files: each at once, and either all of them or none."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

#: A disk that is waited for takes many files in the time of one.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Replacement:
    """The bytes that a file holds and those that it shall hold."""

    file: Path
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)


class ReplacementError(Exception):
    """Nothing was replaced, for the reason in the message; `file` is where that showed.

    `unrestored` are files that have their new content all the same, because putting the old one back failed too.
    """

    def __init__(self, file: Path, reason: str, unrestored: Sequence[Path] = ()) -> None:
        super().__init__(reason)
        self.file = file
        self.unrestored = tuple(unrestored)


def replace_all(replacements: Sequence[Replacement]) -> None:
    """Give every file its new content.

    All new files are complete on the disk before the first takes its place, so a full disk changes nothing. Modes and
    owners are kept, and a link keeps pointing where it does. After an error or an interruption the old contents are put
    back; of a process that was killed remain at most files named `.NAME.set-version`, which the next run writes over.

    Raises `ReplacementError`; an interruption goes on as itself.
    """
    staged: dict[Path, Replacement] = {}
    try:
        for replacement in replacements:
            target = Path(os.path.realpath(replacement.file))
            if staged.setdefault(target, replacement).after != replacement.after:
                raise ReplacementError(replacement.file, "it is to be replaced twice")
        for act in (_compare, _write, _take_place):
            _each(staged, act)
    except ReplacementError as reason:
        raise ReplacementError(reason.file, str(reason), _restore(staged)) from reason
    except BaseException:
        _restore(staged)
        raise


def _each(staged: Mapping[Path, Replacement], act: Callable[[Path, Replacement], None]) -> None:
    """Do something with many files at once; an error is raised when all that was begun is done."""

    def act_on(target: Path, replacement: Replacement) -> None:
        try:
            act(target, replacement)
        except OSError as error:
            raise ReplacementError(replacement.file, error.strerror or str(error)) from error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(act_on, staged.keys(), staged.values()))


def _restore(staged: Mapping[Path, Replacement]) -> list[Path]:
    """Put back the old contents where the new ones are, and clear up; returns the files with which that failed."""
    failed = []
    for target, replacement in staged.items():
        back = Replacement(replacement.file, before=replacement.after, after=replacement.before)
        try:
            if target.read_bytes() == replacement.after:
                _write(target, back)
                _take_place(target, back)
        except OSError:
            failed.append(replacement.file)
        with suppress(OSError):
            _beside(target).unlink(missing_ok=True)
    return failed


def _beside(target: Path) -> Path:
    """Where the new content waits: in the same directory, because a file system replaces files only within itself.

    The name is always the same, so that what a killed process has left is found and used up.
    """
    return target.with_name(f".{target.name}.set-version")


def _compare(target: Path, replacement: Replacement) -> None:
    if target.read_bytes() != replacement.before:
        raise ReplacementError(replacement.file, "it was changed since it was read")


def _write(target: Path, replacement: Replacement) -> None:
    """Write what shall become the content of a file beside it, complete and on the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(_beside(target), flags, 0o600), "wb") as written:
        written.write(replacement.after)
        written.flush()
        os.fsync(written.fileno())
    kept = target.stat()
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root can, and only root needs to
            os.chown(_beside(target), kept.st_uid, kept.st_gid)
    _beside(target).chmod(stat.S_IMODE(kept.st_mode))


def _take_place(target: Path, _: Replacement) -> None:
    _beside(target).replace(target)
