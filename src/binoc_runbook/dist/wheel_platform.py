"""Build settings of a wheel for a platform: the Rust target, and the arguments of maturin and of the linker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MACHINES = {"arm64": "aarch64", "amd64": "x86_64", "32": "i686"}


@dataclass(frozen=True, slots=True)
class WheelPlatform:
    """A platform tag with its Rust target, the arguments of maturin and flags of rustc.

    `environment` is added to what maturin inherits.
    """

    tag: str
    target: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, tag: str) -> WheelPlatform | None:
        """Parse a tag (PEP 600, PEP 656 and those of macOS and Windows); None for one that cannot be built.

        A Linux wheel is linked by zig against the C library of its tag and not against this host's, which is newer; the
        other systems have compilers that make old binaries.
        """
        if match := re.fullmatch(r"((many|musl)linux_\d+_\d+)_(x86_64|aarch64)", tag):
            libc = {"many": "gnu", "musl": "musl"}[match[2]]
            return cls(tag, f"{match[3]}-unknown-linux-{libc}", ("--zig", "--compatibility", match[1]))
        if match := re.fullmatch(r"macosx_(\d+)_(\d+)_(x86_64|arm64)", tag):
            machine = _MACHINES.get(match[3], match[3])
            oldest = {"MACOSX_DEPLOYMENT_TARGET": f"{match[1]}.{match[2]}"}
            return cls(tag, f"{machine}-apple-darwin", ("--compatibility", "pypi"), oldest)
        if match := re.fullmatch(r"win_?(amd64|arm64|32)", tag):
            # Else the linker writes the time of day into a library.
            flags = ("-Clink-arg=/Brepro",)
            return cls(tag, f"{_MACHINES[match[1]]}-pc-windows-msvc", ("--compatibility", "pypi"), flags=flags)
        return None
