"""Taking the folder that a wheel was built in out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path


def place_free(wheel: Path, to: Path, source: Path) -> None:
    """Copy a wheel, with `.` in its SBOMs wherever they name the folder that it was built in.

    maturin can leave an SBOM out or add another (`[tool.maturin.sbom]`), but those it makes identify each crate of the
    workspace by the address of its folder. Such an identifier means nothing outside the document, so one name for
    another loses nothing; RECORD is written anew for these files and for no other (PEP 427, PEP 770).
    """
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(to, "w") as new:
        names = [name for name in old.namelist() if ".dist-info/sboms/" in name]
        renamed = {name: _renamed(old.read(name), source.as_uri()) for name in names}
        for member in old.infolist():
            data = renamed.get(member.filename) or old.read(member)
            if member.filename.endswith(".dist-info/RECORD"):
                data = "".join(_recorded(line, renamed) for line in data.decode("utf-8").splitlines()).encode("utf-8")
            new.writestr(member, data)


def _renamed(sbom: bytes, prefix: str) -> bytes:
    def walk(value: object) -> object:
        if isinstance(value, dict):
            return {key: walk(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [walk(inner) for inner in value]
        return value.replace(prefix, "file://.") if isinstance(value, str) else value

    told = walk(json.loads(sbom))
    return json.dumps(told, indent=2, ensure_ascii=False).encode("utf-8")


def _recorded(line: str, changed: Mapping[str, bytes]) -> str:
    name = line.rsplit(",", 2)[0]
    if name in changed:
        digest = base64.urlsafe_b64encode(hashlib.sha256(changed[name]).digest()).rstrip(b"=").decode("ascii")
        line = f"{name},sha256={digest},{len(changed[name])}"
    return f"{line}\n"
