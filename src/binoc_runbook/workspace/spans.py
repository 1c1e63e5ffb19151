"""The positions of values in a TOML text.

`tomllib` returns values without their positions. This small parser returns the position of each value of a text that
`tomllib` has accepted. It validates nothing, and stops at text that it does not understand; findings then only lack a
line.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress

#: A path of keys and array indexes, such as `("project", "dependencies", 0)`.
Keys = tuple[str | int, ...]

#: The offsets of a value and of its end, with quotes.
Span = tuple[int, int]

_ONE_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEYS = rf"({_ONE_KEY}(?:[ \t]*\.[ \t]*{_ONE_KEY})*)"
_HEADER = re.compile(rf"\[(\[?)[ \t]*{_KEYS}[ \t]*\]\]?")
_PAIR = re.compile(rf"{_KEYS}[ \t]*=[ \t]*")
_CLOSING = {"[": "]", "{": "}"}
_GAP = re.compile(r"(?:[ \t\r\n,\ufeff]+|#[^\n]*)*")
_SCALAR = re.compile(
    r'"{3}(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'{3}(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^\s,\[\]{}#\"'=]+(?: [0-9][^\s,\[\]{}#]*)?",  # the space can be between a date and its time
    re.DOTALL,
)


def spans(text: str) -> dict[Keys, Span]:
    """Return the span of each value of a TOML text by its key path.

    Values inside arrays and inline tables have entries, and so have the arrays and inline tables. A table has the span
    of its last header, or of the first dotted key that defines it. `text` can have a byte order mark and any line ends.
    """
    parser = _Parser(text)
    with suppress(ValueError, RecursionError):
        parser.document()
    return parser.spans


class _Parser:
    """A parser with the current offset `at`; it raises `ValueError` at unexpected text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.spans: dict[Keys, Span] = {}

    def document(self) -> None:
        last: dict[Keys, int] = {}  # the last index of each array of tables
        table: Keys = ()
        while self.take(_GAP).end() < len(self.text):
            if not self.text.startswith("[", self.at):
                self.pair(table)
                continue
            header = self.take(_HEADER)
            table = ()
            keys = _keys(header[2])
            for depth, key in enumerate(keys, 1):
                table = (*table, key)
                if header[1] and depth == len(keys):
                    last[table] = last.get(table, -1) + 1
                if table in last:  # the name of an array of tables refers to the last one (TOML, *Array of Tables*)
                    table = (*table, last[table])
            self.spans[table] = header.span()

    def pair(self, table: Keys) -> None:
        start = self.at
        keys = _keys(self.take(_PAIR)[1])
        self.value((*table, *keys))
        for end in range(1, len(keys)):  # a table that is defined by dotted keys begins with the first of them
            self.spans.setdefault((*table, *keys[:end]), (start, self.at))

    def value(self, path: Keys) -> None:
        start = self.at
        if closing := _CLOSING.get(self.text[start : start + 1]):
            self.items(path, closing)
        else:
            self.take(_SCALAR)
        self.spans[path] = start, self.at

    def items(self, path: Keys, closing: str) -> None:
        self.at += 1
        index = 0
        self.take(_GAP)
        while not self.text.startswith(closing, self.at):
            if closing == "]":
                self.value((*path, index))
                index += 1
            else:
                self.pair(path)
            self.take(_GAP)
        self.at += 1

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError
        self.at = match.end()
        return match


def _keys(dotted: str) -> list[str]:
    if dotted.isidentifier():  # faster, and nearly all keys are identifiers
        return [dotted]
    keys = re.findall(_ONE_KEY, dotted)
    return [next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key for key in keys]
