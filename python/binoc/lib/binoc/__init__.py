"""The missing changelog for datasets: reports exactly what changed between two snapshots."""

from __future__ import annotations

import os
from collections.abc import Sequence

from binoc import _binoc
from binoc._binoc import Changeset, Error, __version__
from binoc._discovery import find_plugins

__all__ = ["Changeset", "Error", "__version__", "diff"]


def diff(
    older: str | os.PathLike[str],
    newer: str | os.PathLike[str],
    *,
    key: str | Sequence[str] = (),
    examples: int = 5,
) -> Changeset:
    """Compare two snapshots, ``older`` and ``newer``: two directories or two files.

    ``key`` is the column or the columns that identify a row of a table. ``examples`` is the largest number of
    examples of each fact; it does not affect counts. Installed plugins are used.

    Raises ``binoc.Error`` if a snapshot cannot be read. If a file inside a snapshot cannot be compared, the
    changeset has a finding about it, and its ``complete`` is false.
    """
    columns = [key] if isinstance(key, str) else list(key)
    return _binoc.diff(older, newer, columns, examples, find_plugins())
