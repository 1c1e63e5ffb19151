"""Software bills of materials (SBOM) of a wheel, without paths of the build machine (PEP 770)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from binoc_runbook.checks.dists.expectation import Defect, Expectation

#: A file URL or an absolute path, at the start or after a character that ends a word.
_ABSOLUTE = re.compile(
    r"file:///|file://[A-Za-z]:|(?:^|[\s=\"'(])(?:/(?:home|root|Users|tmp|var|opt|work|builds?|github|private|mnt)/|[A-Za-z]:[\\/])"
)


def check_sbom(name: str, data: bytes, expectation: Expectation) -> Iterator[Defect | str]:
    """Check one SBOM, which must be CycloneDX in JSON as maturin writes it."""
    try:
        document = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        yield Defect(f"the SBOM `{name}` cannot be read: {error}")
        return
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        yield Defect(f"the SBOM `{name}` is not in the format CycloneDX")
        return
    components = document.get("components")
    if not isinstance(components, list) or not components:
        yield Defect(f"the SBOM `{name}` has no component")
    else:
        yield f"{len(components)} component{'s'[: len(components) - 1]} in its SBOM"
    main = document.get("metadata", {}).get("component", {}) if isinstance(document.get("metadata"), dict) else {}
    version = main.get("version") if isinstance(main, dict) else None
    if version not in (expectation.version.semver, expectation.version.pep440):
        yield Defect(f"the SBOM `{name}` is of version `{version}`, not `{expectation.version.semver}`")
    for text in _texts(document):
        if _ABSOLUTE.search(text):
            yield Defect(f"the SBOM `{name}` contains a path of the build machine: `{text[:200]}`")
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
