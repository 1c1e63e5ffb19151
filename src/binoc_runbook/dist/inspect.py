"""Every question about a folder of built files, with what only git, cargo and the field's own tools can answer."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from binoc_runbook.checks.dists import SUMS, Host, Tree, dists
from binoc_runbook.checks.dists.tools import tools
from binoc_runbook.environ import is_rehearsed
from binoc_runbook.finding import Findings
from binoc_runbook.stages.target import Target
from binoc_runbook.world.processes import Processes

_MANIFESTS = ("Cargo.toml", "pyproject.toml")
_ASKING = 60.0


def inspect(
    target: Target, folder: Path, *, platforms: str = "host", host: Host | None = None, called: str = "dist"
) -> Findings:
    """Ask everything about the files in `folder`: what they hold, against the commit, and what the tools say of them.

    What is built from a tag is compared with the tag; before there is one, with HEAD, which would be tagged.
    """
    git = target.world.git
    tag, head = git.local_tag(target.tag), git.head()
    commit = tag.commit if tag else head[0] if head else None
    found = dists(
        folder,
        target.policy,
        target.version,
        commit=commit,
        tree=read_tree(target, commit) if commit else "there is no commit",
        packaged=_packaged(target, commit, head[0] if head else None),
        platforms=platforms,
        host=host,
        rehearsed=is_rehearsed(),
        called=called,
    )
    if not folder.is_dir():
        return found
    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    with homeless(replace(target.world.processes, root=folder)) as processes:
        return found + tools(names, processes, called)


def read_tree(target: Target, commit: str) -> Tree | str:
    """The files of a commit and the manifests that maturin writes anew, or why git cannot tell."""
    git = target.world.git
    listed = git.ask("ls-tree", "-r", "-z", "--full-tree", commit)
    if listed.returncode != 0:
        return listed.reason
    files = {}
    for entry in listed.stdout.split("\0"):
        about, _, path = entry.partition("\t")
        if about:
            files[path] = about.split(" ")[2]
    paths = {Path(artifact.path) / name for artifact in target.policy.artifacts for name in _MANIFESTS}
    manifests = {}
    for place in sorted({*_MANIFESTS, *(path.as_posix() for path in paths)} & files.keys()):
        shown = git.ask("cat-file", "blob", files[place])
        if shown.returncode != 0:
            return shown.reason
        manifests[place] = shown.stdout
    return Tree(files, manifests)


def _packaged(target: Target, commit: str | None, head: str | None) -> Mapping[str, frozenset[str] | str]:
    """For each crate the files that cargo would package here, or why that says nothing about the commit."""
    crates = [artifact.name for artifact in target.policy.artifacts if artifact.registry == "crates.io"]
    if commit is None or commit != head:
        return dict.fromkeys(crates, "this checkout is not at the commit that is released")
    answers: dict[str, frozenset[str] | str] = {}
    for name in crates:
        # Not offline: where nothing was built yet, cargo must first learn which crates the lock file names.
        question = ["cargo", "package", "--list", "--locked", "--package", name]
        done = target.world.processes.run(question, patience=_ASKING)
        # Windows lists with its own separator what an archive holds with slashes.
        listed = frozenset(done.stdout.replace("\\", "/").splitlines())
        answers[name] = listed if done.returncode == 0 else done.reason
    return answers


@contextmanager
def homeless(processes: Processes) -> Iterator[Processes]:
    """Processes whose home is a temporary folder: what a tool keeps for itself is not the user's."""
    with tempfile.TemporaryDirectory(prefix="binoc-home-") as home:
        names = ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
        own = {**dict.fromkeys(names, home), "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "1000"}
        yield replace(processes, environment={**processes.environment, **own})
