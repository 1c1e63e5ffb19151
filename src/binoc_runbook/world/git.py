"""Git as the runbook asks it: questions with three answers, and acts as exact argument lists.

Everything goes through GitPython's command runner. Questions that reach over the network are bounded in time, and
nothing here can stop at a prompt: a kernel has no terminal to ask on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import BinaryIO, cast

from binoc_runbook.checks.observations import Ancestry, ProcessResult, RemoteRefs, Tag, TreeState

#: How long a remote may take to answer a question, in seconds; afterwards the answer is *unknown*.
TIMEOUT = 60.0

_OPERATIONS = {
    "MERGE_HEAD": ("merge", "git merge --abort"),
    "CHERRY_PICK_HEAD": ("cherry-pick", "git cherry-pick --abort"),
    "REVERT_HEAD": ("revert", "git revert --abort"),
    "rebase-merge": ("rebase", "git rebase --abort"),
    "rebase-apply": ("rebase", "git rebase --abort"),
    "BISECT_LOG": ("bisect", "git bisect reset"),
}

#: How many columns stand before the path in an entry of `git status --porcelain=v2`.
_COLUMNS = {"1 ": 8, "2 ": 9, "u ": 10}


@dataclass
class Git:
    """The repository of one checkout; `environment` is added to what every command inherits."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    # The address of each remote, and as it is shown everywhere: without credentials, and without the machine's paths.
    _urls: dict[str, tuple[str, str]] = field(default_factory=dict)

    def run(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ProcessResult:
        """Run one git command line, `["git", …]`, and return what it printed; never raises for its exit code."""
        import tempfile

        import git

        with tempfile.TemporaryFile() as given:
            given.write((stdin or "").encode())
            given.seek(0)
            try:
                for name in _leaking():
                    os.environ.pop(name, None)
                returncode, stdout, stderr = git.Git(self.root).execute(
                    list(command),
                    istream=cast("BinaryIO", given),
                    with_extended_output=True,
                    with_exceptions=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=timeout,
                    env={"GIT_TERMINAL_PROMPT": "0", **self.environment, **(environment or {})},
                )
            except git.exc.GitCommandNotFound:
                return ProcessResult(tuple(command), 127, "", "`git` was not found on PATH")
        return ProcessResult(tuple(command), int(returncode), str(stdout), self._tidy(str(stderr).strip()))

    def query(self, *arguments: str, timeout: float | None = None) -> ProcessResult:
        """Run `git …` for its answer, without taking the locks that a concurrent command of the user may want."""
        return self.run(["git", *arguments], timeout=timeout, environment={"GIT_OPTIONAL_LOCKS": "0"})

    def _tidy(self, text: str) -> str:
        for url, shown in self._urls.values():
            text = text.replace(url, shown)
        return text

    # What this checkout is.

    def tree_state(self) -> TreeState | str:
        """The checkout as it stands now, or the reason why git cannot tell."""
        where = self._directories
        if isinstance(where, str):
            return where
        directory, common = where
        status = self.query(
            "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=all", "--ignore-submodules=none"
        )
        if status.returncode != 0:
            return status.reason
        facts: dict[str, str] = {}
        changed: list[str] = []
        untracked: list[str] = []
        entries = iter(status.stdout.split("\0"))
        for entry in entries:
            kind = entry[:2]
            if kind == "# ":
                name, _, value = entry[2:].partition(" ")
                facts[name] = value
            elif kind == "? ":
                untracked.append(entry[2:])
            elif kind in _COLUMNS:
                changed.append(entry.split(" ", _COLUMNS[kind])[-1])
                if kind == "2 ":
                    next(entries, None)  # a rename is followed by the name it had
        commit = facts.get("branch.oid", "(initial)")
        head = facts.get("branch.head", "(detached)")
        tree, _, message = self.query("log", "-1", "--format=%T%n%B").stdout.partition("\n")
        operation = next((way for name, way in _OPERATIONS.items() if (directory / name).exists()), None)
        return TreeState(
            commit=None if commit == "(initial)" else commit,
            tree=tree or None,
            message=message.strip(),
            branch=None if head == "(detached)" else head,
            shallow=(common / "shallow").exists(),
            operation=operation,
            changed=tuple(changed),
            untracked=tuple(untracked),
        )

    def head(self) -> tuple[str, str | None] | None:
        """The commit that HEAD is, and its branch unless it is detached; `None` before the first commit."""
        result = self.query("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
        if result.returncode != 0:
            return None
        commit, name = result.stdout.split()
        return commit, name.removeprefix("refs/heads/") if name != "HEAD" else None

    def private_directory(self) -> Path | None:
        """The directory inside `.git/` that all work trees of this clone share."""
        where = self._directories
        return None if isinstance(where, str) else where[1]

    @cached_property
    def _directories(self) -> tuple[Path, Path] | str:
        """The directory inside `.git/` of this work tree and the common one, or why there is none; asked once."""
        result = self.query("rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-toplevel")
        if result.returncode != 0:
            return result.reason
        own, common, _ = result.stdout.splitlines()
        return Path(own), (self.root / common).resolve()

    def local_tag(self, name: str) -> Tag | None:
        """The tag of that name in this clone, if there is one."""
        result = self.query("for-each-ref", "--format=%(objecttype) %(objectname) %(*objectname)", f"refs/tags/{name}")
        if not result.stdout.strip():
            return None
        kind, tagged, *peeled = result.stdout.split()
        return Tag(annotated=kind == "tag", object=tagged, commit=peeled[0] if peeled else tagged)

    def tagged_at(self, name: str) -> float | None:
        """When the tag of that name in this clone was made, or for a lightweight one its commit; a Unix time."""
        result = self.query("for-each-ref", "--format=%(creatordate:unix)", f"refs/tags/{name}")
        return float(result.stdout) if result.stdout.strip() else None

    def containment(self, one: str, other: str) -> tuple[Ancestry, Ancestry]:
        """Whether each of two commits contains the other; both *unknown* when this clone lacks one of them."""
        if one == other:
            return "yes", "yes"
        result = self.query("rev-list", "--left-right", "--count", f"{one}...{other}")
        if result.returncode != 0:
            return "unknown", "unknown"
        only_one, only_other = result.stdout.split()
        return ("yes" if only_other == "0" else "no"), ("yes" if only_one == "0" else "no")

    # What an act will need.

    def identity(self) -> str | None:
        """Who would sign a tag, as `Name <address>`; `None` where git would refuse to make one up."""
        # `git var` alone invents an identity from the machine's name; what git tag accepts needs this setting too.
        result = self.run(["git", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"])
        return result.stdout.rsplit(" ", 2)[0].strip() if result.returncode == 0 else None

    def signs_tags(self) -> bool:
        """Whether git is configured to sign the tags it makes (`tag.gpgSign`)."""
        return self.query("config", "--type=bool", "--get", "tag.gpgSign").stdout.strip() == "true"

    def try_signing(self, tree: str) -> str | None:
        """Sign a throwaway object without any prompt; returns why that is not possible, or `None` when it is."""
        import tempfile

        objects = self.query("rev-parse", "--git-path", "objects").stdout.strip()
        with tempfile.TemporaryDirectory(prefix="binoc-signing-") as throwaway:
            signed = self.run(
                ["git", "commit-tree", "-S", "-m", "can this clone sign?", tree],
                timeout=20.0,
                environment={
                    # The object must not stay in the clone.
                    "GIT_OBJECT_DIRECTORY": throwaway,
                    "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((self.root / objects).resolve()),
                    "DISPLAY": "",
                    "WAYLAND_DISPLAY": "",
                    "GPG_TTY": "",
                    "SSH_ASKPASS_REQUIRE": "never",
                },
            )
        return None if signed.returncode == 0 else signed.reason

    # What a remote says.

    def remote_url(self, remote: str) -> str | None:
        """Where pushes to the remote go, as it may be shown; `None` when no such remote is configured.

        Asked once: a run goes to one place.
        """
        if remote not in self._urls:
            result = self.query("remote", "get-url", "--push", remote)
            if result.returncode != 0:
                return None
            url = result.stdout.strip()
            self._urls[remote] = url, _presentable(url)
        return self._urls[remote][1]

    def remote_refs(self, remote: str, *names: str) -> RemoteRefs:
        """What the remote answers for the refs of these full names (all of them when none is given)."""
        result = self.query("ls-remote", remote, *names, timeout=TIMEOUT)
        question = f"git ls-remote {' '.join((remote, *names))}"
        if result.returncode != 0:
            return RemoteRefs(question, None, result.reason)
        rows = (line.split("\t", 1) for line in result.stdout.splitlines() if "\t" in line)
        # A pattern matches the tail of a name, so a ref `x/refs/tags/v1` is answered too.
        return RemoteRefs(question, {name: sha for sha, name in rows if not names or name in names}, "")


@cache
def _leaking() -> list[str]:
    """The variables that point git at another repository, as a hook or an alias leaves them in the environment."""
    import git

    names = [*str(git.Git().rev_parse("--local-env-vars")).split(), "GIT_NAMESPACE", "GIT_QUARANTINE_PATH"]
    # What the user has configured stays.
    return [name for name in names if not name.startswith(("GIT_CONFIG", "GIT_NO_REPLACE"))]


def _presentable(url: str) -> str:
    scheme, found, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if found and scheme != "file":
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    is_path = found or url.startswith(("/", "~", ".")) or url[1:3] in (":/", ":\\")
    return f"…/{Path(url).name}" if is_path else url
