"""Observations: plain values that `world` reads from git, processes, GitHub and registries, and that checks judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Ancestry = Literal["yes", "no", "unknown"]
Outcome = Literal["value", "absent", "forbidden", "refused", "no answer", "no token"]


@dataclass(frozen=True, slots=True)
class ProcessResult:
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


@dataclass(frozen=True, slots=True)
class GitHubResponse:
    """What GitHub answered to `question`, such as `GET /repos/owner/name`.

    `value` is the JSON that it gave. Otherwise `reason` says in its own words why there is none: *absent* is that it
    knows no such thing (or hides it from this token), *forbidden* that the token may not do this, *refused* that the
    request was understood and declined, *no answer* that nothing is known, and *no token* that nobody was asked.
    """

    question: str
    outcome: Outcome
    value: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NameLookup:
    """Whether a registry knows a name, asked by `question`; `reason` says why that is *unknown*.

    `version` is the newest version of a crate, `None` where nothing names it.
    """

    question: str
    answer: Literal["yes", "no", "unknown"]
    reason: str = ""
    version: str | None = None


@dataclass(frozen=True, slots=True)
class VersionLookup:
    """What a registry answered to `question`, about one version of one name.

    `digests` are the SHA-256 digests, in hexadecimal, of the files that it offers; there are some exactly when `kind`
    is `offered`. `reason` says why there are none. `commit` is the full name of the commit that the files say they
    were made from, where the registry's files say that (a `.crate` does).
    """

    kind: Literal["offered", "no version", "no name", "no answer"]
    question: str
    digests: frozenset[str] = frozenset()
    reason: str = ""
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Whether a file proves where it was built: `proven`, `refuted`, or `unknown` with the reason."""

    file: str
    kind: Literal["proven", "refuted", "unknown"]
    reason: str = ""
