"""Files that contain versions, such as `Cargo.toml` and `pyproject.toml`: their data and the lines of their values."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from binoc_runbook.files import NOT_A_TEXT_FILE, read_file
from binoc_runbook.finding import Finding, Place
from binoc_runbook.workspace.spans import Keys, Span, spans

#: A table as returned by `tomllib`. Its values can have any type.
Table = dict[str, Any]


class Document:
    """A file that contains versions.

    `path` is relative to the root, with forward slashes. `text` includes the byte order mark and line ends, so that
    encoding it gives the same bytes. If the file cannot be read, `text` is empty and `problem` is set.
    """

    def __init__(self, root: Path, path: str) -> None:
        self.path = path
        self.root = root
        self.text = ""
        self.problem: Finding | None = None
        try:
            self.text = read_file(f"{root}/{path}").decode()  # `Path` doubles the time for thousands of files
        except OSError as error:
            self._refuse(None, f"cannot be read: {error.strerror}", _remedy(path, error))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            column = error.start - error.object.rfind(b"\n", 0, error.start)
            self._refuse(line, f"is not UTF-8 (line {line}, column {column})", f"save `{path}` as UTF-8")

    @cached_property
    def spans(self) -> dict[Keys, Span]:
        """Return the span of each value."""
        return spans(self.text)

    def place(self, *keys: str | int) -> Place:
        """Return the line of a value, or of the nearest table around it if the value has no line."""
        while keys:
            if span := self.spans.get(keys):
                return Place(self.path, self.text.count("\n", 0, span[0]) + 1)
            keys = keys[:-1]
        return Place(self.path)

    def _refuse(self, line: int | None, saw: str, remedy: str) -> None:
        self.problem = Finding.failed("manifests", Place(self.path, line), saw, remedy)


def _remedy(path: str, error: OSError) -> str:
    """Return the fix for an error of `read_file`."""
    return f"git checkout HEAD -- {path}" if error.errno in NOT_A_TEXT_FILE else f"make `{path}` readable"


class Manifest(Document):
    """A manifest on the disk. If it is not valid TOML, `data` is empty and `problem` is set."""

    def __init__(self, root: Path, path: str) -> None:
        super().__init__(root, path)
        self.directory = path.rpartition("/")[0]
        self.data: Table = {}
        try:
            self.data = parse(path, self.text)
        except (ValueError, RecursionError) as error:
            match = re.search(r"line (\d+)", str(error))
            line = int(match[1]) if match else self.text.count("\n") + 1
            self._refuse(line, f"is not valid TOML: {error}", f"fix line {line} of `{path}`")

    def get(self, *keys: str) -> Any:
        """Return the value at a key path, or `None` if there is none."""
        value: Any = self.data
        for key in keys:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def table(self, *keys: str) -> Table:
        """Return the table at a key path, or an empty one if there is none."""
        value = self.get(*keys)
        return value if isinstance(value, dict) else {}

    def strings(self, *keys: str) -> list[str]:
        """Return the strings of the array at a key path, or an empty list if there is none."""
        return [value for _, value in strings(self.get(*keys))]


def parse(path: str, text: str) -> Table:
    """Parse a manifest. Raises `tomllib.TOMLDecodeError` or `RecursionError`."""
    text = text.removeprefix("\ufeff")
    try:
        return tomllib.loads(text)
    except ValueError:
        # Cargo reads TOML 1.1 (line breaks inside inline tables); `tomllib` reads only 1.0 up to Python 3.14.
        if not path.endswith("Cargo.toml"):
            raise
        import tomlkit  # rarely needed, and importing it takes 60 ms
        from tomlkit.exceptions import TOMLKitError

        with suppress(TOMLKitError, ValueError, RecursionError):
            return tomlkit.parse(text).unwrap()
        raise


def strings(value: object) -> Iterator[tuple[int, str]]:
    """Yield the strings of an array with their indexes; nothing for other values."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield index, item
