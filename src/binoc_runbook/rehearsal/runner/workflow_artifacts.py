"""The workflow artifacts of a run, as directories: the store of the actions that upload and download them.

From the descriptions of both actions and of `@actions/glob`: which files a path matches, at which directory their names
begin, and that nothing is added to a workflow artifact.
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
    #: The attempt of the run that uploaded each; an attempt may replace those of an earlier one.
    attempts: dict[str, int] = field(default_factory=dict)

    def upload(self, name: str, files: list[Path], root: Path, attempt: int, *, overwrite: bool) -> None:
        """Store files by their names below `root`.

        Raises:
            StepError: The name is taken in this attempt, or cannot be one.
        """
        if not name or _FORBIDDEN.search(name):
            raise StepError(f"`{name}` cannot be the name of an artifact")
        if self.attempts.get(name) == attempt and not overwrite:
            raise StepError(f"an artifact with the name `{name}` already exists in this run")
        place = self.directory / name
        shutil.rmtree(place, ignore_errors=True)
        for file in files:
            target = place / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)  # an artifact keeps no permissions
        self.attempts[name] = attempt

    def choose(self, name: str, pattern: str) -> list[str]:
        """Return the one of this name; without a name, those that match the pattern.

        Raises:
            StepError: There is none of that name.
        """
        if name and name not in self.attempts:
            there = ", ".join(f"`{other}`" for other in sorted(self.attempts)) or "no others"
            raise StepError(f"there is no artifact `{name}`, beside {there}")
        matches = [fnmatch.filter(self.attempts, each) for each in alternatives(pattern)]
        return [name] if name else sorted(set(itertools.chain.from_iterable(matches)))


def matching_files(workspace: Path, path: str, *, hidden: bool) -> tuple[list[Path], Path]:
    """Return the files that the lines of `path` match, and the directory at which their names begin.

    That directory is the part of a line before its first wildcard; of several lines, what is common to them. A
    line that begins with `!` excludes files.
    """
    lines = [line.strip() for line in path.splitlines() if line.strip() and not line.strip().startswith("#")]
    wanted = [os.path.normpath(workspace / line) for line in lines if not line.startswith("!")]
    unwanted = [os.path.normpath(workspace / line[1:].strip()) for line in lines if line.startswith("!")]
    files = _files(wanted, hidden=hidden) - _files(unwanted, hidden=True)
    if not files:
        return [], workspace
    root = Path(os.path.commonpath(map(_start, wanted)))
    return sorted(files), root.parent if root.is_file() else root


def _start(pattern: str) -> str:
    """Return the part before the first component that has a wildcard."""
    return str(Path(*itertools.takewhile(lambda part: not _SPECIAL.search(part), Path(pattern).parts)))


def _files(patterns: list[str], *, hidden: bool) -> set[Path]:
    """Return the files that the patterns match, and those in the directories that they match."""
    names = [
        name
        for pattern in patterns
        for each in (pattern, f"{pattern}/**")
        for name in glob.iglob(each, recursive=True, include_hidden=hidden)  # noqa: PTH207 - knows hidden files
    ]
    return {path for path in map(Path, names) if path.is_file()}


def alternatives(pattern: str) -> list[str]:
    """Write out `{a,b}` in a pattern."""
    choice = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if choice is None:
        return [pattern]
    before, after = pattern[: choice.start()], pattern[choice.end() :]
    return [full for option in choice[1].split(",") for full in alternatives(f"{before}{option}{after}")]
