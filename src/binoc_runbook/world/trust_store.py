"""The checkouts that the user trusts, in the state directory of the user: a checkout cannot trust itself."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from binoc_runbook.checks.observations import Setting
from binoc_runbook.files import write_atomically


def _state_directory() -> Path:
    """Return the state directory of the user (XDG Base Directory Specification)."""
    given = Path(os.environ.get("XDG_STATE_HOME") or "")
    return given if given.is_absolute() else Path.home() / ".local" / "state"


@dataclass(frozen=True, slots=True)
class TrustStore:
    """One file for each trusted checkout, with its path and the digest of its git configuration."""

    directory: Path = field(default_factory=lambda: _state_directory() / "binoc-runbook" / "trusted")

    def is_trusted(self, root: Path, settings: Sequence[Setting]) -> bool:
        """Return whether the checkout at `root` is trusted with exactly these settings."""
        try:
            stored = json.loads(self._path(root).read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(stored == _entry(root, settings))

    def trust(self, root: Path, settings: Sequence[Setting]) -> Path:
        """Trust a checkout with these settings; return the file, which the user can delete again."""
        path = self._path(root)
        write_atomically(path, json.dumps(_entry(root, settings), indent=1) + "\n")
        return path

    def _path(self, root: Path) -> Path:
        return self.directory / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.json"


def _entry(root: Path, settings: Sequence[Setting]) -> dict[str, str]:
    # `git switch --create` and `git push` add settings of branches, from which no command of this library reads.
    own = [
        (setting.key, setting.value, setting.origin)
        for setting in settings
        if setting.scope in ("local", "worktree") and not setting.key.startswith("branch.")
    ]
    return {"checkout": str(root), "configuration": hashlib.sha256(json.dumps(own).encode()).hexdigest()}
