"""Which wheels a host can install, and which it can build without emulation (PEP 425, PEP 600, PEP 656)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Host:
    """A system and a machine, spelt as platform tags spell them, and the tags of the wheels that it can install.

    `system` is `linux`, `macosx` or `win`, `machine` such as `x86_64`, `arm64` or `amd64`.
    """

    system: str
    machine: str
    tags: frozenset[str]

    def installs(self, tag: str) -> bool:
        """Whether a wheel of this platform can be installed here."""
        return tag in self.tags

    def builds(self, tag: str) -> bool:
        """Whether a platform is one of this system and machine, in any version of the system and with any C library."""
        return parts(tag) == (self.system, self.machine)

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"


def parts(tag: str) -> tuple[str, str]:
    """Read the system and the machine from a platform tag; of an unknown kind it is all system."""
    if match := re.fullmatch(r"(?:(?:many|musl)(?=linux_\d))?(linux|macosx)(?:_\d+_\d+)?_([a-z]\w*)", tag):
        return match[1], match[2]
    if match := re.fullmatch(r"(win)_?(\w+)", tag):
        return match[1], match[2]
    return tag, ""


@cache
def this_host() -> Host:
    """The host that this Python runs on, with the platforms that its installers take."""
    from packaging.tags import platform_tags

    tags = list(platform_tags())
    return Host(*parts(tags[0]), frozenset(tags))
