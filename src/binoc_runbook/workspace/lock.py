"""The entries of a `Cargo.lock` for crates of this checkout.

Cargo always writes the file in the same format, so regular expressions can read it, about 100 times faster than a
TOML parser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from binoc_runbook.workspace.manifest import Document
from binoc_runbook.workspace.spans import Keys

_ENTRY = re.compile(
    r'^\[\[package\]\][ \t]*\r?\nname = "([^"\r\n]+)"[ \t]*\r?\nversion = ("([^"\r\n]*)")[ \t]*(\r?\nsource = )?', re.M
)
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |\r?$)", re.M)


class Entry(NamedTuple):
    """One quoted version of a crate without `source`, which is a crate of the checkout.

    `number` is the index of the `[[package]]` of the crate. If names are ambiguous, dependencies also quote the
    version; `prefix` is the text before the version there, and empty elsewhere.
    """

    name: str
    version: str
    number: int
    keys: Keys
    prefix: str = ""


class Lock(Document):
    """One `Cargo.lock`: its entries for crates of the checkout, and the spans of their versions."""

    def __init__(self, root: Path, path: str) -> None:
        super().__init__(root, path)
        self.entries: list[Entry] = []
        self.spans = {}
        if conflict := _CONFLICT.search(self.text):
            line = self.text.count("\n", 0, conflict.start()) + 1
            self._refuse(line, "contains merge conflict markers", f"git checkout HEAD -- {path}")
        else:
            self.entries = list(self._read())

    def _read(self) -> Iterator[Entry]:
        matches = list(_ENTRY.finditer(self.text))
        names = Counter(match[1] for match in matches)
        ambiguous: list[Entry] = []
        for index, match in enumerate(matches):
            if match[4]:
                continue
            keys: Keys = ("package", index, "version")
            self.spans[keys] = match.span(2)
            entry = Entry(match[1], match[3], index, keys)
            yield entry
            if names[entry.name] > 1:
                ambiguous.append(entry)
        for entry in ambiguous:
            yield from self._mentions(entry)

    def _mentions(self, entry: Entry) -> Iterator[Entry]:
        mention = re.compile(rf'^ ("{re.escape(entry.name)} {re.escape(entry.version)}"),?[ \t]*\r?$', re.M)
        for count, match in enumerate(mention.finditer(self.text)):
            keys: Keys = ("package", entry.number, "mention", count)
            self.spans[keys] = match.span(1)
            yield Entry(entry.name, entry.version, entry.number, keys, f"{entry.name} ")
