"""The shapes in which the world answers: plain values, made by the ports and read by the checks.

Those of git and of processes are here. A forge and the registries are asked at other times, and have their own files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Ancestry = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Completed:
    """A process that ended: its argument list, its exit code and what it printed."""

    command: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def reason(self) -> str:
        """Why it did not succeed, in its own words on one line."""
        words = self.stderr.strip() or self.stdout.strip() or f"exit code {self.returncode}"
        return " / ".join(line.strip() for line in words.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class TreeState:
    """A checkout at one moment.

    `commit` and `tree` are full object names, `None` before the first commit; `branch` is the short name, `None` when
    HEAD is detached. `operation` is the unfinished operation and the command that ends it. `changed` and `untracked`
    are paths from the root.
    """

    commit: str | None
    tree: str | None
    message: str
    branch: str | None
    shallow: bool
    operation: tuple[str, str] | None
    changed: tuple[str, ...]
    untracked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a repository: what kind it is, its own object, and the commit it peels to."""

    annotated: bool
    object: str
    commit: str


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """What a remote answered to `question`: refs by full name, or `None` and the reason why it could not be asked."""

    question: str
    refs: Mapping[str, str] | None
    reason: str

    def branch(self, name: str) -> str | None:
        """The commit of a branch."""
        return (self.refs or {}).get(f"refs/heads/{name}")

    def tag(self, name: str) -> Tag | None:
        """The tag of that name; an annotated one is listed twice, the second time peeled."""
        tagged = (self.refs or {}).get(f"refs/tags/{name}")
        if tagged is None:
            return None
        peeled = (self.refs or {}).get(f"refs/tags/{name}^{{}}")
        return Tag(annotated=peeled is not None, object=tagged, commit=peeled or tagged)
