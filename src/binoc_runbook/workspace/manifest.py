"""A `Cargo.toml` or `pyproject.toml`: what it says, and where it says it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from binoc_runbook.workspace.document import Document

#: A table as `tomllib` reads it. What a manifest holds is never trusted to have the right shape.
Table = dict[str, Any]


class Manifest(Document):
    """A manifest as it lies on the disk. One that does not parse has no `data` and a `problem`."""

    def __init__(self, root: Path, path: str) -> None:
        super().__init__(root, path)
        self.folder = path.rpartition("/")[0]
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
