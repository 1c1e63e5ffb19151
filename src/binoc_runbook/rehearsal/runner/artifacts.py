"""The artifacts of a run, as folders: what `actions/upload-artifact` and `actions/download-artifact` do with them.

From the descriptions of both actions and of `@actions/glob`: which files a path means, which folder their names begin
at, and that an artifact is never added to.
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


class NotDone(Exception):  # noqa: N818 - an answer, not a mistake
    """The step fails, for the reason that the message says."""


@dataclass
class Artifacts:
    """The artifacts of one run, in folders named like them."""

    folder: Path
    #: Which attempt of the run made each; an attempt may replace what an earlier one made.
    made: dict[str, int] = field(default_factory=dict)

    def upload(
        self, name: str, workspace: Path, path: str, *, attempt: int, hidden: bool = False, overwrite: bool = False
    ) -> list[str]:
        """Keep the files that `path` means, several lines of it together; returns the names that they have then.

        Raises:
            NotDone: The name is taken in this attempt, or cannot be one.
        """
        if not name or _FORBIDDEN.search(name):
            raise NotDone(f"`{name}` cannot be the name of an artifact")
        if self.made.get(name) == attempt and not overwrite:
            raise NotDone(f"an artifact with the name `{name}` already exists in this run")
        files, root = found(workspace, path, hidden=hidden)
        if not files:
            return []
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        for file in files:
            target = place / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)  # an artifact keeps no permissions
        self.made[name] = attempt
        return sorted(file.relative_to(root).as_posix() for file in files)

    def download(
        self, into: Path, say: Callable[[str], None], *, name: str = "", pattern: str = "", merge: bool = False
    ) -> None:
        """Copy one artifact by its name, or those that fit the pattern, each into a folder of its own unless merged.

        Raises:
            NotDone: There is no artifact of that name.
        """
        if name and name not in self.made:
            there = ", ".join(f"`{each}`" for each in sorted(self.made)) or "no others"
            raise NotDone(f"there is no artifact `{name}`, beside {there}")
        fits = re.compile(braces(pattern or "*"))
        chosen = [name] if name else sorted(each for each in self.made if fits.fullmatch(each))
        for each in chosen:
            for file in sorted((self.folder / each).rglob("*")):
                if file.is_dir():
                    continue
                inside = file.relative_to(self.folder / each)
                target = into / inside if name or merge else into / each / inside
                if target.exists() and target.read_bytes() != file.read_bytes():
                    say(f"`{inside.as_posix()}` is in several artifacts, and that of `{each}` is taken")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
        say(f"{len(chosen)} artifacts: {', '.join(chosen) or 'none fits'}")


def found(workspace: Path, path: str, *, hidden: bool = False) -> tuple[list[Path], Path]:
    """The files that the lines of `path` mean, and the folder that their names in an artifact begin at.

    That folder is the part of a line before its first sign of a pattern; of several lines, what is common to them. A
    line that begins with `!` takes files out again.
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
    return "|".join(braces(f"{before}{each}{after}") for each in choice[1].split(","))


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
            folders[:] = [each for each in folders if not each.startswith(".")]
        yield from (Path(folder, each) for each in files if hidden or not each.startswith("."))


def _fitting(patterns: list[str]) -> Callable[[str], bool]:
    # A pattern that means a folder means all that is in it.
    expressions = [re.compile(f"(?:{_expression(Path(each).as_posix())})(?:/.*)?") for each in patterns]
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
