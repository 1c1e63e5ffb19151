"""The missing changelog for datasets: reports exactly what changed between two snapshots."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from binoc import _binoc
from binoc._binoc import Changeset, Error, __version__
from binoc._discovery import find_plugins

__all__ = ["Changeset", "Error", "__version__", "diff"]


def diff(
    older: str | os.PathLike[str],
    newer: str | os.PathLike[str],
    *,
    key: str | Sequence[str] | Mapping[str, str | Sequence[str]] = (),
    examples: int = 5,
    memory: int | str | None = None,
) -> Changeset:
    """Compare two snapshots, ``older`` and ``newer``: two directories or two files.

    ``key`` is the column or the columns that identify a row of a table, or a mapping from tables to their columns. A
    table is the path or name of a file, the name of a table in it, or both: ``PATH/TABLE``. ``examples`` is the largest
    number of examples of each fact; it does not affect counts. ``memory`` limits the memory to compare tables: a number
    of bytes or a size such as ``"512MiB"``. Installed plugins are used.

    Raises ``binoc.Error`` if a snapshot cannot be read or ``memory`` is not a size. If a file inside a snapshot cannot
    be compared, the changeset has a finding about it, and its ``complete`` is false.
    """
    keys = {table: _columns(columns) for table, columns in key.items()} if isinstance(key, Mapping) else {}
    columns = [] if isinstance(key, Mapping) else _columns(key)
    size = None if memory is None else str(memory)
    return _binoc.diff(older, newer, columns, keys, examples, size, find_plugins())


def _columns(key: str | Sequence[str]) -> list[str]:
    return [key] if isinstance(key, str) else list(key)
