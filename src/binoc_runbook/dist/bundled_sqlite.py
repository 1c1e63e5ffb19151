"""SBOM of the SQLite that the crate `libsqlite3-sys` compiles into a library (PEP 770, CycloneDX 1.5).

The SBOM of maturin lists crates only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from binoc_runbook.checks.dists.generated_files import SOURCE_ID
from binoc_runbook.dist.linked_crates import ThirdPartyCrate

CRATE = "libsqlite3-sys"
HEADER = "sqlite3/sqlite3.h"


@dataclass(frozen=True, slots=True)
class BundledSqlite:
    """The version and the source id of the SQLite that a crate bundles."""

    version: str
    source_id: str
    crate: ThirdPartyCrate

    @classmethod
    def find(cls, linked: Iterable[ThirdPartyCrate]) -> BundledSqlite | None:
        """Return the SQLite that one of the crates bundles, from the header next to its source; or None.

        Raises:
            ValueError: The crate bundles SQLite, but has no header with the version.
        """
        crate = next((crate for crate in linked if crate.name == CRATE and "bundled" in crate.features), None)
        if crate is None:
            return None
        try:
            header = (crate.directory / HEADER).read_text("utf-8")
        except OSError:
            header = ""
        values = [re.search(rf'^#define {name}\s+"([^"]+)"', header, re.MULTILINE) for name in _MACROS]
        version, source_id = values
        if version is None or source_id is None:
            raise ValueError(f"`{crate.name}` {crate.version} bundles SQLite, but has no version in `{HEADER}`")
        return cls(version[1], source_id[1], crate)


_MACROS = ("SQLITE_VERSION", "SQLITE_SOURCE_ID")


def sqlite_sbom(sqlite: BundledSqlite, distribution: str, version: str) -> bytes:
    """Return the SBOM of a distribution with the bundled SQLite; the same input gives the same bytes."""
    purl = f"pkg:generic/sqlite@{sqlite.version}"
    main = f"pkg:pypi/{distribution}@{version}"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "library", "bom-ref": main, "name": distribution, "version": version, "purl": main}
        },
        "components": [
            {
                "type": "library",
                "bom-ref": purl,
                "name": "sqlite",
                "version": sqlite.version,
                "description": f"SQL database engine, compiled from the sources in {sqlite.crate}",
                "scope": "required",
                # The identifier of SQLite's dedication to the public domain in the SPDX licence list.
                "licenses": [{"license": {"id": "blessing"}}],
                "cpe": f"cpe:2.3:a:sqlite:sqlite:{sqlite.version}:*:*:*:*:*:*:*",
                "purl": purl,
                "externalReferences": [{"type": "website", "url": "https://sqlite.org/"}],
                "properties": [{"name": SOURCE_ID, "value": sqlite.source_id}],
            }
        ],
        "dependencies": [{"ref": main, "dependsOn": [purl]}, {"ref": purl}],
    }
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
