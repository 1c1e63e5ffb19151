"""Inspection of a directory of dists with git, cargo and standard packaging tools."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.dists import dists
from binoc_runbook.checks.dists.checksum_file import CHECKSUMS
from binoc_runbook.checks.dists.commit_files import CommitFiles
from binoc_runbook.checks.dists.expectation import Expectation, HostPlatform, PlatformSelection, host_platform
from binoc_runbook.checks.dists.tools import run_tools
from binoc_runbook.dist.third_party import third_party_files
from binoc_runbook.environ import is_rehearsed
from binoc_runbook.finding import Findings, RefusedError
from binoc_runbook.stages.target import Target
from binoc_runbook.world.cargo_isolation import outside
from binoc_runbook.world.processes import Processes

_MANIFESTS = ("Cargo.toml", "pyproject.toml")
#: How long cargo may take to list the files of a crate, in seconds.
_TIMEOUT = 60.0
_OTHER_COMMIT = "this checkout is not at the released commit"


def inspect(
    target: Target, directory: Path, *, platforms: str = "host", host: HostPlatform | None = None, shown: str = "dist"
) -> Findings:
    """Check the dists in `directory`: compare them with the policy and the commit, and run standard packaging tools.

    The commit is that of the tag, or HEAD without a tag. `platforms` is `host`, `all` or a platform tag. Findings
    show the directory as `shown`.
    """
    git = target.world.git
    tag, head = git.local_tag(target.tag), git.head()
    commit = tag.commit if tag else head[0] if head else None
    expectation = Expectation(
        target.policy,
        target.version,
        commit,
        read_commit(target, commit) if commit else "there is no commit",
        _packaged_files(target, commit, head[0] if head else None),
        PlatformSelection(platforms, host or host_platform(), is_rehearsed()),
        _third_party_files(target, commit, head[0] if head else None),
    )
    findings = dists(directory, expectation, shown)
    if not directory.is_dir():
        return findings
    names = sorted(path.name for path in directory.iterdir() if path.name != CHECKSUMS)
    with temporary_home(replace(target.world.processes, root=directory)) as processes:
        return findings + run_tools(names, processes, shown)


def read_commit(target: Target, commit: str) -> CommitFiles | str:
    """Return the files of a commit and the manifests that maturin rewrites, or why git cannot read them."""
    git = target.world.git
    listed = git.query("ls-tree", "-r", "-z", "--full-tree", commit)
    if listed.returncode != 0:
        return listed.reason
    names = {}
    for entry in listed.stdout.split("\0"):
        about, _, path = entry.partition("\t")
        if about:
            names[path] = about.split(" ")[2]
    paths = {Path(artifact.path) / name for artifact in target.policy.artifacts for name in _MANIFESTS}
    manifests = {}
    for path in sorted({*_MANIFESTS, *(path.as_posix() for path in paths)} & names.keys()):
        blob = git.query("cat-file", "blob", names[path])
        if blob.returncode != 0:
            return blob.reason
        manifests[path] = blob.stdout
    return CommitFiles(names, manifests)


def _packaged_files(target: Target, commit: str | None, head: str | None) -> Mapping[str, frozenset[str] | str]:
    """Return the files that cargo would package for each crate, or why they cannot be compared with the commit."""
    crates = [artifact.name for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if commit is None or commit != head:
        return dict.fromkeys(crates, _OTHER_COMMIT)
    # Cargo looks for changed files, and starts the filters of git for that.
    for program in target.world.git.untrusted_programs:
        if program.need == "tree":
            return dict.fromkeys(crates, program.reason)
    packaged: dict[str, frozenset[str] | str] = {}
    for name in crates:
        # Not offline: before the first build, cargo must fetch the crates in the lock file.
        command = ["cargo", "package", "--list", "--locked", "--package", name]
        command += ["--manifest-path", str(target.world.root / "Cargo.toml")]
        with outside(target.world.processes) as isolated:
            result = isolated.run(command, timeout=_TIMEOUT)
        # On Windows, cargo prints backslashes; archives contain slashes.
        files = frozenset(result.stdout.replace("\\", "/").splitlines())
        packaged[name] = files if result.returncode == 0 else result.reason
    return packaged


def _third_party_files(target: Target, commit: str | None, head: str | None) -> Mapping[str, Mapping[str, bytes] | str]:
    """Return the third-party files of each distribution that promises them, or why they cannot be generated."""
    generated: dict[str, Mapping[str, bytes] | str] = {}
    for artifact in target.policy.artifacts:
        if artifact.third_party_notices and (commit is None or commit != head):
            generated[artifact.name] = _OTHER_COMMIT
        elif artifact.third_party_notices:
            try:
                generated[artifact.name] = third_party_files(artifact, target.version, target.world.processes)
            except RefusedError as error:
                generated[artifact.name] = "; ".join(finding.saw for finding in error.findings)
    return generated


@contextmanager
def temporary_home(processes: Processes) -> Iterator[Processes]:
    """Yield processes with a temporary home directory, so that no tool writes to that of the user."""
    with tempfile.TemporaryDirectory(prefix="binoc-home-") as home:
        names = ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
        own = {**dict.fromkeys(names, home), "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "1000"}
        yield replace(processes, environment={**processes.environment, **own})
