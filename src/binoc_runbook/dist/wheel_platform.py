"""Build settings of wheels by platform: Rust target, arguments of maturin, and flags of the linker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_MACHINES = {"arm64": "aarch64", "amd64": "x86_64", "32": "i686"}


@dataclass(frozen=True, slots=True)
class WheelPlatform:
    """A platform tag with its Rust target, arguments of maturin, and flags of rustc.

    `environment` is added to the environment of maturin.
    """

    tag: str
    target: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, tag: str) -> WheelPlatform | None:
        """Return the settings for a tag (PEP 600, PEP 656, macOS and Windows), or None if it is not supported.

        zig links Linux wheels against the C library of their tag instead of the newer one of this host. The compilers
        of other systems support older versions themselves.
        """
        if match := re.fullmatch(r"((many|musl)linux_\d+_\d+)_(x86_64|aarch64)", tag):
            libc = {"many": "gnu", "musl": "musl"}[match[2]]
            return cls(tag, f"{match[3]}-unknown-linux-{libc}", ("--zig", "--compatibility", match[1]))
        if match := re.fullmatch(r"macosx_(\d+)_(\d+)_(x86_64|arm64)", tag):
            machine = _MACHINES.get(match[3], match[3])
            oldest = {"MACOSX_DEPLOYMENT_TARGET": f"{match[1]}.{match[2]}"}
            return cls(tag, f"{machine}-apple-darwin", ("--compatibility", "pypi"), oldest)
        if match := re.fullmatch(r"win_?(amd64|arm64|32)", tag):
            # Otherwise the linker writes the current time into a library.
            flags = ("-Clink-arg=/Brepro",)
            return cls(tag, f"{_MACHINES[match[1]]}-pc-windows-msvc", ("--compatibility", "pypi"), flags=flags)
        return None
