"""A `Cargo.toml` or `pyproject.toml`: what it says, and where it says it."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from binoc_runbook.workspace.document import Document
from binoc_runbook.workspace.spans import Keys, Span, spans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A table as `tomllib` reads it. What a manifest holds is never trusted to have the right shape.
Table = dict[str, Any]

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Manifest(Document):
    """A manifest as it lies on the disk. One that does not parse has no `data` and a `problem`."""

    def __init__(self, root: Path, path: str) -> None:
        super().__init__(root, path)
        self.folder = path.rpartition("/")[0]
        self.data: Table = {}
        try:
            self.data = tomllib.loads(self.text.removeprefix("\ufeff"))
        except (ValueError, RecursionError) as error:
            if not self._read_as_cargo_does():
                self._refuse_syntax(error)

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

    def _spans(self) -> dict[Keys, Span]:
        return spans(self.text)

    def _read_as_cargo_does(self) -> bool:
        """Cargo reads TOML 1.1 (line breaks inside inline tables), `tomllib` up to Python 3.14 only 1.0."""
        if not self.path.endswith("Cargo.toml"):
            return False
        import tomlkit  # where it is needed: it costs 60 ms
        from tomlkit.exceptions import TOMLKitError

        try:
            self.data = tomlkit.parse(self.text.removeprefix("\ufeff")).unwrap()
        except (TOMLKitError, ValueError, RecursionError):
            return False
        return True

    def _refuse_syntax(self, error: Exception) -> None:
        message = str(error)
        if isinstance(error, RecursionError):
            message, line, column = "it is nested too deeply", 1, 1
        elif (at := _AT.search(message)) and at[1]:
            line, column = int(at[1]), int(at[2])
        else:
            line, column = self.text.count("\n") + 1, len(self.text) - self.text.rfind("\n")
        reason = _AT.sub("", message)
        reason = reason[:1].lower() + reason[1:]
        saw = f"does not parse: {reason} (line {line}, column {column})"
        self._refuse(line, saw, f"mend line {line} of `{self.path}`")


def strings(value: object) -> Iterator[tuple[int, str]]:
    """The strings of an array with their indexes; nothing of what is not an array."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield index, item
