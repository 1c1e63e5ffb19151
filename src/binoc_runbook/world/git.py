"""The client of git: queries that can be unknown, and commands as exact argument lists.

`Git._run` starts all git processes of the library. Every command has a timeout, and only actions on a terminal prompt.
Queries start no hook, and no program that the configuration of the checkout selects, until it is trusted.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from binoc_runbook.checks.named_programs import NamedProgram
from binoc_runbook.checks.observations import (
    TIMED_OUT,
    Ancestry,
    CommitComparison,
    HiddenChange,
    ProcessResult,
    RemoteRefs,
    Setting,
    Tag,
    TreeState,
)
from binoc_runbook.policy import Policy
from binoc_runbook.redaction import mask
from binoc_runbook.world.checkout_configuration import CheckoutConfiguration
from binoc_runbook.world.committed_files import CommittedFiles
from binoc_runbook.world.processes import ShowLine, finish, supervised, terminal_for_prompts
from binoc_runbook.world.trust_store import TrustStore

#: The timeout of commands that use only this clone, in seconds.
TIMEOUT = 300.0

#: After a timeout, a remote is not queried again for this time, in seconds: a run makes several queries.
PAUSE = 60.0

#: No program may prompt, neither in the terminal nor in a window. An empty GIT_ASKPASS disables all programs that git
#: can use to prompt (gitcredentials). GCM_INTERACTIVE is for Git Credential Manager, and GPG_TTY for gpg.
_NO_PROMPTS = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GCM_INTERACTIVE": "never",
    "DISPLAY": "",
    "WAYLAND_DISPLAY": "",
    "GPG_TTY": "",
}

#: The settings of all queries: no hook, no monitor of files, which can miss a change, and no `gpg` for `git log`.
_QUERY_SETTINGS = (("core.hooksPath", os.devnull), ("core.fsmonitor", "false"), ("log.showSignature", "false"))

#: The exit code of a query that was not started, as of a shell for a program that it must not start.
_NOT_STARTED = 126

#: The variables that select another repository; hooks and aliases leave them in the environment. The variables of the
#: configuration are kept, because the user can set them. Source: `git rev-parse --local-env-vars`.
LEAKING = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)

#: The subcommands that can start `ssh`.
_WITH_SSH = {"fetch", "ls-remote", "push"}

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


#: The URL in commands that read from a push URL; git replaces it by that URL.
_PUSH_URL = "push-url:"


@dataclass(frozen=True, slots=True)
class _Remote:
    """The URLs of a remote after all replacements: the one to fetch from, and those to push to."""

    fetch: str
    push: tuple[str, ...]


@dataclass
class Git:
    """The repository of one checkout.

    `environment` is added to the environment of all commands. `on_wait` shows that a command is still running.
    If it is not `trusted`, queries start no program of the configuration, unless the user has trusted it.
    """

    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    on_wait: ShowLine = lambda text: None
    trusted: bool = False
    # The last result of each remote that did not respond, with its time.
    _timeouts: dict[str, tuple[float, ProcessResult]] = field(default_factory=dict)
    # The URLs of the remotes, and the URLs to show: without credentials and paths of this machine.
    _urls: dict[str, tuple[str, str]] = field(default_factory=dict)
    _remotes: dict[str, _Remote] = field(default_factory=dict)
    # Answers about commits, which do not change: their texts and files, and which commit contains the other.
    _answers: dict[tuple[str, ...], ProcessResult] = field(default_factory=dict)

    def run(
        self,
        command: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = TIMEOUT,
        environment: Mapping[str, str] | None = None,
    ) -> ProcessResult:
        """Run a git command line, `["git", …]`, without prompts; do not raise for an exit code.

        The exit code is 127 if git is missing, and 124 after `timeout` seconds. Git can start programs of the
        configuration; use `query` for a checkout that must not start them.
        """
        return self._run(command, command, stdin, timeout, environment)

    def act(self, command: Sequence[str], *, stdin: str | None = None, timeout: float) -> ProcessResult:
        """Run a git command that pushes or signs. It may prompt if this process has a controlling terminal.

        Otherwise it runs without prompts, and ends if this process is killed.
        """
        with terminal_for_prompts() as terminal:
            if terminal is not None:
                return self._run(command, command, stdin, timeout, terminal=terminal)
            with supervised(command) as (arguments, descriptors):
                return self._run(command, arguments, stdin, timeout, descriptors=descriptors)

    def query(
        self,
        *arguments: str,
        stdin: str | None = None,
        timeout: float = TIMEOUT,
        environment: Mapping[str, str] | None = None,
    ) -> ProcessResult:
        """Run a git query without hooks and untrusted programs.

        It has no optional locks, which could block a concurrent command of the user.
        """
        return self._query(arguments, stdin, timeout, {**self._no_download, **(environment or {})})

    def query_commits(self, *arguments: str) -> ProcessResult:
        """Run a git query whose result depends only on the given names of objects; keep the result if it succeeds."""
        result = self._answers.get(arguments) or self.query(*arguments)
        if result.returncode == 0:
            self._answers[arguments] = result
        return result

    def start_query(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a git query that reads its input as long as it is open, and downloads no objects."""
        return self._start(command, command, self._query_environment({"GIT_NO_LAZY_FETCH": "1"}))

    def query_remote(
        self, remote: str, *arguments: str, timeout: float, environment: Mapping[str, str] | None = None
    ) -> ProcessResult:
        """Run a git query of a remote; if the last one has timed out less than `PAUSE` seconds ago, return its result.

        So a remote that does not respond delays a run once, and not at each check. If the query would start an
        untrusted program, it is not started.
        """
        if program := self._untrusted_program_of(remote):
            command = ("git", *arguments)
            return ProcessResult(command, _NOT_STARTED, "", program.reason)
        at, result = self._timeouts.get(remote, (0.0, None))
        if result is not None and time.monotonic() - at < PAUSE:
            return result
        result = self._query(arguments, None, timeout, environment or {})
        if result.returncode == TIMED_OUT:
            self._timeouts[remote] = time.monotonic(), result
        return result

    def _query(
        self, arguments: Sequence[str], stdin: str | None, timeout: float, environment: Mapping[str, str]
    ) -> ProcessResult:
        if not self.trusted and (error := self._configuration.error):
            return error  # without the configuration, its programs are not known
        settings = self._query_environment(environment)
        return self.run(["git", *arguments], stdin=stdin, timeout=timeout, environment=settings)

    def _query_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        given = {"GIT_OPTIONAL_LOCKS": "0", **environment}
        return self._with_settings(given, *_QUERY_SETTINGS, *self._disabled_filters)

    @property
    def _no_download(self) -> dict[str, str]:
        """Return the variables with which git starts no untrusted program of a remote to download missing objects.

        In a partial clone, any query can download objects. `GIT_NO_LAZY_FETCH` prevents it since git 2.44.
        """
        if not any(program.need == "remote" for program in self.untrusted_programs):
            return {}
        return {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}

    def _run(
        self,
        command: Sequence[str],
        arguments: Sequence[str],
        stdin: str | None,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        *,
        terminal: int | None = None,
        descriptors: tuple[int, ...] = (),
    ) -> ProcessResult:
        """Run `arguments`, which contain `command`."""
        try:
            result = finish(
                lambda: self._start(command, arguments, environment, terminal=terminal, descriptors=descriptors),
                command,
                stdin=stdin,
                timeout=timeout,
                on_wait=self._show_wait,
                terminal=terminal,
            )
        except FileNotFoundError:
            return ProcessResult(tuple(command), 127, "", "`git` was not found on PATH")
        return ProcessResult(result.command, result.returncode, result.stdout, self._tidy(result.stderr))

    def _start(
        self,
        command: Sequence[str],
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        terminal: int | None = None,
        descriptors: tuple[int, ...] = (),
    ) -> subprocess.Popen[bytes]:
        """Start `arguments`, which contain the git command `command`. This function starts all git processes."""
        settings = {**self.environment, **(environment or {})}
        if terminal is None:
            settings = _NO_PROMPTS | settings | (self._ssh_without_prompts if _WITH_SSH & set(command) else {})
        for name in LEAKING:
            os.environ.pop(name, None)
        return subprocess.Popen(
            arguments,
            cwd=self.root,
            # The messages of git are parsed and shown, so they must not be translated.
            env={**os.environ, "LANGUAGE": "C", "LC_ALL": "C", **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            process_group=None if terminal is None else 0,
            start_new_session=terminal is None,
        )

    @cached_property
    def _ssh_without_prompts(self) -> dict[str, str]:
        """Return the configured ssh command with the option that disables prompts (ssh_config, BatchMode).

        The command is chosen as by git (`core.sshCommand` in git-config). Only OpenSSH has the option.
        """
        given = {**os.environ, **self.environment}
        configured = {setting.key: setting.value for setting in self._configuration.settings}
        program = shlex.quote(given.get("GIT_SSH") or "ssh")
        command = given.get("GIT_SSH_COMMAND") or configured.get("core.sshcommand") or program
        variant = given.get("GIT_SSH_VARIANT") or configured.get("ssh.variant") or "auto"
        try:
            name = Path(shlex.split(command)[0].replace("\\", "/")).stem.lower()
        except (ValueError, IndexError):
            return {}
        is_openssh = variant in ("auto", "ssh") and name not in ("plink", "tortoiseplink")
        return {"GIT_SSH_COMMAND": f"{command} -oBatchMode=yes"} if is_openssh else {}

    def _show_wait(self, text: str) -> None:
        self.on_wait(self._tidy(text))

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
        # Git compares the files of a submodule with the filters in the configuration of the submodule.
        ignored = "dirty" if any(program.submodule for program in self.untrusted_programs) else "none"
        options = ("--porcelain=v2", "--branch", "-z", "--untracked-files=all", f"--ignore-submodules={ignored}")
        status = self.query("status", *options)
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
        text = self.query_commits("log", "-1", "--format=%T%n%B", commit) if commit != "(initial)" else None
        tree, _, message = (text.stdout if text else "").partition("\n")
        operation = next((way for name, way in _OPERATIONS.items() if (directory / name).exists()), None)
        return TreeState(
            commit=None if commit == "(initial)" else commit,
            tree=tree or None,
            message=message.strip(),
            branch=None if head == "(detached)" else head,
            shallow=(common / "shallow").exists(),
            operation=operation,
            changed=tuple(self._comparable(changed)),
            untracked=tuple(untracked),
            hidden=tuple(self._hidden_changes()),
            filters=tuple(dict.fromkeys(item.filter for item in self.untrusted_programs if item.filter)),
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
        comparison = CommittedFiles(self.root, self.query).compare(files)
        if isinstance(comparison, str):
            return comparison
        return CommitComparison(tuple(self._comparable(comparison.differing)), comparison.uncommitted)

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

    def containment(self, one: str, other: str) -> tuple[Ancestry, Ancestry]:
        """Return whether each of two commits contains the other; both *unknown* if this clone lacks one of them."""
        if one == other:
            return "yes", "yes"
        result = self.query_commits("rev-list", "--left-right", "--count", f"{one}...{other}")
        if result.returncode != 0:
            return "unknown", "unknown"
        only_one, only_other = result.stdout.split()
        return ("yes" if only_other == "0" else "no"), ("yes" if only_one == "0" else "no")

    # Requirements of actions

    def identity(self) -> str | None:
        """Return the tagger as `Name <address>`, or `None` if git has no configured identity."""
        # Without this setting, `git var` derives an identity from the name of the machine.
        result = self.query("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
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
                },
            )
        return None if signed.returncode == 0 else signed.reason

    # Remotes

    def push_urls(self, remote: str) -> tuple[str, ...]:
        """Read the URLs that a push to a remote writes to, without credentials; none if it is not configured.

        `reading_name` and `remote_refs` use the result of the last call.
        """
        # In a partial clone, the filter follows: `origin<TAB>URL (fetch) [blob:none]`.
        lines = re.findall(r"(?m)^(\S+)\t(.*) \((fetch|push)\)(?: \[.*\])?$", self.query("remote", "--verbose").stdout)
        fetch, push = ([url for name, url, use in lines if (name, use) == (remote, end)] for end in ("fetch", "push"))
        self._remotes[remote] = urls = _Remote("".join(fetch[:1]), tuple(push))
        self._urls |= {url: (url, _presentable(url)) for url in (urls.fetch, *urls.push) if url}
        return tuple(_presentable(url) for url in urls.push)

    def remote_url(self, remote: str) -> str | None:
        """Return the first push URL of a remote without credentials, or `None` if the remote is not configured."""
        return next(iter(self.push_urls(remote)), None)

    def reading_name(self, remote: str) -> str:
        """Return what follows `git fetch` or `git ls-remote`, in a shell, to read from the push URL of a remote."""
        urls = self._remote(remote)
        return remote if urls.push[:1] in ((), (urls.fetch,)) else f'"$(git remote get-url --push {remote})"'

    def remote_refs(self, remote: str, *names: str, timeout: float = Policy.query_timeout) -> RemoteRefs:
        """Return the refs of a remote with these full names, or all refs.

        They are read from the URL that a push writes to. `git ls-remote NAME` reads from the fetch URL, which can be
        that of another repository (`remote.NAME.pushurl`, `url.BASE.pushInsteadOf`).
        """
        question = f"git ls-remote {' '.join((self.reading_name(remote), *names))}"
        urls, source, environment = self._remote(remote), remote, None
        if len(urls.push) == 1 and urls.push[0] != urls.fetch:
            # The URL can contain a password, so it is not in the arguments. With this setting, git replaces the whole
            # URL once. It would apply the user's `url.BASE.insteadOf` to the push URL itself a second time.
            source, environment = _PUSH_URL, self._with_settings({}, (f"url.{urls.push[0]}.insteadOf", _PUSH_URL))
        result = self.query_remote(remote, "ls-remote", source, *names, timeout=timeout, environment=environment)
        if result.returncode != 0:
            return RemoteRefs(question, None, result.reason, untrusted=result.returncode == _NOT_STARTED)
        rows = (line.split("\t", 1) for line in result.stdout.splitlines() if "\t" in line)
        # A pattern matches the end of a name, so the output can contain a ref such as `x/refs/tags/v1`.
        return RemoteRefs(question, {name: sha for sha, name in rows if not names or name in names}, "")

    def settings(self, *sections: str) -> tuple[Setting, ...]:
        """Return the settings in these sections in the order in which git reads them.

        As in the output of git, the section and the last part of a key are in lower case.
        """
        return tuple(setting for setting in self._configuration.read() if setting.key.partition(".")[0] in sections)

    def _remote(self, remote: str) -> _Remote:
        if remote not in self._remotes:
            self.push_urls(remote)
        return self._remotes[remote]

    def _with_settings(self, given: Mapping[str, str], *settings: tuple[str, str]) -> dict[str, str]:
        """Return the variables `given` with settings of git, which are added to those that are in the environment."""
        environment = {**os.environ, **self.environment, **given}
        count = int(environment.get("GIT_CONFIG_COUNT") or 0)
        added = dict(given) | {"GIT_CONFIG_COUNT": str(count + len(settings))}
        for number, (key, value) in enumerate(settings, start=count):
            added |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return added

    # Trust

    @property
    def error(self) -> ProcessResult | None:
        """Return the result of git if it cannot read the configuration of the checkout."""
        return self._configuration.error

    @property
    def named_programs(self) -> tuple[NamedProgram, ...]:
        """Return the programs that the configuration of the checkout and its submodules selects."""
        return self._configuration.programs

    @cached_property
    def untrusted_programs(self) -> tuple[NamedProgram, ...]:
        """Return the programs that queries do not start; none if the configuration of the checkout is trusted."""
        configuration = self._configuration
        if self.trusted or not configuration.programs:
            return ()
        is_trusted = TrustStore().is_trusted(self.root, configuration.trusted_settings)
        return () if is_trusted else configuration.programs

    def trust(self) -> Path:
        """Trust the current configuration of the checkout; return the file that contains this, outside of it.

        Raises:
            OSError: The file cannot be written.
        """
        return TrustStore().trust(self.root, self._configuration.trusted_settings)

    def _untrusted_program_of(self, remote: str) -> NamedProgram | None:
        needed = (program for program in self.untrusted_programs if program.need == "remote")
        return next((program for program in needed if program.remote in (None, remote)), None)

    @cached_property
    def _configuration(self) -> CheckoutConfiguration:
        return CheckoutConfiguration(self.root, self._run_safely)

    def _run_safely(self, *arguments: str) -> ProcessResult:
        """Run a subcommand that starts no program, such as `git config`, before the programs are known."""
        environment = self._with_settings({"GIT_OPTIONAL_LOCKS": "0"}, *_QUERY_SETTINGS)
        return self.run(["git", *arguments], environment=environment)

    @property
    def _disabled_filters(self) -> list[tuple[str, str]]:
        """Return the settings that disable the untrusted filters (gitattributes, *filter*)."""
        names = dict.fromkeys(program.filter for program in self.untrusted_programs if program.filter)
        values = {"clean": "", "smudge": "", "process": "", "required": "false"}
        return [(f"filter.{name}.{key}", value) for name in names for key, value in values.items()]

    def _comparable(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Return the paths without those that an untrusted filter changes: without it, they differ from the commit."""
        names = {program.filter for program in self.untrusted_programs if program.filter}
        if not names or not paths:
            return tuple(paths)
        fields = self.query("check-attr", "-z", "--stdin", "filter", stdin="\0".join(paths)).stdout.split("\0")
        filtered = {path for path, name in zip(fields[::3], fields[2::3], strict=False) if name in names}
        return tuple(path for path in paths if path not in filtered)


def _presentable(url: str) -> str:
    is_path = url.startswith(("file://", "/", "~", ".")) or url[1:3] in (":/", ":\\")
    return f"…/{Path(url).name}" if is_path else mask(url)
