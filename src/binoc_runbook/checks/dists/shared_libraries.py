"""Shared libraries of a wheel: as in its tag (PEP 425), and without paths of the build machine."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterator

from binoc_runbook.checks.dists.expectation import Defect

#: Cargo's directory of unpacked crates below any other directory; `just dist` maps it to `/cargo`.
_CRATES = re.compile(
    rb"(?:/[\w.+-]{1,99}){1,20}/\.?cargo/registry/src/|[A-Za-z]:\\(?:[\w .+-]{1,99}\\){1,20}registry\\src\\"
)
_STRIP = "write `strip = true` under `[tool.maturin]`, then `just dist`"


def shared_libraries(names: list[str]) -> list[str]:
    """Return the shared libraries among the members of a wheel."""
    return [name for name in names if name.endswith((".so", ".pyd", ".dylib"))]


def check_libraries(archive: zipfile.ZipFile, names: list[str], abi: str) -> Iterator[Defect]:
    """Check the shared libraries among the members of a wheel; `abi` is the ABI tag of the wheel."""
    libraries = shared_libraries(names)
    if not libraries:
        yield Defect("contains no shared library, but has a platform tag")
    for name in libraries:
        if abi == "abi3" and (tag := re.search(r"\.cp(?:ython-)?3[0-9]+", name)):
            yield Defect(f"`{name}` is only for `{tag[0][1:]}`, but the wheel has the tag `abi3`")
        data = archive.read(name)
        if is_stripped(data) is False:
            yield Defect(f"`{name}` is not stripped of its symbol table", _STRIP)
        if path := _CRATES.search(data):
            shown = path[0].decode("ascii", errors="replace")
            yield Defect(f"`{name}` contains a path of the build machine: `{shown}`")


def is_stripped(data: bytes) -> bool | None:
    """Return whether an ELF file has no symbol table of type SHT_SYMTAB (System V ABI); None for any other file."""
    if data[:4] != b"\x7fELF" or data[4:6] not in (b"\1\1", b"\1\2", b"\2\1", b"\2\2"):
        return None
    order, wide = "<" if data[5] == 1 else ">", data[4] == 2
    try:
        (start,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", data, 0x28 if wide else 0x20)
        size, count = struct.unpack_from(f"{order}HH", data, 0x3A if wide else 0x2E)
        kinds = [struct.unpack_from(f"{order}I", data, start + size * index + 4)[0] for index in range(count)]
    except struct.error:
        return None
    return 2 not in kinds
