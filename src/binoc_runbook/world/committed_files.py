"""The files of the commit HEAD: comparison with the content of the work tree."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from binoc_runbook.checks.observations import CommitComparison, ProcessResult

_LINK, _SUBMODULE = "120000", "160000"


class _Entry(NamedTuple):
    """One entry of a tree object: its mode, and the name of its blob, or of the commit of a submodule."""

    mode: str
    object: str


class CommittedFiles:
    """The files of HEAD below `root`, read with `query`, a function that runs git.

    A file is equal to its blob if git would store the same blob, that is with filters and line ends applied
    (gitattributes documentation). A symbolic link must be equal, and so must the file that it leads to.
    """

    def __init__(self, root: Path, query: Callable[..., ProcessResult]) -> None:
        self._root = root
        self._query = query
        self._entries: dict[str, _Entry] = {}
        self._submodules: set[str] = set()

    def compare(self, files: Mapping[str, bytes | None]) -> CommitComparison | str:
        """Compare files with HEAD; return an error if git cannot read it. See `Git.compare`."""
        result = self._read("", "HEAD")
        if result.returncode != 0:
            return result.reason
        states = {path: self._state(path, content) for path, content in files.items()}
        unequal = [path for path, state in states.items() if state == "unequal"]
        equal = self._equal_after_filters(unequal) if unequal else set()
        return CommitComparison(
            differing=tuple(sorted(path for path in unequal if path not in equal)),
            uncommitted=tuple(sorted(path for path, state in states.items() if state == "uncommitted")),
        )

    def _read(self, directory: str, commit: str) -> ProcessResult:
        """Read the entries of a commit: of HEAD, or of a submodule in `directory`."""
        result = self._query(*(("-C", directory) if directory else ()), "ls-tree", "-r", "-z", commit)
        for line in result.stdout.split("\0"):
            description, _, path = line.partition("\t")
            if path:
                mode, _, name = description.split(" ")
                self._entries[f"{directory}/{path}" if directory else path] = _Entry(mode, name)
        return result

    def _entry(self, path: str) -> _Entry | None:
        """Return the entry of a path; the entries of a submodule are read when the first one is needed."""
        if path not in self._entries:
            for parent in map(str, reversed(PurePosixPath(path).parents)):
                entry = self._entries.get(parent)
                if entry and entry.mode == _SUBMODULE and parent not in self._submodules:
                    self._submodules.add(parent)
                    self._read(parent, entry.object)
        return self._entries.get(path)

    def _state(self, path: str, content: bytes | None) -> Literal["equal", "unequal", "uncommitted"]:
        """Return whether a file is equal to its blob without filters."""
        entry, file = self._entry(path), self._root / path
        if entry is None:
            return "uncommitted"
        if entry.mode == _SUBMODULE:
            commit = self._query("-C", path, "rev-parse", "HEAD").stdout.strip()
            return "equal" if commit == entry.object else "unequal"
        if entry.mode == _LINK:
            if not file.is_symlink() or _blob_name(os.fsencode(file.readlink()), entry.object) != entry.object:
                return "unequal"
            # A path outside of the checkout has no entry.
            target = os.path.relpath(os.path.realpath(file), os.path.realpath(self._root)).replace(os.sep, "/")
            return "equal" if content is None else self._state(target, content)
        if content is None:
            if not file.is_file():
                return "unequal"
            content = file.read_bytes()
        return "equal" if _blob_name(content, entry.object) == entry.object else "unequal"

    def _equal_after_filters(self, paths: list[str]) -> set[str]:
        """Return the paths whose files git would store as the same blobs."""
        # A path with a line break cannot be passed, and counts as different.
        paths = [path for path in paths if "\n" not in path and (self._root / path).is_file()]
        result = self._query("hash-object", "--stdin-paths", stdin="".join(f"{path}\n" for path in paths))
        names = result.stdout.split()
        entries = (self._entry(path) for path in paths)
        return {
            path for path, name, entry in zip(paths, names, entries, strict=False) if entry and name == entry.object
        }


def _blob_name(content: bytes, other: str) -> str:
    """Return the name of a blob with this content, with the hash function of another name."""
    new = hashlib.sha256 if len(other) == 64 else hashlib.sha1
    return new(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
