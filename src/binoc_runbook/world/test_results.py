"""Records of passed tests: the only result that a release keeps instead of observing it again.

Everything else that is done can be read from git and the registries; a passed test leaves nothing there. So a note is
kept inside `.git/`, under a key made of all that decides the outcome: the tree, the command and the toolchain.
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
    """The notes of one clone; a world that may not write (a rehearsal) has none and leaves none."""

    directory: Callable[[], Path | None]
    may_write: bool

    def read(self, key: dict[str, Any]) -> dict[str, Any] | None:
        """The note about exactly this key, if there is one."""
        place = self._place(key)
        if not self.may_write or place is None:
            return None
        try:
            note: dict[str, Any] = json.loads(place.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return note if note.get("key") == key else None

    def write(self, key: dict[str, Any], facts: dict[str, Any]) -> None:
        """Note the facts about this key; a note is written whole or not at all."""
        place = self._place(key)
        if not self.may_write or place is None:
            return
        write_atomically(place, json.dumps({"key": key, **facts}, indent=1))

    def _place(self, key: dict[str, Any]) -> Path | None:
        import hashlib

        directory = self.directory()
        if directory is None:
            return None
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
        return directory / "binoc-runbook" / "tests" / f"{digest}.json"
