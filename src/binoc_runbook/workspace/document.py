"""One file of the checkout: its text as it lies on the disk, and on which line of it something is."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from binoc_runbook.finding import Finding, Place
from binoc_runbook.workspace.spans import Keys, Span, spans


class Document:
    """A file that holds versions.

    `path` is relative to the root with forward slashes. `text` is the decoded bytes, byte order mark and line ends
    included, so that encoding it gives the bytes back. A file that cannot be read has no text and a `problem`.
    """

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.root = root
        self.text = ""
        self.problem: Finding | None = None
        try:
            with open(f"{root}/{path}", "rb") as file:  # noqa: PTH123 - thousands are read, and `Path` costs as much again
                self.text = file.read().decode()
        except OSError as error:
            self._refuse(None, f"cannot be read: {error.strerror}", f"make `{path}` readable")
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            column = error.start - error.object.rfind(b"\n", 0, error.start)
            self._refuse(line, f"is not UTF-8 (line {line}, column {column})", f"save `{path}` as UTF-8")

    @cached_property
    def spans(self) -> dict[Keys, Span]:
        """Where each value is written, found when it is first asked for."""
        return spans(self.text)

    def place(self, *keys: str | int) -> Place:
        """The line of a value; of the nearest table around it where the value itself has none."""
        while keys:
            if span := self.spans.get(keys):
                return Place(self.path, self.text.count("\n", 0, span[0]) + 1)
            keys = keys[:-1]
        return Place(self.path)

    def _refuse(self, line: int | None, saw: str, remedy: str) -> None:
        self.problem = Finding.failed("manifests", Place(self.path, line), saw, remedy)
