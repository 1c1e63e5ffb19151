"""Whether `SHA256SUMS`, in the format of `sha256sum`, names every file of its folder with its digest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.problem import Problem
from binoc_runbook.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SUMS = "SHA256SUMS"
#: A line of it: the digest and the name.
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def sums(folder: Path, found: Sequence[str]) -> Iterator[Problem]:
    """Compare the sums with the files that were found beside them."""
    try:
        lines = (folder / SUMS).read_text("utf-8").splitlines()
    except FileNotFoundError:
        yield Problem("is missing", "just sums")
        return
    except (OSError, UnicodeDecodeError):
        yield Problem("cannot be read")
        return
    said: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        match = LINE.fullmatch(line)
        if match is None:
            yield Problem(f"line {number} is not a digest and a name")
        elif match[2] in said:
            yield Problem(f"names `{match[2]}` twice")
        else:
            said[match[2]] = match[1]
    for name in found:
        if name not in said:
            yield Problem(f"does not name `{name}`")
        elif (folder / name).is_file() and said[name] != sha256_of(folder / name):
            yield Problem(f"gives `{name}` another digest than it has")
    for name in said.keys() - set(found):
        yield Problem(f"names `{name}`, which is not there")
