"""What a source distribution holds (PEP 625, PEP 643, PEP 639): enough to be built by itself."""

from __future__ import annotations

import tarfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.metadata import metadata
from binoc_runbook.checks.dists.problem import Problem, members, sized, told
from binoc_runbook.checks.dists.tree import same

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from binoc_runbook.checks.dists.problem import Answer, Wanted
    from binoc_runbook.policy import Artifact

#: In bytes.
SMALLEST, LARGEST, UNPACKED = 200, 20_000_000, 200_000_000


class Tar:
    """The regular files of a `.tar.gz`, by name, and what is wrong with the archive as such."""

    def __init__(self, path: Path, root: str) -> None:
        self.root = root
        self.files: dict[str, bytes] = {}
        self.problems: list[Problem] = []
        try:
            with tarfile.open(path, "r:gz") as archive:
                self._read(archive)
        except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
            self.problems.append(Problem(f"cannot be read as a tar archive: {error}"))

    def _read(self, archive: tarfile.TarFile) -> None:
        names, size = [], 0
        for member in archive:
            size += member.size
            if size > UNPACKED:
                self.problems.append(Problem(f"unpacks to more than {told(UNPACKED)}, which is never looked at"))
                return
            if member.isdir():
                continue
            names.append(member.name)
            if not member.isreg():
                self.problems.append(Problem(f"holds `{member.name}`, which is no regular file"))
            elif (content := archive.extractfile(member)) is not None:
                self.files[member.name] = content.read()
        self.problems += members(names, self.root)

    def get(self, name: str) -> bytes | None:
        """The content of a file, by its path inside the archive's one folder."""
        return self.files.get(f"{self.root}/{name}")

    def paths(self) -> dict[str, bytes]:
        """Every file by its path inside the archive's one folder."""
        inside = f"{self.root}/"
        return {name.removeprefix(inside): data for name, data in self.files.items() if name.startswith(inside)}

    def lacks(self, *names: str) -> Iterator[Problem]:
        """Tell of each file that is not at the top; `README` stands for one with any ending."""
        top = [name.split("/")[1] for name in self.files if name.count("/") == 1]
        for name in names:
            if name not in top and not any(each.startswith(f"{name}.") for each in top if name == "README"):
                yield Problem(f"has no `{name}`")


@dataclass(frozen=True, slots=True)
class Sdist:
    """The source distribution of an artifact."""

    artifact: Artifact

    def inspect(self, path: Path, wanted: Wanted) -> Iterator[Answer]:
        """Look into an sdist, whose name is known to be right."""
        yield from sized(path, SMALLEST, LARGEST)
        archive = Tar(path, path.name.removesuffix(".tar.gz"))
        yield from archive.problems
        if not archive.files:
            return
        yield from archive.lacks("PKG-INFO", "pyproject.toml", "Cargo.lock", "LICENSE", "README")
        if (data := archive.get("PKG-INFO")) is not None:
            yield from metadata("PKG-INFO", data, self.artifact, wanted, archive.files, f"{archive.root}/")
        if isinstance(wanted.tree, str):
            saw = f"its files could not be compared with those of the commit: {wanted.tree}"
            yield Problem(saw, "git fetch --tags", "unknown")
            return
        yield from same(archive.paths(), self.artifact, wanted.tree)
        yield f"{len(archive.files)} files, as in the commit"
