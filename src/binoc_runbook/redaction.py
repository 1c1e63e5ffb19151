"""Text that may be kept and published: without escape codes, and without the paths of the machine it was made on."""

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
    """The text without the escape codes that colour it in a terminal."""
    return _ESCAPES.sub("", text)


@cache
def machine_free(*roots: Path, markup: bool = False) -> Translate:
    """Make a function that takes escape codes and this machine's paths out of text, or out of HTML with `markup`.

    The root of the checkout becomes `.` (a rehearsal has two roots: its own, and the one it was made from), the home
    directory `~`, that for temporary files `<tmp>`, the environment and the Python it was made from `<env>` and
    `<python>`.
    """
    import html
    import tempfile
    import urllib.parse

    names = {tempfile.gettempdir(): "<tmp>", sys.prefix: "<env>", str(Path.home()): "~"}
    if sys.base_prefix not in {"/usr", "/usr/local"}:  # which are the same on many machines
        names.setdefault(sys.base_prefix, "<python>")
    names |= {str(root): "." for root in roots}
    spelt: dict[str, str] = {}
    for path, name in names.items():
        for real in (path, os.path.realpath(path)):
            for spelling in (real, html.escape(real), urllib.parse.quote(real)):
                if len(spelling) > 1:
                    spelt[spelling] = html.escape(name) if markup else name
    longest_first = "|".join(re.escape(path) for path in sorted(spelt, key=len, reverse=True))
    # Not inside another path (`/srv/tmp`, `/tmpfs`), but after a flag such as `-I`.
    pattern = re.compile(rf"(?:(?<![\w.~-])|(?<=\s-[A-Za-z]))(?:{longest_first})(?![\w-])")
    return lambda text: pattern.sub(lambda match: spelt[match[0]], plain(text))


def each_string(value: Any, translate: Translate) -> Any:
    """Translate every string in a JSON value, however deep; keys are left alone."""
    if isinstance(value, str):
        return translate(value)
    if isinstance(value, list):
        return [each_string(item, translate) for item in value]
    if isinstance(value, dict):
        return type(value)({key: each_string(item, translate) for key, item in value.items()})
    return value
