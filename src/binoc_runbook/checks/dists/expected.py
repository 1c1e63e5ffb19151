"""Which files a folder should hold, compared as sets with those it does hold (PEP 425, PEP 427, PEP 625)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from binoc_runbook.checks.dists.crate import Crate
from binoc_runbook.checks.dists.problem import AGAIN, Problem
from binoc_runbook.checks.dists.sdist import Sdist
from binoc_runbook.checks.dists.wheel import Wheel, name_of, platforms_of
from binoc_runbook.policy import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from binoc_runbook.checks.dists.host import Host
    from binoc_runbook.checks.dists.problem import Kind
    from binoc_runbook.policy import Artifact, Policy
    from binoc_runbook.version import Version


@dataclass(frozen=True, slots=True)
class Platforms:
    """Which wheels to expect: those that `host` can install, those of `all` platforms of the policy, or of one tag.

    In a rehearsal, which builds the wheels of its host alone, it is *unknown* whether the others of `all` can be built.
    """

    said: str
    host: Host
    rehearsed: bool = False

    def of(self, artifact: Artifact) -> list[str]:
        """The platforms of an artifact's wheels."""
        listed = artifact.platforms
        if self.said == "host":
            return [each for each in listed if self.host.installs(each)]
        return [each for each in listed if self.said in ("all", each)]

    def missing(self, tag: str) -> Problem:
        """What to say of a wheel that is not there."""
        if self.rehearsed and self.said == "all" and not self.host.installs(tag):
            saw = "the wheel is missing, and a rehearsal builds the wheels of its host only"
            return Problem(saw, f"just wheels {tag}, on such a machine", "unknown")
        return Problem("the wheel is missing", f"just wheels {tag}, on such a machine")


@dataclass
class Expected:
    """The files that are as expected, with their kinds, and what is missing or should not be there, by name."""

    matched: list[tuple[str, Kind]] = field(default_factory=list)
    problems: list[tuple[str, Problem]] = field(default_factory=list)


def expect(found: Sequence[str], policy: Policy, version: Version, platforms: Platforms) -> Expected:
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
            _wheels(answer, left, artifact, version, platforms)
    for name in left:
        answer.problems.append((name, Problem(_why(name, policy, version), AGAIN)))
    return answer


def sdist_name(artifact: Artifact, version: Version) -> str:
    """The file name of a source distribution (PEP 625)."""
    return f"{_escaped(artifact)}-{version.pep440}.tar.gz"


def _named(artifact: Artifact, version: Version) -> Iterator[tuple[str, Kind]]:
    if artifact.registry == "crates.io":
        yield f"{artifact.name}-{version.semver}.crate", Crate(artifact)
    else:
        yield sdist_name(artifact, version), Sdist(artifact)


def _wheels(
    answer: Expected, left: dict[str, None], artifact: Artifact, version: Version, platforms: Platforms
) -> None:
    start = f"{_escaped(artifact)}-{version.pep440}-{artifact.wheels}-"
    missing = []
    for platform in platforms.of(artifact):
        for name in left:
            if name.startswith(start) and platforms_of(name) == {platform}:
                del left[name]
                answer.matched.append((name, Wheel(artifact)))
                break
        else:
            missing.append(platform)
    if platforms.said == "host":
        if not platforms.of(artifact):
            saw = f"the policy lists no platform whose wheels {platforms.host} can install"
            answer.problems.append((f"{start}*.whl", Problem(saw, "--platforms TAG, one of the policy", "unknown")))
        elif missing == platforms.of(artifact):
            saw = f"the wheel for this host, {platforms.host}, is missing"
            answer.problems.append((f"{start}*.whl", Problem(saw)))
    else:
        answer.problems += [(f"{start}{platform}.whl", platforms.missing(platform)) for platform in missing]


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
