"""Labels of hosted runners, and whether an entry of a matrix can run on this host."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable

from packaging.tags import platform_tags

#: GitHub's names of systems and machines, in `runner.os` and `runner.arch`.
_SYSTEMS = {"Linux": "Linux", "Darwin": "macOS", "Windows": "Windows"}
_MACHINES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}
_HOSTED = {"ubuntu": ("Linux", "X64"), "macos": ("macOS", "ARM64"), "windows": ("Windows", "X64")}
_TAG = re.compile(r"(?:manylinux|musllinux|macosx|win)_[a-z0-9_]+|win32")


def this_host() -> tuple[str, str]:
    """Return `runner.os` and `runner.arch` of this host, such as `("Linux", "X64")`."""
    machine = platform.machine()
    return _SYSTEMS.get(platform.system(), platform.system()), _MACHINES.get(machine.lower(), machine.upper())


def host_of(label: str) -> tuple[str, str] | None:
    """Return `runner.os` and `runner.arch` of a hosted runner; None for other labels (GitHub's runner-images)."""
    name, _, rest = label.lower().partition("-")
    if not rest or name not in _HOSTED:
        return None
    system, machine = _HOSTED[name]
    return system, {"arm": "ARM64", "intel": "X64", "large": "X64"}.get(rest.rpartition("-")[2], machine)


def mismatch(label: str, values: Iterable[str], *, from_matrix: bool) -> str:
    """Return why a job, or an entry of its matrix, cannot run on this host, or an empty text.

    `values` are the values of the entry, and the scripts of the job; `from_matrix` is whether the label comes from the
    matrix. A job whose matrix and scripts contain no platforms runs here with any label.
    """
    wheels = [tags for value in values if (tags := _TAG.findall(value))]
    if not from_matrix and not wheels:
        return ""
    if host_of(label) != this_host():
        return f"`{label}` is not a {' '.join(this_host())} host like this one"
    installable = set(platform_tags())
    foreign = next((tags for tags in wheels if not installable & set(tags)), None)
    return f"wheels for `{foreign[0]}` cannot be installed on this host" if foreign else ""
