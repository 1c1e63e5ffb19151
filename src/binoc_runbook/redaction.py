"""Removal of escape codes and paths of this machine from text that is stored or published."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

Translate = Callable[[str], str]

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")


def plain(text: str) -> str:
    """Return a text without terminal escape codes."""
    return _ESCAPES.sub("", text)


@cache
def machine_free(*roots: Path, markup: bool = False) -> Translate:
    """Return a function that removes escape codes and paths of this machine from text, or from HTML with `markup`.

    It replaces the roots with `.` (a rehearsal has two: its own, and the checkout it was created from), the home
    directory with `~`, the directory for temporary files with `<tmp>`, the virtual environment with `<env>`, and its
    base Python with `<python>`.
    """
    import html
    import tempfile
    import urllib.parse

    names = {tempfile.gettempdir(): "<tmp>", sys.prefix: "<env>", str(Path.home()): "~"}
    if sys.base_prefix not in {"/usr", "/usr/local"}:  # these are the same on most machines
        names.setdefault(sys.base_prefix, "<python>")
    names |= {str(root): "." for root in roots}
    replacements: dict[str, str] = {}
    for path, name in names.items():
        for real in (path, os.path.realpath(path)):
            for spelling in (real, html.escape(real), urllib.parse.quote(real)):
                if len(spelling) > 1:
                    replacements[spelling] = html.escape(name) if markup else name
    longest_first = "|".join(re.escape(path) for path in sorted(replacements, key=len, reverse=True))
    # Do not match inside another path (`/srv/tmp`, `/tmpfs`), but after a flag such as `-I`.
    pattern = re.compile(rf"(?:(?<![\w.~-])|(?<=\s-[A-Za-z]))(?:{longest_first})(?![\w-])")
    return lambda text: pattern.sub(lambda match: replacements[match[0]], plain(text))


def each_string(value: Any, translate: Translate) -> Any:
    """Apply a function to all strings in a JSON value, except keys."""
    if isinstance(value, str):
        return translate(value)
    if isinstance(value, list):
        return [each_string(item, translate) for item in value]
    if isinstance(value, dict):
        return type(value)({key: each_string(item, translate) for key, item in value.items()})
    return value
