"""The file names of a release, compared as sets with those of a directory (PEP 425, PEP 427, PEP 625)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from binoc_runbook.checks.dists.expectation import Defect, Expectation, PlatformSelection
from binoc_runbook.checks.dists.wheel import parse_wheel_name, wheel_platforms
from binoc_runbook.policy import Artifact, Policy, normalised
from binoc_runbook.version import Version


@dataclass
class MatchedFiles:
    """The expected files with their artifacts, and the defects of missing and unexpected files, by file name."""

    matched: list[tuple[str, Artifact]] = field(default_factory=list)
    defects: list[tuple[str, Defect]] = field(default_factory=list)


def match_files(names: Sequence[str], expectation: Expectation) -> MatchedFiles:
    """Match the files of a directory with those that the policy declares."""
    files, unmatched = MatchedFiles(), dict.fromkeys(names)
    policy, version = expectation.policy, expectation.version
    for artifact in policy.artifacts:
        name = crate_name(artifact, version) if artifact.registry == "crates.io" else sdist_name(artifact, version)
        if name in unmatched:
            del unmatched[name]
            files.matched.append((name, artifact))
        else:
            files.defects.append((name, Defect("is missing")))
        if artifact.wheels:
            _match_wheels(files, unmatched, artifact, version, expectation.platforms)
    files.defects += [(name, Defect(_why_unexpected(name, policy, version))) for name in unmatched]
    return files


def crate_name(artifact: Artifact, version: Version) -> str:
    """Return the file name of a packaged crate."""
    return f"{artifact.name}-{version.semver}.crate"


def sdist_name(artifact: Artifact, version: Version) -> str:
    """Return the file name of a source distribution (PEP 625)."""
    return f"{dist_stem(artifact, version)}.tar.gz"


def dist_stem(artifact: Artifact, version: Version) -> str:
    """Return the first part of the file names of an sdist and of wheels: escaped name and version (PEP 427)."""
    return f"{_escaped(artifact)}-{version.pep440}"


def _match_wheels(
    files: MatchedFiles, unmatched: dict[str, None], artifact: Artifact, version: Version, platforms: PlatformSelection
) -> None:
    start = f"{dist_stem(artifact, version)}-{artifact.wheels}-"
    expected, missing = platforms.of(artifact), []
    for platform in expected:
        for name in unmatched:
            if name.startswith(start) and wheel_platforms(name) == {platform}:
                del unmatched[name]
                files.matched.append((name, artifact))
                break
        else:
            missing.append(platform)
    if platforms.selected != "host":
        files.defects += [(f"{start}{tag}.whl", _missing_wheel(tag, platforms)) for tag in missing]
    elif not expected:
        saw = f"the policy has no platform whose wheels {platforms.host} can install"
        files.defects.append((f"{start}*.whl", Defect(saw, "--platforms TAG, with a tag of the policy", "unknown")))
    elif missing == expected:
        files.defects.append((f"{start}*.whl", Defect(f"the wheel for this host, {platforms.host}, is missing")))


def _missing_wheel(tag: str, platforms: PlatformSelection) -> Defect:
    remedy = f"just wheels {tag}, on a machine of this platform"
    if platforms.rehearsed and platforms.selected == "all" and not platforms.host.installs(tag):
        return Defect("the wheel is missing; a rehearsal builds only the wheels of its host", remedy, "warning")
    return Defect("the wheel is missing", remedy)


def _escaped(artifact: Artifact) -> str:
    return normalised("pypi", artifact.name).replace("-", "_")


def _why_unexpected(name: str, policy: Policy, version: Version) -> str:
    """Return the difference between a file and the most similar expected file."""
    if name.endswith(".whl"):
        parsed = parse_wheel_name(name)
        if parsed is None:
            return "does not have the name of a wheel"
        project, wheel_version, tags = parsed
        artifacts = {
            normalised("pypi", artifact.name): artifact for artifact in policy.artifacts if artifact.registry == "pypi"
        }
        if project not in artifacts:
            return f"is a wheel of `{project}`, which the policy does not declare"
        if artifacts[project].wheels is None:
            return f"is a wheel, but the policy declares no `wheels` for `{artifacts[project].name}`"
        if wheel_version != version.pep440:
            return f"is a wheel of version `{wheel_version}`, not `{version.pep440}`"
        pairs = sorted({f"{tag.interpreter}-{tag.abi}" for tag in tags})
        declared = artifacts[project].wheels
        if pairs != [declared]:
            return f"has the tags `{'`, `'.join(pairs)}`, but the policy declares `{declared}`"
        escaped = _escaped(artifacts[project])
        if not name.startswith(f"{escaped}-"):
            return f"does not begin with `{escaped}`, the spelling of PEP 427"
    return "is not one of the files that the policy declares"
