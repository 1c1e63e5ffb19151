"""The workflow artifacts of a run, as directories: the store of the actions that upload and download them.

From the descriptions of both actions and of `@actions/glob`: which files a path matches, at which directory their names
begin, and that nothing is added to a workflow artifact.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_SPECIAL = re.compile(r"[*?\[]")
_FORBIDDEN = re.compile(r'["*:<>|?\r\n\\/]')


class StepError(Exception):
    """A step failed, for the reason in the message."""


@dataclass
class WorkflowArtifacts:
    """The workflow artifacts of one run, each in a directory of its name."""

    folder: Path
    #: The attempt of the run that uploaded each; an attempt may replace those of an earlier one.
    attempts: dict[str, int] = field(default_factory=dict)

    def upload(
        self, name: str, workspace: Path, path: str, *, attempt: int, hidden: bool = False, overwrite: bool = False
    ) -> list[str]:
        """Store the files that the lines of `path` match, and return the names that they have in the workflow artifact.

        Raises:
            StepError: The name is taken in this attempt, or cannot be one.
        """
        if not name or _FORBIDDEN.search(name):
            raise StepError(f"`{name}` cannot be the name of an artifact")
        if self.attempts.get(name) == attempt and not overwrite:
            raise StepError(f"an artifact with the name `{name}` already exists in this run")
        files, root = matching_files(workspace, path, hidden=hidden)
        if not files:
            return []
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        for file in files:
            target = place / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)  # an artifact keeps no permissions
        self.attempts[name] = attempt
        return sorted(file.relative_to(root).as_posix() for file in files)

    def download(
        self, into: Path, show: Callable[[str], None], *, name: str = "", pattern: str = "", merge: bool = False
    ) -> None:
        """Copy one by its name, or those that match the pattern, each into a directory of its own unless merged.

        Raises:
            StepError: There is none of that name.
        """
        if name and name not in self.attempts:
            there = ", ".join(f"`{other}`" for other in sorted(self.attempts)) or "no others"
            raise StepError(f"there is no artifact `{name}`, beside {there}")
        matcher = re.compile(braces(pattern or "*"))
        chosen = [name] if name else sorted(filter(matcher.fullmatch, self.attempts))
        for artifact in chosen:
            for file in sorted((self.folder / artifact).rglob("*")):
                if file.is_dir():
                    continue
                inside = file.relative_to(self.folder / artifact)
                target = into / inside if name or merge else into / artifact / inside
                if target.exists() and target.read_bytes() != file.read_bytes():
                    show(f"`{inside.as_posix()}` is in several artifacts, and that of `{artifact}` is taken")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        show(f"{len(chosen)} artifacts: {', '.join(chosen) or 'none fits'}")


def matching_files(workspace: Path, path: str, *, hidden: bool = False) -> tuple[list[Path], Path]:
    """Return the files that the lines of `path` match, and the directory at which their names begin.

    That directory is the part of a line before its first wildcard; of several lines, what is common to them. A
    line that begins with `!` excludes files.
    """
    lines = [line.strip() for line in path.splitlines() if line.strip() and not line.strip().startswith("#")]
    wanted = [os.path.normpath(workspace / line) for line in lines if not line.startswith("!")]
    unwanted = [os.path.normpath(workspace / line[1:].strip()) for line in lines if line.startswith("!")]
    starts = list(dict.fromkeys(map(_start, wanted)))
    include, exclude = _fitting(wanted), _fitting(unwanted)
    files = {
        file
        for start in starts
        for file in _below(start, hidden=hidden)
        if include(file.as_posix()) and not exclude(file.as_posix())
    }
    if not starts:
        return [], workspace
    if len(starts) == 1:
        return sorted(files), starts[0].parent if starts[0].is_file() else starts[0]
    return sorted(files), Path(os.path.commonpath(starts))


def braces(pattern: str) -> str:
    """A pattern with `*`, `?`, `[…]` and `{a,b}` as a regular expression; none of them reaches over a `/`."""
    choice = re.search(r"\{([^{}]*,[^{}]*)\}", pattern)
    if choice is None:
        return _expression(pattern)
    before, after = pattern[: choice.start()], pattern[choice.end() :]
    return "|".join(braces(f"{before}{option}{after}") for option in choice[1].split(","))


def _start(pattern: str) -> Path:
    """The part before the first component that holds a sign of a pattern."""
    parts = Path(pattern).parts
    plain = next((number for number, part in enumerate(parts) if _SPECIAL.search(part)), len(parts))
    return Path(*parts[:plain])


def _below(start: Path, *, hidden: bool) -> Iterator[Path]:
    if start.is_file():
        yield start
    for folder, folders, files in os.walk(start):
        if not hidden:
            folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(folder, name) for name in files if hidden or not name.startswith("."))


def _fitting(patterns: list[str]) -> Callable[[str], bool]:
    # A pattern that means a folder means all that is in it.
    expressions = [re.compile(f"(?:{_expression(Path(pattern).as_posix())})(?:/.*)?") for pattern in patterns]
    return lambda path: any(expression.fullmatch(path) for expression in expressions)


def _expression(pattern: str) -> str:
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|\[[^]]+\]|.", pattern, re.DOTALL)
    special = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    written = (
        "[" + piece[1:-1].replace("\\", r"\\").replace("!", "^", piece[1] == "!") + "]"
        if len(piece) > 2 and piece[0] == "["
        else special.get(piece) or re.escape(piece)
        for piece in pieces
    )
    return "".join(written)
