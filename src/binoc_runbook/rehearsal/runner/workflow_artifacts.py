"""Workflow artifacts of a run, stored as directories, for the actions that upload and download them.

From the descriptions of both actions and of `@actions/glob`: the files that a path matches, the directory that their
names are relative to, and that an existing workflow artifact cannot be extended.
"""

from __future__ import annotations

import fnmatch
import glob
import itertools
import os
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

_SPECIAL = re.compile(r"[*?\[]")
_FORBIDDEN = re.compile(r'["*:<>|?\r\n\\/]')


class StepError(Exception):
    """A step failed, for the reason in the message."""


@dataclass
class WorkflowArtifacts:
    """The workflow artifacts of one run, each in a directory of its name."""

    directory: Path
    #: The attempt that uploaded each workflow artifact; an attempt can replace those of an earlier attempt.
    attempts: dict[str, int] = field(default_factory=dict)

    def upload(self, name: str, files: list[Path], root: Path, attempt: int, *, overwrite: bool) -> None:
        """Store files by their names relative to `root`.

        Raises:
            StepError: The name is invalid, or already exists in this attempt.
        """
        if not name or _FORBIDDEN.search(name):
            raise StepError(f"`{name}` is not a valid name for a workflow artifact")
        if self.attempts.get(name) == attempt and not overwrite:
            raise StepError(f"an artifact with the name `{name}` already exists in this run")
        directory = self.directory / name
        shutil.rmtree(directory, ignore_errors=True)
        for file in files:
            target = directory / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)  # without permissions, as on GitHub
        self.attempts[name] = attempt

    def delete(self, name: str) -> None:
        """Delete a workflow artifact, if it exists."""
        shutil.rmtree(self.directory / name, ignore_errors=True)
        self.attempts.pop(name, None)

    def choose(self, name: str, pattern: str) -> list[str]:
        """Return this name in a list; without a name, the names that match the pattern.

        Raises:
            StepError: This name does not exist.
        """
        if name and name not in self.attempts:
            names = ", ".join(f"`{other}`" for other in sorted(self.attempts)) or "none"
            raise StepError(f"there is no workflow artifact `{name}`; available: {names}")
        matches = [fnmatch.filter(self.attempts, alternative) for alternative in alternatives(pattern)]
        return [name] if name else sorted(set(itertools.chain.from_iterable(matches)))


def matching_files(workspace: Path, path: str, *, hidden: bool) -> tuple[list[Path], Path]:
    """Return the files that the lines of `path` match, and the directory that their names are relative to.

    This directory is the part of a line before its first wildcard, or the common parent of several lines. A line that
    begins with `!` excludes files.
    """
    lines = [line.strip() for line in path.splitlines() if line.strip() and not line.strip().startswith("#")]
    included = [os.path.normpath(workspace / line) for line in lines if not line.startswith("!")]
    excluded = [os.path.normpath(workspace / line[1:].strip()) for line in lines if line.startswith("!")]
    files = _files(included, hidden=hidden) - _files(excluded, hidden=True)
    if not files:
        return [], workspace
    root = Path(os.path.commonpath(map(_start, included)))
    return sorted(files), root.parent if root.is_file() else root


def _start(pattern: str) -> str:
    """Return the part of a path before the first component with a wildcard."""
    return str(Path(*itertools.takewhile(lambda part: not _SPECIAL.search(part), Path(pattern).parts)))


def _files(patterns: list[str], *, hidden: bool) -> set[Path]:
    """Return the files that the patterns match, and those in the directories that they match."""
    names = [
        name
        for pattern in patterns
        for path in (pattern, f"{pattern}/**")
        for name in glob.iglob(path, recursive=True, include_hidden=hidden)  # noqa: PTH207 - has `include_hidden`
    ]
    return {path for path in map(Path, names) if path.is_file()}


def alternatives(pattern: str) -> list[str]:
    """Return the patterns that `{a,b}` in a pattern expands to."""
    choice = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if choice is None:
        return [pattern]
    before, after = pattern[: choice.start()], pattern[choice.end() :]
    return [full for option in choice[1].split(",") for full in alternatives(f"{before}{option}{after}")]
