"""The platform of a host: which wheels it can install, and build without emulation (PEP 425, PEP 600, PEP 656)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class HostPlatform:
    """A system and a machine, spelt as in platform tags, and the tags of the wheels that it can install.

    `system` is `linux`, `macosx` or `win`, `machine` such as `x86_64`, `arm64` or `amd64`.
    """

    system: str
    machine: str
    tags: frozenset[str]

    def installs(self, tag: str) -> bool:
        """Return whether wheels with this platform tag can be installed here."""
        return tag in self.tags

    def builds(self, tag: str) -> bool:
        """Return whether a tag is of this system and machine, in any version of the system and with any C library."""
        return parse_tag(tag) == (self.system, self.machine)

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"


def parse_tag(tag: str) -> tuple[str, str]:
    """Return the system and the machine of a platform tag; an unknown tag is all system."""
    if match := re.fullmatch(r"(?:(?:many|musl)(?=linux_\d))?(linux|macosx)(?:_\d+_\d+)?_([a-z]\w*)", tag):
        return match[1], match[2]
    if match := re.fullmatch(r"(win)_?(\w+)", tag):
        return match[1], match[2]
    return tag, ""


@cache
def host_platform() -> HostPlatform:
    """Return the platform of this host, with the tags that its installers accept."""
    from packaging.tags import platform_tags

    tags = list(platform_tags())
    return HostPlatform(*parse_tag(tags[0]), frozenset(tags))
