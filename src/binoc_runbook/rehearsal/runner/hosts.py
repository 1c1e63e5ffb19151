"""Which entries of a matrix run on this host: those for its system and machine, and for wheels that it can install."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable

from packaging.tags import platform_tags

#: What GitHub calls systems and machines, in `runner.os` and `runner.arch`.
_SYSTEMS = {"Linux": "Linux", "Darwin": "macOS", "Windows": "Windows"}
_MACHINES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}
_TAG = re.compile(r"(?:manylinux|musllinux|macosx|win)_[a-z0-9_]+|win32")


def this_host() -> tuple[str, str]:
    """System and machine of this host, `("Linux", "X64")` for example, as `runner.os` and `runner.arch` say them."""
    machine = platform.machine()
    return _SYSTEMS.get(platform.system(), platform.system()), _MACHINES.get(machine.lower(), machine.upper())


def host_of(label: str) -> tuple[str, str] | None:
    """System and machine of a hosted runner; None for a label that is none of theirs (GitHub's runner-images)."""
    label = label.lower()
    if label.startswith("ubuntu-"):
        return "Linux", "ARM64" if label.endswith("-arm") else "X64"
    if label.startswith("macos-"):
        return "macOS", "X64" if label.endswith(("-intel", "-large")) else "ARM64"
    if label.startswith("windows-"):
        return "Windows", "ARM64" if label.endswith("-arm") else "X64"
    return None


def elsewhere(label: str, values: Iterable[str], *, chosen: bool) -> str:
    """Why an entry of a matrix cannot run on this host; nothing where it can.

    `values` are the entry's, `chosen` says that the matrix gives the label. A job whose matrix says nothing of systems
    runs here whatever its label is.
    """
    wheels = [found for value in values if (found := _TAG.findall(value))]
    if not chosen and not wheels:
        return ""
    if host_of(label) != this_host():
        return f"`{label}` is another kind of host than this one, {' '.join(this_host())}"
    installable = set(platform_tags())
    foreign = next((tags for tags in wheels if not installable & set(tags)), None)
    return f"wheels for `{foreign[0]}` cannot be installed on this host" if foreign else ""
