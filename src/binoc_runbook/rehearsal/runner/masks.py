"""Masks: the secrets of a run are replaced by `***` in its output."""

from __future__ import annotations

import re

from binoc_runbook.redaction import MASK, plain

#: A line with the command that adds a mask, after masking; it is not printed.
MASKED_COMMAND = f"::add-mask::{MASK}"
_COMMAND = re.compile(r"\s*::add-mask(?: [^:]*)?::(.*)")
_ESCAPED = {"%0D": "\r", "%0A": "\n", "%25": "%"}


class Masks:
    """The secrets of one run."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._values: set[str] = set()

    def add(self, value: str) -> None:
        """Mask each line of a value from now on; output is masked line by line."""
        self._values |= {line for line in map(str.strip, value.splitlines()) if line}
        longest_first = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """Return the text with all secrets masked."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def line(self, raw: str) -> str:
        """Return a line of a step, masked; run the command `::add-mask::` (GitHub's page "Workflow commands")."""
        text = plain(raw)
        command = _COMMAND.match(text)
        if command:
            self.add(re.sub("%0D|%0A|%25", lambda match: _ESCAPED[match[0]], command[1]))
            return MASKED_COMMAND
        return self(text)
