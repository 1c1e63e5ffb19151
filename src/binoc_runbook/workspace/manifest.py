"""A file that holds versions, such as a `Cargo.toml` or `pyproject.toml`: what it says, and where it says it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from binoc_runbook.finding import Finding, Place
from binoc_runbook.workspace.spans import Keys, Span, spans

#: A table as `tomllib` reads it. What a manifest holds is never trusted to have the right shape.
Table = dict[str, Any]


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


class Manifest(Document):
    """A manifest as it lies on the disk. One that does not parse has no `data` and a `problem`."""

    def __init__(self, root: Path, path: str) -> None:
        super().__init__(root, path)
        self.directory = path.rpartition("/")[0]
        self.data: Table = {}
        try:
            self.data = parse(path, self.text)
        except (ValueError, RecursionError) as error:
            at = re.search(r"line (\d+)", str(error))
            line = int(at[1]) if at else self.text.count("\n") + 1
            self._refuse(line, f"does not parse: {error}", f"mend line {line} of `{path}`")

    def get(self, *keys: str) -> Any:
        """The value at a path of keys, `None` where there is none or the path leads through something else."""
        value: Any = self.data
        for key in keys:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def table(self, *keys: str) -> Table:
        """The table at a path of keys, an empty one where there is none."""
        value = self.get(*keys)
        return value if isinstance(value, dict) else {}

    def strings(self, *keys: str) -> list[str]:
        """The strings of the array at a path of keys, an empty list where there is none."""
        return [value for _, value in strings(self.get(*keys))]


def parse(path: str, text: str) -> Table:
    """The tables of a manifest. Raises `tomllib.TOMLDecodeError` or `RecursionError`."""
    text = text.removeprefix("\ufeff")
    try:
        return tomllib.loads(text)
    except ValueError:
        # Cargo reads TOML 1.1 (line breaks inside inline tables), `tomllib` up to Python 3.14 only 1.0.
        if not path.endswith("Cargo.toml"):
            raise
        import tomlkit  # where it is needed: it costs 60 ms
        from tomlkit.exceptions import TOMLKitError

        with suppress(TOMLKitError, ValueError, RecursionError):
            return tomlkit.parse(text).unwrap()
        raise


def strings(value: object) -> Iterator[tuple[int, str]]:
    """The strings of an array with their indexes; nothing of what is not an array."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield index, item
