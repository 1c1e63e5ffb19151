"""Observations: plain values that `world` reads from git, processes, GitHub and registries, for the checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Ancestry = Literal["yes", "no", "unknown"]
Outcome = Literal["value", "absent", "forbidden", "refused", "no answer", "no token"]


#: The exit code of a command that was ended at its limit, as with `timeout` of GNU coreutils.
TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """Result of a process: its argument list, exit code and output."""

    command: tuple[str, ...]
    returncode: int
    stdout: str
    stderr: str

    @property
    def reason(self) -> str:
        """Return why the process failed: its output on one line."""
        words = self.stderr.strip() or self.stdout.strip() or f"exit code {self.returncode}"
        return " / ".join(line.strip() for line in words.splitlines() if line.strip())


@dataclass(frozen=True, slots=True)
class TreeState:
    """State of a checkout.

    `commit` and `tree` are full object names, `None` before the first commit; `branch` is the short name, `None` when
    HEAD is detached. `operation` is the unfinished operation and the command that ends it. `changed` and `untracked`
    are paths from the root; `hidden` are the changes that `git status` does not report. Files that have one of the
    `filters` were not compared, because git did not run it.
    """

    commit: str | None
    tree: str | None
    message: str
    branch: str | None
    shallow: bool
    operation: tuple[str, str] | None
    changed: tuple[str, ...]
    untracked: tuple[str, ...]
    hidden: tuple[HiddenChange, ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Return whether a tracked file differs from the commit."""
        return bool(self.changed or self.hidden)


@dataclass(frozen=True, slots=True)
class HiddenChange:
    """Tracked file that differs from the commit, or is `absent`, while git does not compare it.

    `assumed` is the flag of `git update-index --assume-unchanged`, `skipped` that of `--skip-worktree`, which sparse
    checkouts also use.
    """

    path: str
    absent: bool
    assumed: bool
    skipped: bool


@dataclass(frozen=True, slots=True)
class CommitComparison:
    """Comparison of files that were read from the work tree with the commit, by paths from the root.

    `differing` have other content in the commit; `uncommitted` are not in it.
    """

    differing: tuple[str, ...] = ()
    uncommitted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tag:
    """Tag of a repository: its kind, its object, and the commit that it points to."""

    annotated: bool
    object: str
    commit: str


@dataclass(frozen=True, slots=True)
class Setting:
    """Setting of git: its key, its value, and its scope (`system`, `global`, `local`, `worktree` or `command`).

    `origin` is the place as git shows it, such as `file:.git/config`.
    """

    key: str
    scope: str
    value: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class CommitVersions:
    """The versions of the artifacts in one commit, by name; `None` if they cannot be read, for the given reason."""

    versions: Mapping[str, str] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RemoteRefs:
    """Refs of a remote by full name, read by the command `question`.

    `refs` is `None` if the remote could not be read, for the given `reason`. It was not queried if `untrusted`: the
    configuration of the checkout selects a program for it.
    """

    question: str
    refs: Mapping[str, str] | None
    reason: str
    untrusted: bool = False

    def branch(self, name: str) -> str | None:
        """Return the commit of a branch."""
        return (self.refs or {}).get(f"refs/heads/{name}")

    def tag(self, name: str) -> Tag | None:
        """Return the tag of that name; `git ls-remote` lists an annotated tag twice, the second time as `<tag>^{}`."""
        tagged = (self.refs or {}).get(f"refs/tags/{name}")
        if tagged is None:
            return None
        commit = (self.refs or {}).get(f"refs/tags/{name}^{{}}")
        return Tag(annotated=commit is not None, object=tagged, commit=commit or tagged)


@dataclass(frozen=True, slots=True)
class GitHubResponse:
    """Response of GitHub to the request `question`, such as `GET /repos/owner/name`.

    `value` is the JSON of a response with the outcome *value*. For all other outcomes, `reason` is GitHub's message:

    - *absent*: not found, or hidden from this token.
    - *forbidden*: the token has no permission.
    - *refused*: GitHub declined the request.
    - *no answer*: no usable response arrived.
    - *no token*: no request was sent, for lack of a token.
    """

    question: str
    outcome: Outcome
    value: Any = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GitHubJob:
    """Job of a workflow run at GitHub; `status` and `conclusion` are GitHub's words, `seconds` is its duration."""

    id: int
    name: str
    status: str
    conclusion: str | None
    seconds: float


@dataclass(frozen=True, slots=True)
class GitHubRun:
    """Last attempt of a workflow run at GitHub; `status` and `conclusion` are GitHub's words, `url` is its page.

    From GitHub's documentation of its REST API, pages "Workflow runs" and "Workflow jobs".
    """

    id: int
    attempt: int
    event: str
    status: str
    conclusion: str | None
    url: str
    jobs: tuple[GitHubJob, ...]

    @property
    def completed(self) -> bool:
        """Return whether the attempt has ended."""
        return self.status == "completed"

    @property
    def succeeded(self) -> bool:
        """Return whether the attempt has ended, and no job failed."""
        return self.completed and self.conclusion == "success"

    def to_json(self) -> dict[str, Any]:
        """Return the run for a record, without its jobs."""
        names = ("id", "attempt", "event", "status", "conclusion", "url")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class RunLookup:
    """Result of looking for the workflow run of a tag by the request `question`.

    `run` is the newest one if `kind` is `run`. With *no answer*, a later request can have another result; with *no
    access* it cannot. `reason` says why. `seconds` is how long the lookup was repeated.
    """

    kind: Literal["run", "no run", "no answer", "no access"]
    question: str
    run: GitHubRun | None = None
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NameLookup:
    """Result of looking up a name at a registry by the request `question`; `reason` says why it is *unknown*.

    `version` is the newest version of a crate, `None` if it is unknown.
    """

    question: str
    answer: Literal["yes", "no", "unknown"]
    reason: str = ""
    version: str | None = None


@dataclass(frozen=True, slots=True)
class VersionLookup:
    """Files of one version of one name at a registry, read by the request `question`.

    `digests` are the SHA-256 digests of the files, in hexadecimal. They are empty unless `kind` is `offered`; then
    `reason` says why. A `yanked` version of a crate is not offered, but cannot be published again (Cargo book, *cargo
    yank*). `commit` is the full name of the commit that the files were built from, if the files contain it (a `.crate`
    does). `source` is the registry of a crate as in `Cargo.lock`. `remedy` is the fix for a lookup that cannot run on
    this machine.
    """

    kind: Literal["offered", "yanked", "no version", "no name", "no answer"]
    question: str
    digests: frozenset[str] = frozenset()
    reason: str = ""
    commit: str | None = None
    source: str = ""
    remedy: str = ""

    @property
    def published(self) -> bool:
        """Return whether the registry has the version, so that it accepts no other files for it."""
        return self.kind in ("offered", "yanked")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Provenance of a file: `proven`, `refuted`, or `unknown` with the reason."""

    file: str
    kind: Literal["proven", "refuted", "unknown"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CrateRecord:
    """Record of a version of a crate in the web API of its registry, read by the request `question`.

    `version` and `crate` are the JSON objects of the API. They are `None` if they could not be read, for `reason`.
    """

    question: str
    version: Mapping[str, Any] | None = None
    crate: Mapping[str, Any] | None = None
    reason: str = ""
