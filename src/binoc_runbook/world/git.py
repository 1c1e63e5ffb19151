"""The client of git: queries that can be unknown, and commands as exact argument lists.

All commands run through GitPython. Queries of a remote have a timeout, and no command prompts, because a kernel has no
terminal.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import BinaryIO, cast

from binoc_runbook.checks.observations import (
    Ancestry,
    CommitComparison,
    HiddenChange,
    ProcessResult,
    RemoteRefs,
    Tag,
    TreeState,
)
from binoc_runbook.world.committed_files import CommittedFiles

#: The timeout of queries of a remote, in seconds; afterwards the result is *unknown*.
TIMEOUT = 60.0

_OPERATIONS = {
    "MERGE_HEAD": ("merge", "git merge --abort"),
    "CHERRY_PICK_HEAD": ("cherry-pick", "git cherry-pick --abort"),
    "REVERT_HEAD": ("revert", "git revert --abort"),
    "rebase-merge": ("rebase", "git rebase --abort"),
    "rebase-apply": ("rebase", "git rebase --abort"),
    "BISECT_LOG": ("bisect", "git bisect reset"),
}

#: The number of columns before the path in an entry of `git status --porcelain=v2`.
_COLUMNS = {"1 ": 8, "2 ": 9, "u ": 10}


@dataclass
class Git:
    """The repository of one checkout; `environment` is added to the environment of all commands."""

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    # The URL of each remote, and the URL to show: without credentials and paths of this machine.
    _urls: dict[str, tuple[str, str]] = field(default_factory=dict)

    def run(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ProcessResult:
        """Run a git command line, `["git", …]`, and return its output; do not raise for an exit code."""
        import tempfile

        import git

        with tempfile.TemporaryFile() as file:
            file.write((stdin or "").encode())
            file.seek(0)
            try:
                for name in _leaking():
                    os.environ.pop(name, None)
                returncode, stdout, stderr = git.Git(self.root).execute(
                    list(command),
                    istream=cast("BinaryIO", file),
                    with_extended_output=True,
                    with_exceptions=False,
                    strip_newline_in_stdout=False,
                    kill_after_timeout=timeout,
                    env={"GIT_TERMINAL_PROMPT": "0", **self.environment, **(environment or {})},
                )
            except git.exc.GitCommandNotFound:
                return ProcessResult(tuple(command), 127, "", "`git` was not found on PATH")
        return ProcessResult(tuple(command), int(returncode), str(stdout), self._tidy(str(stderr).strip()))

    def query(self, *arguments: str, stdin: str | None = None, timeout: float | None = None) -> ProcessResult:
        """Run a git query without optional locks, which could block a concurrent command of the user."""
        return self.run(["git", *arguments], stdin=stdin, timeout=timeout, environment={"GIT_OPTIONAL_LOCKS": "0"})

    def _tidy(self, text: str) -> str:
        for url, shown in self._urls.values():
            text = text.replace(url, shown)
        return text

    # The checkout

    def tree_state(self) -> TreeState | str:
        """Return the state of the checkout, or why git cannot report it."""
        directories = self._directories
        if isinstance(directories, str):
            return directories
        directory, common = directories
        # A program that reports changes (`core.fsmonitor`) can miss some.
        no_monitor = ("-c", "core.fsmonitor=false")
        status = self.query(
            *no_monitor,
            "status",
            "--porcelain=v2",
            "--branch",
            "-z",
            "--untracked-files=all",
            "--ignore-submodules=none",
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
                    next(entries, None)  # a rename is followed by the old name
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
            hidden=tuple(self._hidden_changes()),
        )

    def _hidden_changes(self) -> Iterator[HiddenChange]:
        """Yield the changes of tracked files that have a flag because of which git does not compare them.

        `git ls-files -v` shows a lower-case letter for `--assume-unchanged`, and `S` for `--skip-worktree`.
        """
        entries = self.query("ls-files", "-v", "-z").stdout.split("\0")
        flags = {entry[2:]: entry[0] for entry in entries if entry and (entry[0].islower() or entry[0] == "S")}
        if not flags:
            return
        absent = {path for path in flags if not os.path.lexists(self.root / path)}
        comparison = self.compare({path: None for path in flags if path not in absent})
        changed = absent if isinstance(comparison, str) else absent.union(comparison.differing, comparison.uncommitted)
        for path in sorted(changed):
            flag = flags[path]
            yield HiddenChange(path, path in absent, assumed=flag.islower(), skipped=flag.upper() == "S")

    def compare(self, files: Mapping[str, bytes | None]) -> CommitComparison | str:
        """Compare files with the commit HEAD, by path; the content of a file is read if it is `None`.

        Return an error if git cannot read the commit.
        """
        return CommittedFiles(self.root, self.query).compare(files)

    def text_at(self, commit: str, path: str) -> str | None:
        """Return the text of a file in a commit, or `None` if there is none; invalid UTF-8 is replaced."""
        result = self.query("cat-file", "blob", f"{commit}:{path}")
        if result.returncode != 0:
            return None
        return result.stdout.encode(errors="surrogateescape").decode(errors="replace")

    def commit_of(self, ref: str) -> str | None:
        """Return the commit of a ref in this clone, or `None` if there is none."""
        result = self.query("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return result.stdout.strip() or None

    def head(self) -> tuple[str, str | None] | None:
        """Return the commit of HEAD and its branch, if it is not detached; `None` before the first commit."""
        result = self.query("rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
        if result.returncode != 0:
            return None
        commit, name = result.stdout.split()
        return commit, name.removeprefix("refs/heads/") if name != "HEAD" else None

    def private_directory(self) -> Path | None:
        """Return the directory inside `.git/` that all work trees of this clone share."""
        directories = self._directories
        return None if isinstance(directories, str) else directories[1]

    @cached_property
    def _directories(self) -> tuple[Path, Path] | str:
        """Return the git directory of this work tree and the common one, or an error."""
        result = self.query("rev-parse", "--absolute-git-dir", "--git-common-dir", "--show-toplevel")
        if result.returncode != 0:
            return result.reason
        own, common, _ = result.stdout.splitlines()
        return Path(own), (self.root / common).resolve()

    def local_tag(self, name: str) -> Tag | None:
        """Return the tag of that name in this clone, if there is one."""
        result = self.query("for-each-ref", "--format=%(objecttype) %(objectname) %(*objectname)", f"refs/tags/{name}")
        if not result.stdout.strip():
            return None
        kind, tagged, *commit = result.stdout.split()
        return Tag(annotated=kind == "tag", object=tagged, commit=commit[0] if commit else tagged)

    def tagged_at(self, name: str) -> float | None:
        """Return the Unix time of a tag in this clone, or of the commit of a lightweight tag."""
        result = self.query("for-each-ref", "--format=%(creatordate:unix)", f"refs/tags/{name}")
        return float(result.stdout) if result.stdout.strip() else None

    def containment(self, one: str, other: str) -> tuple[Ancestry, Ancestry]:
        """Return whether each of two commits contains the other; both *unknown* if this clone lacks one of them."""
        if one == other:
            return "yes", "yes"
        result = self.query("rev-list", "--left-right", "--count", f"{one}...{other}")
        if result.returncode != 0:
            return "unknown", "unknown"
        only_one, only_other = result.stdout.split()
        return ("yes" if only_other == "0" else "no"), ("yes" if only_one == "0" else "no")

    # Requirements of actions

    def identity(self) -> str | None:
        """Return the tagger as `Name <address>`, or `None` if git has no configured identity."""
        # Without this setting, `git var` derives an identity from the name of the machine.
        result = self.run(["git", "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT"])
        return result.stdout.rsplit(" ", 2)[0].strip() if result.returncode == 0 else None

    def signs_tags(self) -> bool:
        """Return whether git is configured to sign tags (`tag.gpgSign`)."""
        return self.query("config", "--type=bool", "--get", "tag.gpgSign").stdout.strip() == "true"

    def try_signing(self, tree: str) -> str | None:
        """Sign a temporary object without prompts; return the error, or `None` if signing works."""
        import tempfile

        objects = self.query("rev-parse", "--git-path", "objects").stdout.strip()
        with tempfile.TemporaryDirectory(prefix="binoc-signing-") as temporary:
            signed = self.run(
                ["git", "commit-tree", "-S", "-m", "can this clone sign?", tree],
                timeout=20.0,
                environment={
                    # The object must not stay in the clone.
                    "GIT_OBJECT_DIRECTORY": temporary,
                    "GIT_ALTERNATE_OBJECT_DIRECTORIES": str((self.root / objects).resolve()),
                    "DISPLAY": "",
                    "WAYLAND_DISPLAY": "",
                    "GPG_TTY": "",
                    "SSH_ASKPASS_REQUIRE": "never",
                },
            )
        return None if signed.returncode == 0 else signed.reason

    # Remotes

    def remote_url(self, remote: str) -> str | None:
        """Return the push URL of a remote without credentials, or `None` if the remote is not configured.

        The URL is read once, because it must not change during a run.
        """
        if remote not in self._urls:
            result = self.query("remote", "get-url", "--push", remote)
            if result.returncode != 0:
                return None
            url = result.stdout.strip()
            self._urls[remote] = url, _presentable(url)
        return self._urls[remote][1]

    def remote_refs(self, remote: str, *names: str) -> RemoteRefs:
        """Return the refs of a remote with these full names, or all refs."""
        result = self.query("ls-remote", remote, *names, timeout=TIMEOUT)
        question = f"git ls-remote {' '.join((remote, *names))}"
        if result.returncode != 0:
            return RemoteRefs(question, None, result.reason)
        rows = (line.split("\t", 1) for line in result.stdout.splitlines() if "\t" in line)
        # A pattern matches the end of a name, so the output can contain a ref such as `x/refs/tags/v1`.
        return RemoteRefs(question, {name: sha for sha, name in rows if not names or name in names}, "")


@cache
def _leaking() -> list[str]:
    """Return the variables that select another repository; hooks and aliases leave them in the environment."""
    import git

    names = [*str(git.Git().rev_parse("--local-env-vars")).split(), "GIT_NAMESPACE", "GIT_QUARANTINE_PATH"]
    # Keep the configuration of the user.
    return [name for name in names if not name.startswith(("GIT_CONFIG", "GIT_NO_REPLACE"))]


def _presentable(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    if separator and scheme != "file":
        return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
    is_path = separator or url.startswith(("/", "~", ".")) or url[1:3] in (":/", ":\\")
    return f"…/{Path(url).name}" if is_path else url
