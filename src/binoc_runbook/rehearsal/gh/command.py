"""A command of the rehearsed `gh`: the arguments that it accepts, and the function that runs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from binoc_runbook.rehearsal.gh.forge import Forge


@dataclass(frozen=True, slots=True)
class GhCommand:
    """A command with exactly these arguments.

    An argument of `template` is a text, or a pattern that the whole argument must match. `run` gets the groups of all
    patterns, and returns what the command prints.
    """

    template: Sequence[str | re.Pattern[str]]
    run: Callable[[Forge, Mapping[str, str]], bytes]

    def match(self, arguments: Sequence[str]) -> dict[str, str] | None:
        """Return the groups of the patterns, or `None` if the arguments are those of another command."""
        if len(arguments) != len(self.template):
            return None
        groups: dict[str, str] = {}
        for argument, expected in zip(arguments, self.template, strict=True):
            if isinstance(expected, str):
                if argument != expected:
                    return None
            elif (match := expected.fullmatch(argument)) is None:
                return None
            else:
                groups |= match.groupdict()
        return groups
