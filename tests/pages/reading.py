"""Parser of the pages: their code blocks, the commands in them, and the documented output.

A command is a line of a block tagged `sh`; the `text` block that follows contains the output of all its commands. In
the README of a package, commands are in blocks tagged `console`, after `$`, each followed by its output.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
_SITE = (page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)
_PACKAGES = (page for directory in ("bench", "crates/*", "python/*") for page in ROOT.glob(f"{directory}/README.md"))
PAGES = sorted([*ROOT.glob("*.md"), *_SITE, *_PACKAGES, *ROOT.glob("runbooks/*.ipynb")])

MARK = "# needs an account"


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    tag: str
    text: str
    #: The heading above the block, without `#`.
    heading: str = ""


@dataclass(frozen=True)
class Command:
    """Command of a page, without its comment.

    `place` is the page and line of its block. `needs_account` is whether the block has the mark, `is_mention` whether
    the command is in a sentence and not in a block. `output` is the documented output of the block, at `output_place`.
    """

    place: str
    line: str
    heading: str = ""
    needs_account: bool = False
    is_mention: bool = False
    output: str = field(default="", compare=False)
    output_place: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.place} {self.line}"

    @property
    def page(self) -> str:
        return self.place.partition(":")[0]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    """Return the text of a page; of a notebook, the Markdown cells."""
    text = page.read_text("utf-8")
    if page.suffix == ".md":
        return text
    cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def blocks(text: str, page: str) -> Iterator[Block]:
    """Return the fenced code blocks of a page, without MyST directives."""
    heading = ""
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if opened := re.match(r" *(`{3,})(.*)$", line):
            body = []
            for _, inner in lines:
                if inner.strip() == opened[1]:
                    break
                body.append(inner)
            if not opened[2].startswith("{"):
                yield Block(page, number, opened[2], textwrap.dedent("\n".join(body)), heading)


def commands(text: str, page: str) -> Iterator[Command]:
    """Return the commands in the blocks of a page, then our commands that are mentioned in sentences."""
    parsed = list(blocks(text, page))
    for number, block in enumerate(parsed):
        if block.tag == "sh":
            following = parsed[number + 1] if parsed[number + 1 :] else block
            yield from _of_shell(block, following if following.tag == "text" else None)
        if block.tag == "console":
            yield from _of_console(block)
    outside = re.sub(r"(?ms)^ *(`{3,}).*?^ *\1$", "", text)
    for span in re.findall(r"`((?:\./just|just|binoc-runbook|papermill|binoc) [^`\n]+)`", outside):
        yield Command(page, span, is_mention=True)


def _of_shell(block: Block, output: Block | None) -> Iterator[Command]:
    lines = [_without_comment(line) for line in block.text.splitlines()]
    documented = (output.text, f"{output.page}:{output.line}") if output else ("", "")
    for line in filter(None, lines):
        place, needs_account = f"{block.page}:{block.line}", block.text.startswith(MARK)
        yield Command(place, line, block.heading, needs_account, False, *documented)


def _of_console(block: Block) -> Iterator[Command]:
    for part in re.split(r"(?m)^\$ ", block.text)[1:]:
        line, _, output = part.partition("\n")
        place = f"{block.page}:{block.line}"
        yield Command(place, _without_comment(line), block.heading, output=output.rstrip("\n"), output_place=place)


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*", "", line).strip()


COMMANDS = [command for page in PAGES for command in commands(text_of(page), name_of(page))]


def first_difference(documented: str, output: str) -> str | None:
    """Return the first line of the documented output that the real output lacks, or `None`.

    The line `...` matches any number of lines, and `…` any part of a line. Commits and durations are ignored.
    """
    rest = [_normalized(line) for line in output.rstrip("\n").splitlines()]
    can_skip = False
    for line in documented.rstrip("\n").splitlines():
        if line.strip() == "...":
            can_skip = True
            continue
        pattern = re.compile(".*".join(map(re.escape, _normalized(line).split("…"))))
        indexes = [index for index, candidate in enumerate(rest) if pattern.fullmatch(candidate)]
        if not indexes or not (can_skip or indexes[0] == 0):
            return line
        rest = rest[indexes[0] + 1 :]
        can_skip = False
    return None if can_skip or not rest else f"(undocumented line {rest[0]!r})"


def _normalized(line: str) -> str:
    """Return a line without commits, durations and column widths."""
    line = re.sub(r"(?<=\S)  +", "  ", line)
    line = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{12,40}\b", "COMMIT", line.rstrip())
    return re.sub(r"\(\d+\.\d+ s\)", "(TIME)", line)


def on(page: str) -> list[Command]:
    """Return the commands of a page, in their order."""
    return [command for command in COMMANDS if command.page == page]


def pasted(page: str, tag: str) -> list[str]:
    """Return the text of the blocks of a page with a tag, which readers paste into files."""
    return [f"{block.text}\n" for block in blocks(text_of(ROOT / page), page) if block.tag == tag]
