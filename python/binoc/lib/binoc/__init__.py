"""The missing changelog for datasets: says exactly what changed between two snapshots."""

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
    """Say what changed from ``older`` to ``newer``, two directories or two files.

    ``key`` names the column, or the columns, that identify the rows of tables. Up to ``examples`` examples are
    given of each fact; counts are exact whatever their number. Installed plugins take part.

    Raises ``binoc.Error`` if the snapshots cannot be read. What cannot be compared inside them is a finding of
    the changeset, whose ``complete`` is then false.
    """
    columns = [key] if isinstance(key, str) else list(key)
    return _binoc.diff(older, newer, columns, examples, find_plugins())
