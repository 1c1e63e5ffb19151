"""Third-party code in a wheel: the notices name its crates, and an SBOM the SQLite that it bundles."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from binoc_runbook.checks.dists.expectation import Defect
from binoc_runbook.checks.dists.generated_files import NOTICES, SOURCE_ID

_SQLITE = re.compile(rb"(?<!\d)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [0-9a-f]{64}(?![0-9a-f])")
#: An entry of the notices: a list item with a name and a version.
_ENTRY = re.compile(r"^- (\S+) (\d[^\s:,]*)", re.MULTILINE)


def check_third_party(
    notices: bytes | None, sboms: Mapping[str, bytes], libraries: Iterable[bytes]
) -> Iterator[Defect | str]:
    """Check that the notices of a wheel name each crate of its SBOMs, and the SBOMs each bundled SQLite."""
    components = [component for data in sboms.values() for component in _components(data)]
    if notices is not None:
        entries = set(_ENTRY.findall(notices.decode("utf-8", "replace")))
        for name, version in sorted(set(_crates(components)) - entries):
            yield Defect(f"`{NOTICES}` does not name `{name}` {version}, a crate of its SBOM", "just dist")
        yield f"the licences of {len(entries)} components"
    yield from _check_sqlite(components, list(libraries))


def _check_sqlite(components: list[Mapping[str, Any]], libraries: list[bytes]) -> Iterator[Defect | str]:
    """Compare the SQLite of the libraries with the SBOM; a library contains its source id and its version."""
    listed = {
        str(item.get("value")): str(component.get("version"))
        for component in components
        if component.get("name") == "sqlite"
        for item in component.get("properties", [])
        if item.get("name") == SOURCE_ID
    }
    for source, version in listed.items():
        if not any(source.encode() in data and version.encode() in data for data in libraries):
            yield Defect(f"its SBOM lists SQLite {version}, which its library does not contain", "just dist")
        else:
            yield f"SQLite {version}"
    for match in sorted({source.decode() for data in libraries for source in _SQLITE.findall(data)} - listed.keys()):
        yield Defect(f"its library contains SQLite of {match[:19]}, which no SBOM lists", "just dist")


def _components(sbom: bytes) -> list[Mapping[str, Any]]:
    """Return the components of an SBOM; none if it cannot be read, which `check_sbom` reports."""
    try:
        components = json.loads(sbom)["components"]
        return [component for component in components if isinstance(component, dict)]
    except (ValueError, KeyError, TypeError):
        return []


def _crates(components: list[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Return name and version of the crates from a registry; those of the workspace have the URL of a directory."""
    for component in components:
        purl = str(component.get("purl", ""))
        if purl.startswith("pkg:cargo/") and "download_url=file:" not in purl:
            yield str(component.get("name")), str(component.get("version"))
