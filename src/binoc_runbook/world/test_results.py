"""Stored results of passed tests. All other results of a release are observed again.

Git and the registries do not show whether tests have passed. The result is stored inside `.git/`, under a key with
everything that affects it: the tree, the command and the toolchain.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from binoc_runbook.files import write_atomically


@dataclass
class TestResults:
    """The stored results of one clone. Without `may_write`, as in a rehearsal, nothing is read or written."""

    directory: Callable[[], Path | None]
    may_write: bool

    def read(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """Return the result for this key, if there is one."""
        path = self._path(key)
        if not self.may_write or path is None:
            return None
        try:
            result: dict[str, Any] = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return result if result.get("key") == key else None

    def write(self, key: dict[str, Any], facts: dict[str, Any]) -> None:
        """Store a result for this key atomically."""
        path = self._path(key)
        if not self.may_write or path is None:
            return
        write_atomically(path, json.dumps({"key": key, **facts}, indent=1))

    def _path(self, key: dict[str, Any]) -> Path | None:
        import hashlib

        directory = self.directory()
        if directory is None:
            return None
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
        return directory / "binoc-runbook" / "tests" / f"{digest}.json"
