"""Atomic replacement of several files: all of them or none."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.files import read_file

#: The number of files that are written in parallel, because most of the time is spent waiting for the disk.
_THREADS = 16
_SUFFIX = ".set-version"


@dataclass(frozen=True, slots=True)
class Replacement:
    """A file with its current and its new content; `before` is `None` if the file does not exist."""

    file: Path
    before: bytes | None = field(repr=False)
    after: bytes = field(repr=False)


class ReplacementError(Exception):
    """No file was replaced; the message is the reason, and `file` the file with the error.

    `unrestored` are exceptions: files with their new content, because restoring the old one failed.
    """

    def __init__(self, file: Path, reason: str, unrestored: Sequence[Path] = ()) -> None:
        super().__init__(reason)
        self.file = file
        self.unrestored = tuple(unrestored)


def replace_all(replacements: Sequence[Replacement]) -> None:
    """Write the new content of all files, or create them.

    All new files are complete on the disk before the first replaces an old one, so a full disk changes nothing. Modes,
    owners and links are kept. After an error or an interruption, the old contents are restored. A killed process leaves
    at most files named `.NAME.set-version`, which the next run overwrites or removes.

    Raises `ReplacementError`, or the exception of an interruption.
    """
    staged: dict[Path, Replacement] = {}
    try:
        for replacement in replacements:
            target = Path(os.path.realpath(replacement.file))
            if staged.setdefault(target, replacement).after != replacement.after:
                raise ReplacementError(replacement.file, "it has two different replacements")
        for act in (_compare, _write, _rename):
            _apply_to_all(staged, act)
    except ReplacementError as reason:
        raise ReplacementError(reason.file, str(reason), _restore(staged)) from reason
    except BaseException:
        _restore(staged)
        raise


def _apply_to_all(staged: Mapping[Path, Replacement], act: Callable[[Path, Replacement], None]) -> None:
    """Call a function for all files in parallel; raise an error after all calls have ended."""

    def act_on(target: Path, replacement: Replacement) -> None:
        try:
            act(target, replacement)
        except OSError as error:
            raise ReplacementError(replacement.file, error.strerror or str(error)) from error

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(act_on, staged.keys(), staged.values()))


def restore_all(replacements: Sequence[Replacement]) -> list[Path]:
    """Restore the old contents of files that `replace_all` has replaced; return those that could not be restored."""
    return _restore({Path(os.path.realpath(replacement.file)): replacement for replacement in replacements})


def leftovers(files: Iterable[str]) -> list[Path]:
    """Return the temporary files that a killed process has left for some files, given by their paths."""
    # `Path` would triple the time for thousands of files.
    targets = {os.path.realpath(file) if os.path.islink(file) else file for file in files}  # noqa: PTH114
    temporary = (f"{os.path.dirname(target)}/.{os.path.basename(target)}{_SUFFIX}" for target in sorted(targets))  # noqa: PTH119, PTH120
    return [Path(path) for path in temporary if os.path.isfile(path)]  # noqa: PTH113


def _restore(staged: Mapping[Path, Replacement]) -> list[Path]:
    """Restore the old contents and remove temporary files; return the files that could not be restored."""
    failed = []
    for target, replacement in staged.items():
        try:
            if _content(target) == replacement.after:
                if replacement.before is None:
                    target.unlink()
                else:
                    back = Replacement(replacement.file, before=replacement.after, after=replacement.before)
                    _write(target, back)
                    _rename(target, back)
        except OSError:
            failed.append(replacement.file)
        with suppress(OSError):
            _temporary(target).unlink(missing_ok=True)
    return failed


def _temporary(target: Path) -> Path:
    """Return the temporary file for the new content: in the same directory, as a rename needs the same file system.

    The name is fixed, so that the next run overwrites a file that a killed process has left.
    """
    return target.with_name(f".{target.name}{_SUFFIX}")


def is_temporary(path: str) -> bool:
    """Return whether a path, with forward slashes, is that of a temporary file of `replace_all`."""
    return path.rpartition("/")[2].startswith(".") and path.endswith(_SUFFIX)


def _content(target: Path) -> bytes | None:
    try:
        return read_file(target)
    except FileNotFoundError:
        return None


def _compare(target: Path, replacement: Replacement) -> None:
    if _content(target) != replacement.before:
        raise ReplacementError(replacement.file, "it changed after it was read")


def _write(target: Path, replacement: Replacement) -> None:
    """Write the new content to the temporary file and to the disk."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(_temporary(target), flags, 0o600), "wb") as file:
        file.write(replacement.after)
        file.flush()
        os.fsync(file.fileno())
    if replacement.before is None:
        # The mask can only be read by setting it, for all threads; a new file has the mode of its directory instead.
        _temporary(target).chmod(stat.S_IMODE(target.parent.stat().st_mode) & 0o666)
        return
    status = target.stat()
    if hasattr(os, "chown"):
        with suppress(PermissionError):  # only root can change the owner, and only root needs to
            os.chown(_temporary(target), status.st_uid, status.st_gid)
    _temporary(target).chmod(stat.S_IMODE(status.st_mode))


def _rename(target: Path, _: Replacement) -> None:
    _temporary(target).replace(target)
