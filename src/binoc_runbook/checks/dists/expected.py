"""Which files a folder should hold, compared as sets with those it does hold (PEP 425, PEP 427, PEP 625)."""

from __future__ import annotations

import sysconfig
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from binoc_runbook.checks.dists.crate import Crate
from binoc_runbook.checks.dists.problem import AGAIN, Problem
from binoc_runbook.checks.dists.sdist import Sdist
from binoc_runbook.checks.dists.wheel import Wheel, name_of, platforms_of
from binoc_runbook.policy import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from binoc_runbook.checks.dists.problem import Kind
    from binoc_runbook.policy import Artifact, Policy
    from binoc_runbook.version import Version

Platforms = Literal["host", "all"]


@dataclass(frozen=True, slots=True)
class Host:
    """The system and the machine that wheels are built on, as `sysconfig` spells them: `linux` and `x86_64`."""

    system: str
    machine: str

    @classmethod
    def of(cls, platform: str) -> Host:
        """Read what `sysconfig.get_platform` gives: `linux-x86_64`, `macosx-14.0-arm64`, `win-amd64`."""
        system, _, rest = platform.partition("-")
        return cls(system, rest.rpartition("-")[2].replace("-", "_"))

    def runs(self, tag: str) -> bool:
        """Whether a platform tag is one of this system and machine, in any version of the system."""
        if self.system == "linux":
            return tag.startswith(("manylinux", "musllinux_")) and tag.endswith(f"_{self.machine}")
        if self.system == "macosx":
            return tag.startswith("macosx_") and tag.endswith((f"_{self.machine}", "_universal2"))
        return tag in (f"{self.system}_{self.machine}", self.system)

    def __str__(self) -> str:
        return f"{self.system} {self.machine}".strip()


HOST = Host.of(sysconfig.get_platform())


@dataclass
class Expected:
    """The files that are as expected, with their kinds, and what is missing or should not be there, by name."""

    matched: list[tuple[str, Kind]] = field(default_factory=list)
    problems: list[tuple[str, Problem]] = field(default_factory=list)


def expect(found: Sequence[str], policy: Policy, version: Version, platforms: Platforms, host: Host) -> Expected:
    """Find for each file that the policy expects the one that is there."""
    answer, left = Expected(), dict.fromkeys(found)
    for artifact in policy.artifacts:
        for name, kind in _named(artifact, version):
            if name in left:
                del left[name]
                answer.matched.append((name, kind))
            else:
                answer.problems.append((name, Problem("is missing")))
        if artifact.wheels:
            _wheels(answer, left, artifact, version, artifact.platforms if platforms == "all" else (host,))
    for name in left:
        answer.problems.append((name, Problem(_why(name, policy, version), AGAIN)))
    return answer


def _named(artifact: Artifact, version: Version) -> Iterator[tuple[str, Kind]]:
    if artifact.registry == "crates.io":
        yield f"{artifact.name}-{version.semver}.crate", Crate(artifact)
    else:
        yield f"{_escaped(artifact)}-{version.pep440}.tar.gz", Sdist(artifact)


def _wheels(
    answer: Expected,
    left: dict[str, None],
    artifact: Artifact,
    version: Version,
    wanted: Sequence[str | Host],
) -> None:
    start = f"{_escaped(artifact)}-{version.pep440}-{artifact.wheels}-"
    for platform in wanted:
        for name in left:
            if name.startswith(start) and _fits(name, platform):
                del left[name]
                answer.matched.append((name, Wheel(artifact)))
                break
        else:
            which = f"for this host, {platform}, " if isinstance(platform, Host) else ""
            at = "*" if isinstance(platform, Host) else platform
            answer.problems.append((f"{start}{at}.whl", Problem(f"the wheel {which}is missing")))


def _fits(name: str, platform: str | Host) -> bool:
    tags = platforms_of(name)
    if isinstance(platform, Host):
        return bool(tags) and all(map(platform.runs, tags))
    return tags == {platform}


def _escaped(artifact: Artifact) -> str:
    return normalised("pypi", artifact.name).replace("-", "_")


def _why(name: str, policy: Policy, version: Version) -> str:
    """What a file that nothing expects comes nearest to."""
    if name.endswith(".whl"):
        parsed = name_of(name)
        if parsed is None:
            return "has a name that no wheel has"
        project, its_version, tags = parsed
        artifact = next((each for each in policy.artifacts if normalised("pypi", each.name) == project), None)
        if artifact is None or artifact.registry != "pypi":
            return f"is a wheel of `{project}`, which the policy does not declare"
        if its_version != version.pep440:
            return f"is a wheel of version `{its_version}`, and `{version.pep440}` is to be released"
        pairs = sorted({f"{tag.interpreter}-{tag.abi}" for tag in tags})
        if pairs != [artifact.wheels]:
            return f"has the tags `{'`, `'.join(pairs)}`, and the policy promises `{artifact.wheels}`"
        if not name.startswith(f"{_escaped(artifact)}-"):
            return f"begins with another spelling of the name than `{_escaped(artifact)}`, the one of PEP 427"
    return "is none of the files that the policy expects"
