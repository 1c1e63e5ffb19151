"""What the pages show: their blocks, the commands in them, and what is said to be printed.

A command stands in a block tagged `sh`, one on a line; in the README of a package in one tagged `console`, behind a `$`
and followed by what it prints. What the commands of an `sh` block print stands in the `text` block that comes next.
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
    #: The heading that it stands below, without its signs.
    heading: str = ""


@dataclass(frozen=True)
class Typed:
    """One command of a page, without its comment.

    `marked` says whether its block needs an account, `spoken` that a sentence names it and no block; `shown` is what
    the page says that it prints, with the others of its block, and `shown_at` the place of that.
    """

    where: str
    line: str
    heading: str = ""
    marked: bool = False
    spoken: bool = False
    shown: str = field(default="", compare=False)
    shown_at: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.where} {self.line}"

    @property
    def page(self) -> str:
        return self.where.partition(":")[0]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    """What a page says; of a notebook, its prose."""
    text = page.read_text("utf-8")
    if page.suffix == ".md":
        return text
    cells = (cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown")
    return "\n\n".join("".join(cell["source"]) for cell in cells)


def blocks(text: str, page: str) -> Iterator[Block]:
    """The fenced blocks of a page; what stands in a directive of MyST is no block of its own."""
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


def commands(text: str, page: str) -> Iterator[Typed]:
    """The commands in the blocks, in their order, and then those of ours that a sentence names."""
    told = list(blocks(text, page))
    for number, block in enumerate(told):
        if block.tag == "sh":
            following = told[number + 1] if told[number + 1 :] else block
            shown = following if following.tag == "text" else None
            yield from _of_shell(block, shown)
        if block.tag == "console":
            yield from _of_console(block)
    outside = re.sub(r"(?ms)^ *(`{3,}).*?^ *\1$", "", text)
    for span in re.findall(r"`((?:\./just|just|binoc-runbook|papermill|binoc) [^`\n]+)`", outside):
        yield Typed(page, span, spoken=True)


def _of_shell(block: Block, shown: Block | None) -> Iterator[Typed]:
    lines = [_without_comment(line) for line in block.text.splitlines()]
    told = (shown.text, f"{shown.page}:{shown.line}") if shown else ("", "")
    for line in filter(None, lines):
        yield Typed(f"{block.page}:{block.line}", line, block.heading, block.text.startswith(MARK), False, *told)


def _of_console(block: Block) -> Iterator[Typed]:
    for part in re.split(r"(?m)^\$ ", block.text)[1:]:
        line, _, shown = part.partition("\n")
        where = f"{block.page}:{block.line}"
        yield Typed(where, _without_comment(line), block.heading, shown=shown.rstrip("\n"), shown_at=where)


def _without_comment(line: str) -> str:
    return re.sub(r"(^|\s)#.*", "", line).strip()


TYPED = [each for page in PAGES for each in commands(text_of(page), name_of(page))]


def differs(shown: str, printed: str) -> str | None:
    """The first line of what a page shows that was not printed in its place, or `None` where all of it was.

    A line that is `...` stands for any number of lines, and `…` for any part of one. A commit is as good as another,
    and so is a time.
    """
    rest = [_alike(line) for line in printed.rstrip("\n").splitlines()]
    free = False
    for line in shown.rstrip("\n").splitlines():
        if line.strip() == "...":
            free = True
            continue
        wanted = re.compile(".*".join(map(re.escape, _alike(line).split("…"))))
        places = [place for place, each in enumerate(rest) if wanted.fullmatch(each)]
        if not places or not (free or places[0] == 0):
            return line
        rest = rest[places[0] + 1 :]
        free = False
    return None if free or not rest else f"(nothing after it, and not {rest[0]!r})"


def _alike(line: str) -> str:
    """A line without what no two runs have in common: commits and times."""
    line = re.sub(r"(?<=\S)  +", "  ", line)  # a column is as wide as its widest line
    line = re.sub(r"\b(?=[0-9a-f]*[0-9])[0-9a-f]{12,40}\b", "COMMIT", line.rstrip())
    return re.sub(r"\(\d+\.\d+ s\)", "(TIME)", line)


def on(page: str) -> list[Typed]:
    """The commands of a page, in their order."""
    return [each for each in TYPED if each.page == page]


def pasted(page: str, tag: str) -> list[str]:
    """What a page has to be pasted into a file of a kind."""
    return [f"{each.text}\n" for each in blocks(text_of(ROOT / page), page) if each.tag == tag]
