"""The entries of a `Cargo.lock` or `uv.lock` for packages of this checkout.

Cargo and uv always write these files in the same format, so regular expressions can read them, about 100 times faster
than a TOML parser.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from binoc_runbook.workspace.manifest import Document
from binoc_runbook.workspace.manifest_tree import UV_LOCK
from binoc_runbook.workspace.spans import Keys

_ENTRY = re.compile(
    r'^\[\[package\]\][ \t]*\r?\nname = "([^"\r\n]+)"[ \t]*\r?\nversion = ("([^"\r\n]*)")[ \t]*(\r?\nsource = )?', re.M
)
# uv writes a path as the source of a package of the checkout, and leaves out a dynamic version.
_DISTRIBUTION = re.compile(
    r'^\[\[package\]\][ \t]*\r?\nname = "([^"\r\n]+)"[ \t]*\r?\nversion = ("([^"\r\n]*)")[ \t]*\r?\n'
    r'source = \{ (?:editable|virtual|directory) = "([^"\r\n]*)" \}',
    re.M,
)
_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |\r?$)", re.M)


class Entry(NamedTuple):
    """One quoted version of a package of the checkout: a crate without `source`, or a distribution in a directory.

    `number` is the index of the `[[package]]`. If names of crates are ambiguous, dependencies also quote the version;
    `prefix` is the text before the version there, and empty elsewhere. `directory` is that of a distribution, relative
    to the lock file.
    """

    name: str
    version: str
    number: int
    keys: Keys
    prefix: str = ""
    directory: str = ""


class Lock(Document):
    """One lock file: its entries for packages of the checkout, and the spans of their versions."""

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
        return self._distributions() if self.path.endswith(UV_LOCK) else self._crates()

    def _distributions(self) -> Iterator[Entry]:
        for index, match in enumerate(_DISTRIBUTION.finditer(self.text)):
            keys: Keys = ("package", index, "version")
            self.spans[keys] = match.span(2)
            yield Entry(match[1], match[3], index, keys, directory=match[4])

    def _crates(self) -> Iterator[Entry]:
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
