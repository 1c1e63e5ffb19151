"""Where in a TOML text a value is written.

`tomllib` says what a file means and not where it means it. This is the smallest reader that answers the second
question for a text the first one has accepted: every key path with the span of its value. It therefore checks nothing,
and where it meets what it does not know it stops, so that a place loses its line and nothing else.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress

#: A path of keys and array indexes, `("project", "dependencies", 0)`.
Keys = tuple[str | int, ...]

#: From the first to one past the last character of a value as it is written, its quotes included.
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
    r"|[^\s,\[\]{}#\"'=]+(?: [0-9][^\s,\[\]{}#]*)?",  # the space is the one a date may have before its time
    re.DOTALL,
)


def spans(text: str) -> dict[Keys, Span]:
    """The span of each value of a TOML text, by its key path.

    Values inside arrays and inline tables have their own entries beside that of the whole. A table has the span of its
    last header, or of the first dotted key that makes it. `text` may start with a byte order mark and end its lines in
    either way.
    """
    reader = _Reader(text)
    with suppress(ValueError, RecursionError):
        reader.document()
    return reader.found


class _Reader:
    """Reads on from `at`; raises `ValueError` where the text goes on in a way that it does not know."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Keys, Span] = {}

    def document(self) -> None:
        last: dict[Keys, int] = {}  # the index that an array of tables has reached
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
                if table in last:  # the name of an array of tables means the last of them (TOML, *Array of Tables*)
                    table = (*table, last[table])
            self.found[table] = header.span()

    def pair(self, table: Keys) -> None:
        start = self.at
        keys = _keys(self.take(_PAIR)[1])
        self.value((*table, *keys))
        for end in range(1, len(keys)):  # a table that only dotted keys make begins with the first of them
            self.found.setdefault((*table, *keys[:end]), (start, self.at))

    def value(self, path: Keys) -> None:
        start = self.at
        if closing := _CLOSING.get(self.text[start : start + 1]):
            self.items(path, closing)
        else:
            self.take(_SCALAR)
        self.found[path] = start, self.at

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
    if dotted.isidentifier():  # nearly every key is, and this spares it the long way
        return [dotted]
    keys = re.findall(_ONE_KEY, dotted)
    return [next(iter(tomllib.loads(f"{key} = 0"))) if key[0] in "\"'" else key for key in keys]
