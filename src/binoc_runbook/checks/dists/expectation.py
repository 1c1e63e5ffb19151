"""Expectation that the dists of a release are compared with, and a defect of one.

The platform of a host says which wheels it can install, and build without emulation (PEP 425, PEP 600, PEP 656).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, NamedTuple

from binoc_runbook.checks.dists.commit_files import CommitFiles
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version

CHECK = "dists"


class Defect(NamedTuple):
    """What is wrong with a file, or why that is unknown, and what to do about it."""

    saw: str
    remedy: str = "just dist"
    status: Literal["failed", "unknown"] = "failed"

    def finding(self, looked_at: str) -> Finding:
        """Return the defect as a finding about a file."""
        return Finding(CHECK, self.status, looked_at, self.saw, self.remedy)


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


@dataclass(frozen=True, slots=True)
class PlatformSelection:
    """The wheels to expect: those that `host` can install, those of `all` platforms of the policy, or of one tag.

    `selected` is `host`, `all` or a platform tag. With `rehearsed`, only the wheels of the host could be built, and it
    is *unknown* whether the others of `all` can be.
    """

    selected: str = "host"
    host: HostPlatform = field(default_factory=host_platform)
    rehearsed: bool = False

    def of(self, artifact: Artifact) -> list[str]:
        """Return the platforms of an artifact's wheels."""
        if self.selected == "host":
            return [tag for tag in artifact.platforms if self.host.installs(tag)]
        return [tag for tag in artifact.platforms if self.selected in ("all", tag)]


@dataclass(frozen=True, slots=True)
class Expectation:
    """The policy, the version and the commit of a release, with the files that they promise.

    `commit` is what a `.crate` must name, `commit_files` the files of that commit, and `packaged` for each crate the
    files that `cargo package --list` names there; in place of either there can be the reason why it is unknown.
    """

    policy: Policy
    version: Version
    commit: str | None = None
    commit_files: CommitFiles | str = "no commit was read"
    packaged: Mapping[str, frozenset[str] | str] = field(default_factory=dict)
    platforms: PlatformSelection = field(default_factory=PlatformSelection)
