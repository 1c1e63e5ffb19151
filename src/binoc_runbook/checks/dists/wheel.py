"""Wheels (PEP 427), and the platforms in their names (PEP 425, PEP 600).

`twine check` and `check-wheel-contents` check that METADATA, WHEEL and RECORD exist and are valid.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from binoc_runbook.checks.dists.archives import check_members, check_size, format_size
from binoc_runbook.checks.dists.core_metadata import check_metadata
from binoc_runbook.checks.dists.expectation import Defect, Expectation
from binoc_runbook.checks.dists.generated_files import NOTICES
from binoc_runbook.checks.dists.licences import check_third_party
from binoc_runbook.checks.dists.sbom import check_sbom
from binoc_runbook.checks.dists.shared_libraries import check_libraries, shared_libraries
from binoc_runbook.policy import Artifact

#: In bytes: a smaller wheel contains no library; PyPI accepts no larger file by default.
SMALLEST, LARGEST = 1_000, 100_000_000
#: The largest size of all members together, in bytes; more is never read.
UNPACKED = 500_000_000

_OLD_NAMES = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}


def parse_wheel_name(name: str) -> tuple[str, str, frozenset[Tag]] | None:
    """Return project, version and tags from the name of a wheel; None for an invalid name."""
    try:
        project, version, _, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return None
    return project, str(version), tags


def wheel_platforms(name: str) -> set[str]:
    """Return the platform tags in the name of a wheel; old names are replaced by those of PEP 600."""
    parsed = parse_wheel_name(name)
    return {_new_name(tag.platform) for tag in parsed[2]} if parsed else set()


def _new_name(platform: str) -> str:
    old, _, machine = platform.partition("_")
    return f"{_OLD_NAMES[old]}_{machine}" if old in _OLD_NAMES else platform


def record_entry(name: str, data: bytes) -> tuple[str, str, str]:
    """Return the line of a file in RECORD: name, digest and size (PEP 376, PEP 427)."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")
    return name, f"sha256={digest}", str(len(data))


def inspect_wheel(path: Path, artifact: Artifact, expectation: Expectation) -> Iterator[Defect | str]:
    """Check the content of a wheel with the right file name."""
    yield from check_size(path, SMALLEST, LARGEST)
    try:
        with zipfile.ZipFile(path) as archive:
            yield from _inspect_archive(path.name, archive, artifact, expectation)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        yield Defect(f"cannot be read as a zip archive: {error}")


def _inspect_archive(
    name: str, archive: zipfile.ZipFile, artifact: Artifact, expectation: Expectation
) -> Iterator[Defect | str]:
    size = sum(member.file_size for member in archive.infolist())
    if size > UNPACKED:
        yield Defect(f"unpacks to {format_size(size)}, more than {format_size(UNPACKED)}, the limit of this check")
        return
    names = [member.filename for member in archive.infolist() if not member.is_dir()]
    yield from check_members(names)
    yield from _check_sources(names)
    yield from check_libraries(archive, names, (artifact.wheels or "").rpartition("-")[2])
    info = "-".join(name.split("-")[:2]) + ".dist-info/"
    if f"{info}METADATA" in names:
        data = archive.read(f"{info}METADATA")
        yield from check_metadata("METADATA", data, artifact, expectation, names, f"{info}licenses/")
    if f"{info}WHEEL" in names:
        yield from _check_tags(name, archive.read(f"{info}WHEEL"))
    if f"{info}RECORD" in names:
        yield from _check_record(archive, f"{info}RECORD", set(names))
    yield f"{len(names)} members as in RECORD"
    directory = f"{info}sboms/"
    sboms = [member for member in names if member.startswith(directory)]
    if not sboms:
        yield Defect(f"has no SBOM in `{directory}` (PEP 770)")
    for member in sboms:
        yield from check_sbom(member.removeprefix(directory), archive.read(member), expectation)
    if artifact.third_party_notices:
        notices = f"{info}licenses/{NOTICES}"
        yield from check_third_party(
            archive.read(notices) if notices in names else None,
            {member: archive.read(member) for member in sboms},
            map(archive.read, shared_libraries(names)),
        )


def _check_sources(names: list[str]) -> Iterator[Defect]:
    """Check that no source of a crate is installed, as happens if a crate is below `python-source` in the sdist."""
    for name in names:
        if name.endswith((".rs", "/Cargo.toml", "/Cargo.lock")):
            remedy = "set `python-source` to a directory without a crate, then `just dist`"
            yield Defect(f"contains `{name}`, a source of the crate", remedy)


def _check_tags(name: str, data: bytes) -> Iterator[Defect]:
    parsed = parse_wheel_name(name)
    expected = {str(tag) for tag in parsed[2]} if parsed else set()
    differing = expected ^ {str(tag) for tag in BytesParser().parsebytes(data).get_all("Tag", [])}
    if differing:
        listed = ", ".join(f"`{tag}`" for tag in sorted(differing))
        yield Defect(f"WHEEL and the file name disagree about {listed}")


def _check_record(archive: zipfile.ZipFile, record: str, names: set[str]) -> Iterator[Defect]:
    """Compare RECORD with the archive: every file except RECORD, with digest and size."""
    try:
        rows = list(csv.reader(archive.read(record).decode("utf-8").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        yield Defect(f"RECORD cannot be read: {error}")
        return
    for name, digest, size in (row for row in rows if len(row) == 3):
        if name not in names:
            yield Defect(f"RECORD contains `{name}`, which is not in the archive")
        elif name != record:
            _, expected_digest, expected_size = record_entry(name, archive.read(name))
            if digest != expected_digest:
                yield Defect(f"RECORD has a wrong digest for `{name}`")
            if size != expected_size:
                yield Defect(f"RECORD has the size {size or 'none'} for `{name}`, not {expected_size}")
    for name in sorted(names - {row[0] for row in rows if row}):
        yield Defect(f"contains `{name}`, which is not in RECORD")
