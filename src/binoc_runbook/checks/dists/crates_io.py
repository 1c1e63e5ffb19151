"""What crates.io refuses in a manifest when it is published, asked while it can still be changed.

The rules are those of its publish endpoint and of the Cargo book, *the manifest format*. Categories that crates.io does
not know it drops with a warning, so only their number is asked about.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from binoc_runbook.checks.dists.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: At most so many, the first counted in words and the second in letters of each.
MOST, LONGEST = 5, 20


def crates_io(package: Mapping[str, Any], remedy: str) -> Iterator[Problem]:
    """Ask the table `[package]` of a packaged manifest everything that needs no network."""
    if not str(package.get("description") or "").strip():
        yield Problem("its Cargo.toml has no description, and crates.io takes none without", remedy)
    licence = package.get("license")
    if not (licence or package.get("license-file")):
        yield Problem("its Cargo.toml names no licence", remedy)
    elif licence and not _known(str(licence)):
        yield Problem(f"its Cargo.toml has the licence `{licence}`, which is no SPDX expression", remedy)
    for name in ("keywords", "categories"):
        listed = package.get(name) or []
        if len(listed) > MOST:
            yield Problem(f"its Cargo.toml has {len(listed)} {name}, and crates.io takes at most {MOST}", remedy)
    for word in package.get("keywords") or []:
        if len(word.encode("utf-8")) > LONGEST:
            saw = f"its Cargo.toml has the keyword `{word}`, and crates.io takes at most {LONGEST} letters"
            yield Problem(saw, remedy)
        elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]*", word):
            saw = f"its Cargo.toml has the keyword `{word}`; crates.io takes letters, digits, `_`, `-` and `+`"
            yield Problem(saw, remedy)
    for name in ("homepage", "documentation", "repository"):
        if (address := package.get(name)) is not None and not _address(str(address)):
            yield Problem(f"its Cargo.toml has the {name} `{address}`, which is no address on the web", remedy)


def _known(expression: str) -> bool:
    try:
        canonicalize_license_expression(expression)
    except InvalidLicenseExpression:
        return False
    return True


def _address(text: str) -> bool:
    try:
        parsed = urlsplit(text)
        return parsed.scheme in ("http", "https") and bool(parsed.hostname)
    except ValueError:
        return False
