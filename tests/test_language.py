"""Tests that prose, messages and names contain no banned words, for which standard terms exist."""

from __future__ import annotations

import ast
import functools
import io
import json
import re
import subprocess
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from binoc_runbook.cli.options import COMMANDS, build_parser

ROOT = Path(__file__).parents[1]

#: Regular expressions of banned words, and the words to use instead. At most 25, with `NAMES`.
BANNED = {
    "whoever": "the user, the caller",
    "whatever": "any, all",
    "nobody": "no user, no maintainer",
    "somebody": "a person, another user",
    "anew": "again",
    "beside": "next to",
    "lies?|lying": "is, is in",
    "stands?|standing": "is, is at",
    "mend(s|ed|ing)?": "fix",
    "tells?|told|telling": "report, show",
    "said": "printed, reported",
    "(?<!there )(is|are|was|were) no": "is not a, there is no",
    "(is|are|was|were) out": "is published",
    "troubles?": "fault, problem",
    "loopback": "localhost, local servers",
    "used up": "cannot be reused",
    "peel(s|ed)?": "points to",
    "(mis)?spelt": "spelled, written",
    "ask(s|ed|ing)?": "check, query, prompt",
    "folders?": "directory",
    "lends?|lent": "shares",
}
#: Banned names of variables; the words above are banned in names too.
NAMES = {"each", "found", "seen", "made"}
#: Words that must not begin a sentence.
BEGINNINGS = re.compile(r"(?:^|[.!?]\s+)(What|Whatever|Whoever|That)\b")

_WORDS = re.compile(rf"\b(?:{'|'.join(BANNED)})\b", re.IGNORECASE)


def tracked(*patterns: str) -> list[Path]:
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", *patterns]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [path for name in listing.splitlines() if (path := ROOT / name).is_file()]


def prose(text: str) -> str:
    """Return a text without code spans, links and quotations."""
    return re.sub(
        r"``.*?``|`[^`]*`|\"[^\"]*\"|“[^”]*”|\w+://\S+|[\w./-]+\.(?:md|py|toml|html|ipynb)\b",
        "…",
        text,
        flags=re.DOTALL,
    )


def problems(place: str, text: str) -> Iterator[str]:
    text = prose(text)
    for match in _WORDS.finditer(text):
        yield f"{place}: {match[0]!r} in {text[max(0, match.start() - 40) : match.end() + 30]!r}"
    for paragraph in re.split(r"\n\s*\n", text):
        for match in BEGINNINGS.finditer(paragraph.strip()):
            sentence = paragraph.strip()[match.start() : match.end() + 40]
            yield f"{place}: a sentence begins with {match[1]!r}: {sentence!r}"


@functools.lru_cache(maxsize=1)
def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def docstrings_and_comments(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text("utf-8")
    for node in nodes(path):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and (text := ast.get_docstring(node)):
            yield getattr(node, "lineno", 1), text
    block: list[tuple[int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            block.append((token.start[0], token.string.lstrip("#: ")))
        elif token.type not in (tokenize.NL, tokenize.NEWLINE) and block:
            yield block[0][0], "\n".join(text for _, text in block)
            block = []


def bound_names(path: Path) -> Iterator[tuple[int, str]]:
    for node in nodes(path):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.lineno, node.name


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line and text of each paragraph, heading and table cell of a Markdown file, without code."""
    text = re.sub(r"\A---\n.*?\n---\n", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "inline":
            children = token.children or []
            words = (
                "…" if child.type == "code_inline" else "\n" if child.type == "softbreak" else child.content
                for child in children
            )
            yield (token.map or [0])[0] + 1, "".join(words)


def test_list_of_banned_words_is_short() -> None:
    assert len(BANNED) + len(NAMES) <= 25


@pytest.mark.parametrize("path", tracked("*.py"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_docstrings_comments_and_names(path: Path) -> None:
    name = path.relative_to(ROOT)
    unwanted = [problem for line, text in docstrings_and_comments(path) for problem in problems(f"{name}:{line}", text)]
    for line, identifier in bound_names(path):
        words = re.sub("(?<=[a-z])(?=[A-Z])", "_", identifier).replace("_", " ").strip()
        if identifier in NAMES or _WORDS.search(words):
            unwanted.append(f"{name}:{line}: the name `{identifier}`")
    assert unwanted == []


@pytest.mark.parametrize("path", tracked("*.md"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages(path: Path) -> None:
    name = path.relative_to(ROOT)
    blocks = paragraphs(path.read_text("utf-8"))
    assert [problem for line, text in blocks for problem in problems(f"{name}:{line}", text)] == []


@pytest.mark.parametrize("path", tracked("runbooks/*.ipynb"), ids=lambda path: path.name)
def test_sections_of_the_runbooks(path: Path) -> None:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert texts
    assert [problem for text in texts for _, block in paragraphs(text) for problem in problems(path.name, block)] == []


@pytest.mark.parametrize("path", tracked("tests/messages/*.toml"), ids=lambda path: path.stem)
def test_messages(path: Path) -> None:
    modules = tomllib.loads(path.read_text("utf-8"))
    messages = [(module, message) for module, entries in modules.items() for message in entries]
    assert messages
    assert [
        problem
        for module, message in messages
        for key in ("looked_at", "saw", "remedy")
        for problem in problems(module, message[key])
    ] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_commands(name: str) -> None:
    (parser,) = build_parser([name]).subcommands()
    texts = [parser.description or "", *(action.help or "" for action in parser._actions)]
    assert [problem for text in texts for problem in problems(name, text)] == []


@pytest.mark.parametrize(
    "path",
    tracked("justfile", "just", ".ci/run", "*.rs", "*.toml", "*.yml", ":!tests/messages"),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_comments_of_other_files(path: Path) -> None:
    mark = "//[/!]?" if path.suffix == ".rs" else "#"
    comments = re.findall(rf"(?:^|\s){mark} (.+)", path.read_text("utf-8"))
    assert [problem for text in comments for problem in problems(path.name, text)] == []
