"""Removal of the build directory from the SBOMs of a wheel."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from binoc_runbook.checks.dists.wheel import record_entry
from binoc_runbook.redaction import each_string


def copy_without_source_path(wheel: Path, to: Path, source: Path) -> None:
    """Copy a wheel and replace its build directory with `.` in the SBOMs.

    The SBOMs of maturin identify each crate of the workspace by the URL of its directory, which cannot be configured
    (`[tool.maturin.sbom]`). These identifiers have no meaning outside the document, so replacing them loses nothing.
    RECORD is updated for the SBOMs only (PEP 427, PEP 770).
    """
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(to, "w") as new:
        names = [name for name in old.namelist() if ".dist-info/sboms/" in name]
        renamed = {name: _renamed(old.read(name), source.as_uri()) for name in names}
        for member in old.infolist():
            data = renamed.get(member.filename) or old.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                lines = (_record_line(line, renamed) for line in data.decode("utf-8").splitlines())
                data = "".join(lines).encode("utf-8")
            new.writestr(member, data)


def _renamed(sbom: bytes, prefix: str) -> bytes:
    renamed = each_string(json.loads(sbom), lambda text: text.replace(prefix, "file://."))
    return json.dumps(renamed, indent=2, ensure_ascii=False).encode("utf-8")


def _record_line(line: str, changed: Mapping[str, bytes]) -> str:
    name = line.rsplit(",", 2)[0]
    return f"{','.join(record_entry(name, changed[name])) if name in changed else line}\n"
