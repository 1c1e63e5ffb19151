"""What must not be shown: values that are replaced by `***` wherever a run is shown or kept."""

from __future__ import annotations

import re

from binoc_runbook.redaction import plain

#: What stands for a value that must not be seen, as in GitHub's logs.
MASK = "***"
#: A line that told a value; it is not shown at all.
TOLD = f"::add-mask::{MASK}"
_COMMAND = re.compile(r"\s*::add-mask(?: [^:]*)?::(.*)")
_ESCAPED = {"%0D": "\r", "%0A": "\n", "%25": "%"}


class Masks:
    """The values of one run that must not be seen; a representation of it shows none of them."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._values: set[str] = set()

    def __repr__(self) -> str:
        return f"Masks({len(self._values)} values)"

    def add(self, value: str) -> None:
        """Never show this value again; each line of it counts for itself, as output comes in lines."""
        self._values |= {line for line in map(str.strip, value.splitlines()) if line}
        longest_first = sorted(self._values, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without any of the values."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def line(self, raw: str) -> str:
        """A line that a step printed, fit to be shown; the command `::add-mask::` is obeyed ("Workflow commands")."""
        text = plain(raw)
        told = _COMMAND.match(text)
        if told:
            self.add(re.sub("%0D|%0A|%25", lambda found: _ESCAPED[found[0]], told[1]))
            return TOLD
        return self(text)
