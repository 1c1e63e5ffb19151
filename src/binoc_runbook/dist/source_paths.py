"""Removal of the build directory from the SBOMs of a wheel."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

from binoc_runbook.checks.dists.wheel import record_entry
from binoc_runbook.redaction import each_string


def copy_without_source_path(wheel: Path, to: Path, source: Path) -> None:
    """Copy a wheel, with `.` in its SBOMs instead of the directory that it was built in.

    maturin can leave an SBOM out or add another (`[tool.maturin.sbom]`), but those it makes identify each crate of the
    workspace by the URL of its directory. Such an identifier means nothing outside the document, so replacing it loses
    nothing; RECORD is updated for these files and for no other (PEP 427, PEP 770).
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
