"""Rules of crates.io for the manifest of a published crate.

Sources: its publish endpoint, and the Cargo book, *the manifest format*. crates.io drops unknown categories with a
warning, so only their number is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from binoc_runbook.checks.dists.expectation import Defect

#: The largest number of keywords or categories, and the largest length of a keyword in bytes.
MOST, LONGEST = 5, 20


def check_crates_io_rules(package: Mapping[str, Any], remedy: str) -> Iterator[Defect]:
    """Check the table `[package]` of a packaged manifest; the checks need no network."""
    if not str(package.get("description") or "").strip():
        yield Defect("its Cargo.toml has no `description`, which crates.io requires", remedy)
    licence = package.get("license")
    if not (licence or package.get("license-file")):
        yield Defect("its Cargo.toml has no `license`", remedy)
    elif licence and not _is_licence(str(licence)):
        yield Defect(f"its Cargo.toml has the licence `{licence}`, which is not an SPDX expression", remedy)
    for name in ("keywords", "categories"):
        listed = package.get(name) or []
        if len(listed) > MOST:
            yield Defect(f"its Cargo.toml has {len(listed)} {name}; crates.io accepts at most {MOST}", remedy)
    for word in package.get("keywords") or []:
        if len(word.encode("utf-8")) > LONGEST:
            saw = f"its Cargo.toml has the keyword `{word}`; crates.io accepts at most {LONGEST} characters"
            yield Defect(saw, remedy)
        elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]*", word):
            saw = f"its Cargo.toml has the keyword `{word}`; crates.io accepts letters, digits, `_`, `-` and `+`"
            yield Defect(saw, remedy)
    for name in ("homepage", "documentation", "repository"):
        if (address := package.get(name)) is not None and not _is_web_address(str(address)):
            yield Defect(f"its Cargo.toml has the {name} `{address}`, which is not a web address", remedy)


def _is_licence(expression: str) -> bool:
    try:
        canonicalize_license_expression(expression)
    except InvalidLicenseExpression:
        return False
    return True


def _is_web_address(text: str) -> bool:
    try:
        parsed = urlsplit(text)
        return parsed.scheme in ("http", "https") and bool(parsed.hostname)
    except ValueError:
        return False
