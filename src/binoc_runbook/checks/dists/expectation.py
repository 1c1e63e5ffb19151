"""Expectation for the dists of a release, and the defects of a dist.

The platform of a host determines which wheels it can install, and build without emulation (PEP 425, PEP 600, PEP 656).
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
    """Defect of a file, or the reason why it could not be checked, with its remedy."""

    saw: str
    remedy: str = "just dist"
    status: Literal["failed", "unknown", "warning"] = "failed"

    def finding(self, looked_at: str) -> Finding:
        """Return the defect as a finding about a file."""
        return Finding(CHECK, self.status, looked_at, self.saw, self.remedy)


@dataclass(frozen=True, slots=True)
class HostPlatform:
    """System and machine of a host, written as in platform tags, and the tags of the wheels that it can install.

    `system` is `linux`, `macosx` or `win`, `machine` such as `x86_64`, `arm64` or `amd64`.
    """

    system: str
    machine: str
    tags: frozenset[str]

    def installs(self, tag: str) -> bool:
        """Return whether the host can install wheels with this platform tag."""
        return tag in self.tags

    def builds(self, tag: str) -> bool:
        """Return whether a tag is of this system and machine, for any version of the system and any C library.

        On Windows, the compilers of x86 also build for Arm. Python's libraries are not needed for this (PyO3 guide,
        *raw-dylib*).
        """
        host, platform = (self.system, self.machine), parse_tag(tag)
        return host == platform or (host, platform) == (("win", "amd64"), ("win", "arm64"))

    def __str__(self) -> str:
        return f"{self.system} {self.machine}"


def parse_tag(tag: str) -> tuple[str, str]:
    """Return the system and the machine of a platform tag; for an unknown tag, the tag and an empty text."""
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
    """Platforms whose wheels are expected: those that the host can install, all of the policy, or one tag.

    `selected` is `host`, `all` or a platform tag. With `rehearsed`, only the wheels of the host could be built; missing
    wheels of other platforms are only a warning, because the gate of the workflow refuses *unknown*.
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
    """Expectation for the files of a release: policy, version and commit.

    `commit` is the commit that a `.crate` must contain, `commit_files` are its files. `packaged` has for each crate the
    files of `cargo package --list` at that commit, and `generated` for each distribution with third-party notices the
    files that are generated into its sdist. A text instead of files is the reason why they are unknown.
    """

    policy: Policy
    version: Version
    commit: str | None = None
    commit_files: CommitFiles | str = "no commit was read"
    packaged: Mapping[str, frozenset[str] | str] = field(default_factory=dict)
    platforms: PlatformSelection = field(default_factory=PlatformSelection)
    generated: Mapping[str, Mapping[str, bytes] | str] = field(default_factory=dict)
