"""Commands of a script as lists of words, and the commands that publish."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, pairwise

from binoc_runbook.policy import Registry

#: Actions that publish, with their registry.
PUBLISHING_ACTIONS: dict[str, Registry] = {
    "pypa/gh-action-pypi-publish": "pypi",
    "rust-lang/crates-io-auth-action": "crates.io",
}
_PUBLISHING: dict[tuple[str, str], Registry] = {
    ("uv", "publish"): "pypi",
    ("twine", "upload"): "pypi",
    ("maturin", "publish"): "pypi",
    ("maturin", "upload"): "pypi",
    ("hatch", "publish"): "pypi",
    ("flit", "publish"): "pypi",
    ("poetry", "publish"): "pypi",
    ("cargo", "publish"): "crates.io",
}


def commands(script: str) -> Iterator[list[str]]:
    """Split a script into commands and their words, without expansions of the shell."""
    return map(list, _split(script))


@lru_cache(maxsize=1000)
def _split(script: str) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, _commands(script)))


def _commands(script: str) -> Iterator[list[str]]:
    script = re.sub(r"\$\{\{.*?\}\}", lambda match: re.sub(r"[\s'\"|&;()<>]", "_", match[0]), script, flags=re.DOTALL)
    for line in script.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;()")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # a quotation that continues on the next line
            words = line.split()
        for is_command, command in groupby(words, lambda word: bool(word.strip("|&;()"))):
            if is_command:
                yield list(command)


def published_by(command: list[str]) -> Registry | None:
    """Return the registry at which a command publishes; None if it does not publish."""
    if "--dry-run" in command:
        return None
    plain = [word for word in command if not word.startswith(("-", "+"))]
    pairs = ((tool.rpartition("/")[2], verb) for tool, verb in pairwise(plain))
    return next((_PUBLISHING[pair] for pair in pairs if pair in _PUBLISHING), None)
