"""The manifests and lock files of a checkout, found by walking it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from pathlib import Path

from binoc_runbook.finding import Finding
from binoc_runbook.workspace.manifest import Manifest

CARGO = "Cargo.toml"
PYTHON = "pyproject.toml"
LOCK = "Cargo.lock"

_WANTED = frozenset({CARGO, PYTHON, LOCK})
#: Directories of these names, those whose name begins with a dot, and those that hold a marker are not of the project:
#: a virtual environment (PEP 405) and a cache (Cargo marks its `target` so) can hold thousands of foreign manifests.
_FOREIGN = frozenset({"node_modules", "__pycache__"})
_MARKERS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


class ManifestTree:
    """All manifests below one root, by their path from it.

    Nothing outside the root is read. Links to directories are not walked through, so that each manifest is seen once
    and loops are harmless; one that a workspace names by such a path is found under its real one. `cargo` and `python`
    are filled by `read`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cargo: dict[str, Manifest] = {}
        self.python: dict[str, Manifest] = {}
        self.locks: list[str] = []
        self.dead_links: list[str] = []
        self.problems: list[Finding] = []
        self._paths: list[str] = []
        self._real_root = os.path.realpath(root)
        self._walk()

    def read(self) -> Iterator[Manifest]:
        """Read and yield each manifest; the `Cargo.toml`s come first, and of these the nearest to the root."""
        for path in sorted(self._paths, key=lambda path: (path.endswith(PYTHON), path.count("/"), path)):
            manifests = self.python if path.endswith(PYTHON) else self.cargo
            manifests[path] = Manifest(self.root, path)
            yield manifests[path]

    def crate(self, path: str) -> Manifest | None:
        """The `Cargo.toml` at a path, absolute or from the root, also where the walk does not go; `None` if none is."""
        path = path.removeprefix(self._real_root + os.sep).replace(os.sep, "/")
        manifest = self.cargo.get(path)
        if manifest is not None:
            return manifest
        # Cargo reads members where they are, be that a hidden directory or behind a link; never the world outside.
        try:
            real = Path(os.path.realpath(self.root / path))
            exists = real.is_file()
        except (OSError, ValueError):  # a name that is too long, or one that no file can have
            return None
        inside = os.path.relpath(real, self._real_root).replace(os.sep, "/")
        if not exists or inside == ".." or inside.startswith("../"):
            return None
        if inside not in self.cargo:
            self.cargo[inside] = Manifest(self.root, inside)
        return self.cargo[inside]

    def _walk(self) -> None:
        for directory, directories, names in os.walk(self.root, onerror=self._unlisted):
            before = os.path.relpath(directory, self.root).replace(os.sep, "/")
            if before != "." and not _MARKERS.isdisjoint(names):
                directories.clear()
                continue
            directories[:] = (name for name in directories if name[0] != "." and name not in _FOREIGN)
            for name in _WANTED.intersection(names):
                if os.path.isfile(f"{directory}/{name}"):  # noqa: PTH113 - false for a link to itself, where `Path` raises
                    (self.locks if name == LOCK else self._paths).append(join(before, name))
                elif os.path.islink(f"{directory}/{name}"):  # noqa: PTH114
                    self.dead_links.append(join(before, name))
        self.locks.sort()

    def _unlisted(self, error: OSError) -> None:
        directory = os.path.relpath(error.filename, self.root).replace(os.sep, "/")
        saw = f"cannot be listed, so its manifests are not known: {error.strerror}"
        self.problems.append(Finding.unknown("manifests", directory, saw, f"make `{directory}` readable"))


def join(directory: str, path: str) -> str:
    """A path as it is written in a manifest of `directory`, as a path from the root; `""` is the root itself."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    return "" if joined == "." else joined


def manifest_in(directory: str, name: str = CARGO) -> str:
    """The path of the manifest in a directory."""
    return f"{directory}/{name}" if directory else name
