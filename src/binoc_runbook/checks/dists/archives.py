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
                self.defects.append(Defect(f"unpacks to more than {format_size(UNPACKED)}, which is never looked at"))
                return
            if member.isdir():
                continue
            names.append(member.name)
            if not member.isreg():
                self.defects.append(Defect(f"holds `{member.name}`, which is no regular file"))
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
        """Check that files are at the top; `README` stands for one with any ending."""
        top = {"README" if name.startswith("README.") else name for name in self.paths() if "/" not in name}
        yield from (Defect(f"has no `{name}`") for name in names if name not in top)


def check_size(path: Path, smallest: int, largest: int) -> Iterator[Defect | str]:
    """Check that the size of a file is in a range, in bytes."""
    size = path.stat().st_size
    if smallest <= size <= largest:
        yield format_size(size)
    else:
        much = "little" if size < smallest else "much"
        bounds = f"{format_size(smallest)} to {format_size(largest)}"
        yield Defect(f"has {format_size(size)}, which is too {much}: {bounds} are expected")


def format_size(size: int) -> str:
    """Return a number of bytes with a unit."""
    for unit, name in ((2**20, "MiB"), (2**10, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def check_members(names: Iterable[str], root: str | None = None) -> Iterator[Defect]:
    """Check that no member of an archive is there twice, or is unpacked outside of the target directory.

    `root` is the one directory that all of them must be in.
    """
    checked: set[str] = set()
    for name in names:
        if name in checked:
            yield Defect(f"holds `{name}` twice, and unpackers differ in which of them they take")
        checked.add(name)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or re.match("[A-Za-z]:", name):
            yield Defect(f"holds `{name}`, which would be written outside the directory it is unpacked into")
        elif root is not None and path.parts[:1] != (root,):
            yield Defect(f"holds `{name}`, which is not in the directory `{root}`")
