"""What the kinds of files have in common: what is wanted of them, and how what is wrong is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from binoc_runbook.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from binoc_runbook.checks.dists.tree import Tree
    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version

CHECK = "dists"
AGAIN = "just dist"

_KIB, _MIB = 2**10, 2**20


class Problem(NamedTuple):
    """What was seen in a file that should not be so, or why nothing could be seen, and what to do about it."""

    saw: str
    remedy: str = AGAIN
    status: Literal["failed", "unknown"] = "failed"

    def finding(self, looked_at: str) -> Finding:
        """The problem as a finding about a file."""
        return Finding(CHECK, self.status, looked_at, self.saw, self.remedy)


#: A problem, or words about what was looked at.
Answer = Problem | str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What every file is compared with: the policy, the version, and the commit that is released.

    `tree` is what that commit holds, `packaged` for each crate the files that `cargo package --list` names there; in
    place of either there can be the reason why nobody could say.
    """

    policy: Policy
    version: Version
    commit: str | None
    tree: Tree | str
    packaged: Mapping[str, frozenset[str] | str]


class Kind(Protocol):
    """A kind of file: its questions, answered with problems, and with words for what was seen."""

    def inspect(self, path: Path, wanted: Wanted) -> Iterator[Answer]: ...


def sized(path: Path, smallest: int, largest: int) -> Iterator[Answer]:
    """Whether the size of a file, in bytes, is one that such a file can have."""
    size = path.stat().st_size
    if smallest <= size <= largest:
        yield told(size)
    else:
        much = "little" if size < smallest else "much"
        yield Problem(f"has {told(size)}, which is too {much}: {told(smallest)} to {told(largest)} are expected")


def told(size: int) -> str:
    """A number of bytes, for people."""
    for unit, name in ((_MIB, "MiB"), (_KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"


def members(names: Iterable[str], inside: str | None = None) -> Iterator[Problem]:
    """Whether no member of an archive is there twice, or would be written outside the folder it is unpacked into.

    `inside` is the one folder that all of them must lie in.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield Problem(f"holds `{name}` twice, and unpackers differ in which of them they take")
        seen.add(name)
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or re.match("[A-Za-z]:", name):
            yield Problem(f"holds `{name}`, which would be written outside the folder it is unpacked into")
        elif inside is not None and path.parts[:1] != (inside,):
            yield Problem(f"holds `{name}`, which is not in the folder `{inside}`")
