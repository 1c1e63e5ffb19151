"""What a wheel holds (PEP 427), and what its name says of it (PEP 425, PEP 600)."""

from __future__ import annotations

import base64
import csv
import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from email.parser import BytesParser
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from binoc_runbook.checks.dists.library import libraries
from binoc_runbook.checks.dists.metadata import metadata
from binoc_runbook.checks.dists.problem import Problem, members, sized, told
from binoc_runbook.checks.dists.sbom import sbom

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from packaging.tags import Tag

    from binoc_runbook.checks.dists.problem import Answer, Wanted
    from binoc_runbook.policy import Artifact

#: In bytes: less holds no library, and a project may have no more on PyPI without asking.
SMALLEST, LARGEST = 1_000, 100_000_000
#: All members together, in bytes; more is never read.
UNPACKED = 500_000_000

_OLD = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def name_of(name: str) -> tuple[str, str, frozenset[Tag]] | None:
    """Read project, version and tags from the name of a wheel; None for a name that no wheel has."""
    try:
        project, version, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return None
    return project, str(version), tags


def platforms_of(name: str) -> set[str]:
    """Give the platform tags of a wheel's name, the old names of PEP 600 spelt as the new."""
    parsed = name_of(name)
    return {_modern(tag.platform) for tag in parsed[2]} if parsed else set()


def _modern(platform: str) -> str:
    old, _, machine = platform.partition("_")
    return f"{_OLD[old]}_{machine}" if old in _OLD else platform


@dataclass(frozen=True, slots=True)
class Wheel:
    """The wheel of an artifact."""

    artifact: Artifact

    def inspect(self, path: Path, wanted: Wanted) -> Iterator[Answer]:
        """Look into a wheel, whose name is known to be right."""
        yield from sized(path, SMALLEST, LARGEST)
        try:
            with zipfile.ZipFile(path) as archive:
                yield from self._archive(path.name, archive, wanted)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
            yield Problem(f"cannot be read as a zip archive: {error}")

    def _archive(self, name: str, archive: zipfile.ZipFile, wanted: Wanted) -> Iterator[Answer]:
        size = sum(member.file_size for member in archive.infolist())
        if size > UNPACKED:
            yield Problem(f"unpacks to {told(size)}, and more than {told(UNPACKED)} is never looked at")
            return
        names = [member.filename for member in archive.infolist() if not member.is_dir()]
        yield from members(names)
        yield from _sources(names)
        yield from libraries(archive, names, (self.artifact.wheels or "").rpartition("-")[2])
        info = "-".join(name.split("-")[:2]) + ".dist-info/"
        others = {each.split("/")[0] for each in names if each.split("/")[0].endswith(".dist-info")}
        if others != {info[:-1]}:
            said = ", ".join(f"`{each}`" for each in sorted(others)) or "none"
            yield Problem(f"should hold one folder `{info[:-1]}` of that kind, and holds {said}")
            return
        for file in ("METADATA", "WHEEL", "RECORD"):
            if info + file not in names:
                yield Problem(f"has no `{info}{file}`")
        if info + "METADATA" in names:
            data = archive.read(info + "METADATA")
            yield from metadata("METADATA", data, self.artifact, wanted, names, f"{info}licenses/")
        if info + "WHEEL" in names:
            yield from _tags(name, archive.read(info + "WHEEL"))
        if info + "RECORD" in names:
            yield from _record(archive, info + "RECORD", set(names))
        yield f"{len(names)} members as in RECORD"
        yield from self._sboms(archive, f"{info}sboms/", names, wanted)

    def _sboms(self, archive: zipfile.ZipFile, folder: str, names: list[str], wanted: Wanted) -> Iterator[Answer]:
        found = [each for each in names if each.startswith(folder)]
        if not found:
            yield Problem(f"has no SBOM in `{folder}` (PEP 770)")
        for each in found:
            yield from sbom(each.removeprefix(folder), archive.read(each), wanted)


def _sources(names: list[str]) -> Iterator[Problem]:
    """What an sdist that is laid out badly brings into the package of those who install it."""
    for name in names:
        if name.endswith((".rs", "/Cargo.toml", "/Cargo.lock")):
            remedy = "give `python-source` a folder that no crate of the sdist lies in, then `just dist`"
            yield Problem(f"holds `{name}`, a source of the crate", remedy)


def _tags(name: str, data: bytes) -> Iterator[Problem]:
    parsed = name_of(name)
    says = {str(tag) for tag in BytesParser().parsebytes(data).get_all("Tag", [])}
    expected = {str(tag) for tag in parsed[2]} if parsed else set()
    if says != expected:
        differing = ", ".join(f"`{tag}`" for tag in sorted(says ^ expected))
        yield Problem(f"WHEEL and the name of the file disagree about {differing}")


def _record(archive: zipfile.ZipFile, record: str, names: set[str]) -> Iterator[Problem]:
    """Compare RECORD with the archive (PEP 376, PEP 427): every file but itself, with digest and size."""
    try:
        rows = list(csv.reader(archive.read(record).decode("utf-8").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        yield Problem(f"RECORD cannot be read: {error}")
        return
    seen: set[str] = set()
    for row in rows:
        if len(row) != 3:
            yield Problem(f"RECORD has a line of {len(row)} fields, not of 3")
            continue
        name, digest, size = row
        if name in seen:
            yield Problem(f"RECORD names `{name}` twice")
        seen.add(name)
        if name not in names:
            yield Problem(f"RECORD names `{name}`, which is not in the archive")
        elif name != record:
            data = archive.read(name)
            if digest != f"sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()}":
                yield Problem(f"RECORD gives `{name}` another digest than it has")
            if size != str(len(data)):
                yield Problem(f"RECORD gives `{name}` {size or 'no'} bytes, and it has {len(data)}")
    for name in sorted(names - seen):
        yield Problem(f"holds `{name}`, which RECORD does not name")
