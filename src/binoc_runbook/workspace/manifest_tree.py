"""The manifests and lock files in the directory tree of a checkout."""

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
UV_LOCK = "uv.lock"

_WANTED = frozenset({CARGO, PYTHON, LOCK, UV_LOCK})
#: Directories with these names are skipped. So are hidden directories and those that contain a marker file: virtual
#: environments (PEP 405) and caches (such as `target` of Cargo) can contain thousands of manifests of other projects.
_FOREIGN = frozenset({"node_modules", "__pycache__"})
_MARKERS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG"})


class ManifestTree:
    """All manifests below one root, by their relative path.

    Nothing outside the root is read. Links to directories are not followed, so that each manifest is read once and
    loops are harmless. A member that a workspace names through a link has its real path here. `special` are manifests
    and lock files that exist but are not regular files, such as a FIFO; cargo would wait for their end, so it must not
    run. `read` fills `cargo` and `python`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cargo: dict[str, Manifest] = {}
        self.python: dict[str, Manifest] = {}
        self.locks: list[str] = []
        self.broken_links: list[str] = []
        self.special: list[str] = []
        self.problems: list[Finding] = []
        self._paths: list[str] = []
        self._real_root = os.path.realpath(root)
        self._walk()

    def read(self) -> Iterator[Manifest]:
        """Read and yield each manifest: first each `Cargo.toml`, starting with those nearest to the root."""
        for path in sorted(self._paths, key=lambda path: (path.endswith(PYTHON), path.count("/"), path)):
            manifests = self.python if path.endswith(PYTHON) else self.cargo
            manifests[path] = Manifest(self.root, path)
            yield manifests[path]

    def crate(self, path: str) -> Manifest | None:
        """Return the `Cargo.toml` at a path, absolute or from the root, or `None`; also in skipped directories."""
        path = path.removeprefix(self._real_root + os.sep).replace(os.sep, "/")
        manifest = self.cargo.get(path)
        if manifest is not None:
            return manifest
        # Cargo also reads members in hidden directories and behind links; those outside the root are not read here.
        try:
            real = Path(os.path.realpath(self.root / path))
            exists = real.is_file()
        except (OSError, ValueError):  # a name that is too long or invalid
            return None
        inside = os.path.relpath(real, self._real_root).replace(os.sep, "/")
        if not exists or inside == ".." or inside.startswith("../"):
            return None
        if inside not in self.cargo:
            self.cargo[inside] = Manifest(self.root, inside)
        return self.cargo[inside]

    def _walk(self) -> None:
        start = len(os.fspath(self.root))
        for directory, directories, names in os.walk(self.root, onerror=self._unlisted):
            below = directory[start:].replace(os.sep, "/").lstrip("/")  # `relpath` takes longer than the rest
            if below and not _MARKERS.isdisjoint(names):
                directories.clear()
                continue
            directories[:] = (name for name in directories if name[0] != "." and name not in _FOREIGN)
            for name in _WANTED.intersection(names):
                if os.path.isfile(f"{directory}/{name}"):  # noqa: PTH113 - false for a link to itself, where `Path` raises
                    (self.locks if name in (LOCK, UV_LOCK) else self._paths).append(manifest_in(below, name))
                elif os.path.exists(f"{directory}/{name}"):  # noqa: PTH110
                    self.special.append(manifest_in(below, name))
                elif os.path.islink(f"{directory}/{name}"):  # noqa: PTH114
                    self.broken_links.append(manifest_in(below, name))
        self.locks.sort()
        self.problems += self._special()

    def _special(self) -> Iterator[Finding]:
        for path in self.special:
            yield Finding.failed("manifests", path, "is not a regular file", f"git checkout HEAD -- {path}")

    def _unlisted(self, error: OSError) -> None:
        directory = os.path.relpath(error.filename, self.root).replace(os.sep, "/")
        saw = f"cannot list this directory, so its manifests are unknown: {error.strerror}"
        self.problems.append(Finding.unknown("manifests", directory, saw, f"make `{directory}` readable"))


def join(directory: str, path: str) -> str:
    """Convert a path in a manifest of `directory` to a path relative to the root; `""` is the root itself."""
    joined = posixpath.normpath(posixpath.join(directory, path))
    return "" if joined == "." else joined


def manifest_in(directory: str, name: str = CARGO) -> str:
    """Return the path of the manifest in a directory."""
    return f"{directory}/{name}" if directory else name
