"""Where in a TOML text a value is written.

`tomllib` says what a file means and not where it means it. This is the smallest reader that answers the second
question for a text the first one has accepted: every key path with the span of its value. It therefore checks nothing,
and where it meets what it does not know it stops, so that a place loses its line and nothing else.
"""

from __future__ import annotations

import re

#: A path of keys and array indexes, `("project", "dependencies", 0)`.
Keys = tuple[str | int, ...]

#: From the first to one past the last character of a value as it is written, its quotes included.
Span = tuple[int, int]

_GAP = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_SCALAR = re.compile(
    r'"{3}(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'{3}(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
    r"|[^\s,\[\]{}#\"'=]+(?: [0-9][^\s,\[\]{}#]*)?",  # the space is the one a date may have before its time
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}

#: Nearly every key is a bare one alone before its sign; this spares it the long way.
_BARE = re.compile(r"[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*")


def spans(text: str) -> dict[Keys, Span]:
    """The span of each value of a TOML text, by its key path.

    Values inside arrays and inline tables have their own entries beside that of the whole. A table has the span of its
    last header, or of the first dotted key that makes it. `text` may start with a byte order mark and end its lines in
    either way.
    """
    return _Reader(text).read()


class _UnknownSyntaxError(Exception):
    """The text goes on in a way this reader does not know."""


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 1 if text.startswith("\ufeff") else 0
        self.found: dict[Keys, Span] = {}
        self.last: dict[Keys, int] = {}  # the index that an array of tables has reached

    def read(self) -> dict[Keys, Span]:
        try:
            self._document()
        except _UnknownSyntaxError:
            pass
        except RecursionError:
            pass
        return self.found

    def _document(self) -> None:
        text = self.text
        table: Keys = ()
        while True:
            self._skip(_GAP)
            if self.at >= len(text):
                return
            if text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Keys:
        start = self.at
        array = self.text.startswith("[[", start)
        self.at += 2 if array else 1
        keys = self._keys()
        self._expect("]]" if array else "]")
        table: Keys = ()
        for key in keys[:-1]:
            table = self._inside((*table, key))
        table = (*table, keys[-1])
        if array:
            self.last[table] = self.last.get(table, -1) + 1
        table = self._inside(table)
        self.found[table] = start, self.at
        return table

    def _inside(self, table: Keys) -> Keys:
        """A name that stands for an array of tables means the last of them (TOML, *Array of Tables*)."""
        return (*table, self.last[table]) if table in self.last else table

    def _pair(self, table: Keys) -> None:
        start = self.at
        if bare := _BARE.match(self.text, start):
            self.at = bare.end()
            self._value((*table, bare[1]))
            return
        keys = self._keys()
        self._expect("=")
        self._skip(_BLANK)
        self._value((*table, *keys))
        for end in range(1, len(keys)):  # a table that only dotted keys make begins with the first of them
            self.found.setdefault((*table, *keys[:end]), (start, self.at))

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_BLANK)
            match = _KEY.match(self.text, self.at)
            if match is None:
                raise _UnknownSyntaxError
            keys.append(_plain(match[0]))
            self.at = match.end()
            self._skip(_BLANK)
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def _value(self, path: Keys) -> None:
        start = self.at
        opening = self.text[start : start + 1]
        if opening == "[":
            self._items(path, "]")
        elif opening == "{":
            self._items(path, "}")
        else:
            match = _SCALAR.match(self.text, start)
            if match is None:
                raise _UnknownSyntaxError
            self.at = match.end()
        self.found[path] = start, self.at

    def _items(self, path: Keys, closing: str) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip(_GAP)
            if self.text.startswith(closing, self.at):
                self.at += 1
                return
            if closing == "]":
                self._value((*path, index))
                index += 1
            else:
                self._pair(path)
            if not self.text.startswith(",", self.at):
                self._skip(_GAP)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith(closing, self.at):
                raise _UnknownSyntaxError

    def _expect(self, sign: str) -> None:
        if not self.text.startswith(sign, self.at):
            raise _UnknownSyntaxError
        self.at += len(sign)

    def _skip(self, what: re.Pattern[str]) -> None:
        match = what.match(self.text, self.at)
        self.at = match.end() if match else self.at


def _plain(key: str) -> str:
    """A key without its quotes and escapes."""
    if key.startswith("'"):
        return key[1:-1]
    if key.startswith('"'):
        return _ESCAPE.sub(_unescaped, key[1:-1])
    return key


def _unescaped(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    return chr(int(digits, 16)) if digits else _ESCAPED.get(escape[4], escape[4])
