"""The file `SHA256SUMS` of a directory, in the format of `sha256sum`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from binoc_runbook.checks.dists.expectation import Defect
from binoc_runbook.files import sha256_of

CHECKSUMS = "SHA256SUMS"

_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def parse_checksums(text: str) -> dict[str, str]:
    """Return digests by file name.

    Raises:
        ValueError: A line has another format, or a file has two lines; the message says which.
    """
    digests: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"line {number} is not a digest and a name")
        if match[2] in digests:
            raise ValueError(f"has two lines for `{match[2]}`")
        digests[match[2]] = match[1]
    return digests


def check_checksums(directory: Path, names: Sequence[str]) -> Iterator[Defect]:
    """Compare the checksums in a directory with its files of these names."""
    try:
        digests = parse_checksums((directory / CHECKSUMS).read_text("utf-8"))
    except FileNotFoundError:
        yield Defect("is missing", "just sums")
        return
    except (OSError, UnicodeDecodeError):
        yield Defect("cannot be read")
        return
    except ValueError as error:
        yield Defect(str(error))
        return
    for name in names:
        if name not in digests:
            yield Defect(f"has no line for `{name}`")
        elif (directory / name).is_file() and digests[name] != sha256_of(directory / name):
            yield Defect(f"has a wrong digest for `{name}`")
    yield from (Defect(f"has a line for `{name}`, which does not exist") for name in digests.keys() - set(names))
