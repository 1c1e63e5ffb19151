"""Whether the bill of materials in a wheel says what is in it, and nothing of the machine it was built on (PEP 770)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from binoc_runbook.checks.dists.problem import Answer, Wanted

#: An address of a file or a path that begins at the root of a file system, alone or after a sign that ends a word.
_ABSOLUTE = re.compile(
    r"file:///|file://[A-Za-z]:|(?:^|[\s=\"'(])(?:/(?:home|root|Users|tmp|var|opt|work|builds?|github|private|mnt)/|[A-Za-z]:[\\/])"
)


def sbom(name: str, data: bytes, wanted: Wanted) -> Iterator[Answer]:
    """Look into one SBOM; only CycloneDX in JSON, which maturin writes, is understood."""
    try:
        told = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        yield Problem(f"the SBOM `{name}` cannot be read: {error}")
        return
    if not isinstance(told, dict) or told.get("bomFormat") != "CycloneDX":
        yield Problem(f"the SBOM `{name}` is not in the format CycloneDX")
        return
    components = told.get("components")
    if not isinstance(components, list) or not components:
        yield Problem(f"the SBOM `{name}` names no component")
    else:
        yield f"{len(components)} component{'s'[: len(components) - 1]} in its SBOM"
    main = told.get("metadata", {}).get("component", {}) if isinstance(told.get("metadata"), dict) else {}
    version = main.get("version") if isinstance(main, dict) else None
    if version not in (wanted.version.semver, wanted.version.pep440):
        yield Problem(f"the SBOM `{name}` is of version `{version}`, and `{wanted.version.semver}` is to be released")
    for text in _texts(told):
        if _ABSOLUTE.search(text):
            yield Problem(f"the SBOM `{name}` holds a path of the machine it was built on: `{text[:200]}`")
            return


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
