"""Members of archives: read a `.tar.gz`, and check the size of a file and the names of its members."""

from __future__ import annotations

import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from binoc_runbook.checks.dists.expectation import Defect

#: The largest size of all members together, in bytes; more is never read.
UNPACKED = 200_000_000


class TarArchive:
    """The regular files of a `.tar.gz` by name, and the defects of the archive; `root` is its one directory."""

    def __init__(self, path: Path, root: str) -> None:
        self.root = root
        self.files: dict[str, bytes] = {}
        self.defects: list[Defect] = []
        try:
            with tarfile.open(path, "r:gz") as archive:
                self._read(archive)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            self.defects.append(Defect(f"cannot be read as a tar archive: {error}"))

    def _read(self, archive: tarfile.TarFile) -> None:
        names, size = [], 0
        for member in archive:
            size += member.size
            if size > UNPACKED:
                self.defects.append(Defect(f"unpacks to more than {format_size(UNPACKED)}, the limit of this check"))
                return
            if member.isdir():
                continue
            names.append(member.name)
            if not member.isreg():
                self.defects.append(Defect(f"contains `{member.name}`, which is not a regular file"))
            elif (content := archive.extractfile(member)) is not None:
                self.files[member.name] = content.read()
        self.defects += check_members(names, self.root)

    def get(self, path: str) -> bytes | None:
        """Return the content of a file by its path below `root`."""
        return self.files.get(f"{self.root}/{path}")

    def paths(self) -> dict[str, bytes]:
        """Return every file by its path below `root`."""
        prefix = f"{self.root}/"
        return {name.removeprefix(prefix): data for name, data in self.files.items() if name.startswith(prefix)}

    def check_required(self, *names: str) -> Iterator[Defect]:
        """Check that files are in the root directory; `README` can have any extension."""
        top = {"README" if name.startswith("README.") else name for name in self.paths() if "/" not in name}
        yield from (Defect(f"has no `{name}`") for name in names if name not in top)


def check_size(path: Path, smallest: int, largest: int) -> Iterator[Defect | str]:
    """Check that the size of a file is in a range, in bytes."""
    size = path.stat().st_size
    if smallest <= size <= largest:
        yield format_size(size)
    else:
        problem = "small" if size < smallest else "large"
        bounds = f"{format_size(smallest)} to {format_size(largest)}"
        yield Defect(f"is too {problem}: {format_size(size)}, but {bounds} are expected")


def format_size(size: int) -> str:
    """Return a number of bytes with a unit."""
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def check_members(names: Iterable[str], root: str | None = None) -> Iterator[Defect]:
    """Check that no member of an archive is duplicate, or is unpacked outside of the target directory.

    `root` is the one directory that must contain all members.
    """
    checked: set[str] = set()
    for name in names:
        if name in checked:
            yield Defect(f"contains `{name}` twice; tools differ in which of the two they unpack")
        checked.add(name)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or re.match("[A-Za-z]:", name):
            yield Defect(f"contains `{name}`, which would be unpacked outside of the target directory")
        elif root is not None and path.parts[:1] != (root,):
            yield Defect(f"contains `{name}`, which is not in the directory `{root}`")
