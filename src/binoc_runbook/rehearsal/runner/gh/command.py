"""A command of the rehearsed `gh`, and its access to the rehearsed GitHub."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.world.github import GitHubClient


class GhError(Exception):
    """A command failed; the message is what the real `gh` prints."""


@dataclass(frozen=True)
class GhRepository:
    """The repository in `GH_REPO`, `owner/name`, and a client with the token of the job."""

    name: str
    client: GitHubClient = field(repr=False)

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> GhRepository:
        """Return the repository that the environment of a step selects."""
        name = environment.get("GH_REPO")
        if not name:
            # There is no checkout, whose remote the real `gh` would use.
            raise GhError("failed to run git: fatal: not a git repository (or any of the parent directories): .git")
        return cls(name, GitHubClient(environment))

    def get(self, path: str) -> GitHubResponse:
        """Send a GET request to a path below the repository's."""
        return self.client.get(f"/repos/{self.name}/{path}")


def value_of(response: GitHubResponse) -> Any:
    """Return the value of a response.

    Raises:
        GhError: There is no value.
    """
    if response.outcome != "value":
        raise GhError(f"HTTP {response.reason} ({response.question})")
    return response.value


@dataclass(frozen=True, slots=True)
class GhCommand:
    """A command: the pattern of its arguments, and the function that runs it and returns its output.

    An element such as `{tag}` or `--latest={flag}` of the pattern accepts any value, which the function gets by name.
    """

    pattern: tuple[str, ...]
    run: Callable[[Mapping[str, str], GhRepository], str]


def arguments_of(pattern: Sequence[str], arguments: Sequence[str]) -> dict[str, str] | None:
    """Return the values in the arguments by name, or `None` if they do not match the pattern."""
    values: dict[str, str] = {}
    if len(pattern) != len(arguments):
        return None
    for expected, argument in zip(pattern, arguments, strict=True):
        expression = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(expected))
        match = re.fullmatch(expression, argument)
        if match is None:
            return None
        values |= match.groupdict()
    return values
