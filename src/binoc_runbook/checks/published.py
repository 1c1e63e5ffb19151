"""Checks of the published files: the registries have exactly the bytes that were built, from the tagged commit.

Pure comparisons. What was built is known from `SHA256SUMS`, what is offered from what the clients were told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from binoc_runbook.checks.dists.expectation import Expectation, PlatformSelection
from binoc_runbook.checks.dists.expected_files import crate_name, dist_stem, match_files
from binoc_runbook.checks.observations import Provenance, VersionLookup
from binoc_runbook.finding import Finding, Status
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.version import Version

PUBLISHED, COMMIT, PROVENANCE = "published", "commit", "provenance"

State = Literal["published", "not yet visible", "missing", "differs", "unknown"]

#: How long after its tag a release may still be on its way, in seconds: builds, people who approve, caches.
ON_ITS_WAY = 2 * 3600.0
#: PyPI takes no further file for a release that is older than this, in seconds.
CLOSED = 14 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class BuiltFiles:
    """The digests of the files of one artifact by name; `whole` says whether it can have no others."""

    digests: Mapping[str, str]
    whole: bool


@dataclass(frozen=True, slots=True)
class PublicationResult:
    """State of one artifact at its registry, with the finding that shows it and what the registry offers."""

    artifact: Artifact
    state: State
    finding: Finding
    lookup: VersionLookup


@dataclass(frozen=True, slots=True)
class ReleaseContext:
    """What all artifacts of a release have in common.

    `age` is that of its tag in seconds, `None` if nobody knows. `own_build`: what was built is known from a build in
    this checkout, which may have been of another commit with the same version.
    """

    policy: Policy
    version: Version
    age: float | None
    own_build: bool = False

    @property
    def tag(self) -> str:
        return self.policy.tag_of(self.version)

    @property
    def young(self) -> bool:
        return self.age is not None and self.age < ON_ITS_WAY

    @property
    def closed(self) -> bool:
        return self.age is not None and self.age >= CLOSED


def select_built_files(
    artifact: Artifact, policy: Policy, version: Version, checksums: Mapping[str, str]
) -> BuiltFiles:
    """Pick the files of one artifact in this version; the checksums of a local build name one wheel of many."""
    digests = {name: digest for name, digest in checksums.items() if _belongs(name, artifact, version)}
    alone = replace(policy, artifacts=(artifact,))
    expectation = Expectation(alone, version, platforms=PlatformSelection("all"))
    return BuiltFiles(digests, whole=not match_files(sorted(digests), expectation).defects)


def published(
    artifact: Artifact, lookup: VersionLookup, built: BuiltFiles, release: ReleaseContext
) -> PublicationResult:
    """Compare what a registry offers of one artifact with what was built."""
    again = f"just verify {release.version}"
    if lookup.kind == "no answer":
        return _result(artifact, "unknown", lookup, lookup.reason, again)
    if lookup.kind != "offered":
        if release.young:
            return _result(artifact, "not yet visible", lookup, lookup.reason, again)
        if release.age is None:
            saw = f"{lookup.reason}; this clone has no tag `{release.tag}` that says since when"
            return _result(artifact, "missing", lookup, saw, f"git fetch --tags && {again}")
        return _result(artifact, "missing", lookup, lookup.reason, _dispatch(artifact, release))
    if not built.digests:
        saw = f"{_files(len(lookup.digests))} out, and no SHA256SUMS says what was built"
        return _result(artifact, "unknown", lookup, saw, _get_sums(release))
    stranger = sorted(lookup.digests - set(built.digests.values()))
    lacking = sorted(name for name, digest in built.digests.items() if digest not in lookup.digests)
    if stranger and built.whole:
        saw = f"offers what was not built: {_listed(stranger)}"
        # Nobody should yank a release because of what lies about in a checkout.
        remedy = _get_sums(release) if release.own_build else _never_again(artifact, release)
        return _result(artifact, "differs", lookup, saw + _lacks(lacking), remedy)
    if lacking:
        saw = f"{len(built.digests) - len(lacking)} of {_files(len(built.digests))} out{_lacks(lacking)}"
        if release.young:
            return _result(artifact, "not yet visible", lookup, saw, again)
        remedy = _dispatch(artifact, release, partly=True) if built.whole else _get_sums(release)
        return _result(artifact, "differs", lookup, saw, remedy)
    if stranger:
        saw = f"{len(built.digests)} of {len(lookup.digests)} files compared, each as it was built"
        return _result(artifact, "published", lookup, saw, _get_sums(release))
    return _result(artifact, "published", lookup, f"{_files(len(built.digests))} out, each as it was built")


def commit(artifact: Artifact, named: str | None, release: ReleaseContext, tagged: str | None) -> Finding:
    """Compare the commit that a published file names with the one that the tag of this clone peels to."""
    looked_at = f"the commit of {artifact.name} {release.version}"
    if tagged is None:
        saw = f"this clone has no tag `{release.tag}` to compare it with"
        return Finding.unknown(COMMIT, looked_at, saw, "git fetch --tags")
    if named is None:
        saw = "no file of it that could be read says which commit it was made from"
        return Finding.unknown(COMMIT, looked_at, saw, f"just verify {release.version}")
    if named != tagged:
        saw = f"it was made from `{named[:12]}`, and `{release.tag}` is `{tagged[:12]}`"
        return Finding.failed(COMMIT, looked_at, saw, _never_again(artifact, release))
    return Finding.ok(COMMIT, looked_at, f"made from `{tagged[:12]}`, as `{release.tag}` is")


def provenance(artifact: Artifact, files: Sequence[Provenance], release: ReleaseContext) -> Finding:
    """Say whether every file of a distribution proves that it was built in the repository of the policy (PEP 740)."""
    looked_at = f"the provenance of {artifact.name} {release.version}"
    refuted = [file for file in files if file.kind == "refuted"]
    unknown = [file for file in files if file.kind == "unknown"]
    if refuted:
        saw = f"`{refuted[0].file}`: {refuted[0].reason}"
        return Finding.failed(PROVENANCE, looked_at, saw, _never_again(artifact, release))
    if unknown or not files:
        saw = f"`{unknown[0].file}`: {unknown[0].reason}" if unknown else "there is no file to ask about"
        return Finding.unknown(PROVENANCE, looked_at, saw, f"just verify {release.version}, where PyPI can be asked")
    return Finding.ok(PROVENANCE, looked_at, f"{_files(len(files))} proven to be built in {release.policy.repository}")


_STATUS: dict[State, Status] = {
    "published": "ok",
    "not yet visible": "unknown",
    "missing": "failed",
    "differs": "failed",
    "unknown": "unknown",
}


def _result(artifact: Artifact, state: State, lookup: VersionLookup, saw: str, remedy: str = "") -> PublicationResult:
    status: Status = "warning" if state == "published" and remedy else _STATUS[state]
    finding = Finding(PUBLISHED, status, lookup.question, f"{state}: {saw}", remedy)
    return PublicationResult(artifact, state, finding, lookup)


def _belongs(name: str, artifact: Artifact, version: Version) -> bool:
    if artifact.registry == "crates.io":
        return name == crate_name(artifact, version)
    stem = dist_stem(artifact, version)
    return name == f"{stem}.tar.gz" or (name.startswith(f"{stem}-") and name.endswith(".whl"))


def _dispatch(artifact: Artifact, release: ReleaseContext, *, partly: bool = False) -> str:
    """How to finish one artifact of a tag that is there already."""
    if partly and artifact.registry == "pypi" and release.closed:
        return "just prepare VERSION, the next one: PyPI takes no file for a release after 14 days"
    return f"gh workflow run {release.policy.workflow} --ref {release.tag} -f artifact={artifact.name}"


def _never_again(artifact: Artifact, release: ReleaseContext) -> str:
    yank = f"cargo yank {artifact.name}@{release.version}"
    if artifact.registry == "pypi":
        yank = f"yank {release.version} on the page of `{artifact.name}` at PyPI"
    return f"{yank}, then `just prepare` the next version; what is published is never replaced"


def _get_sums(release: ReleaseContext) -> str:
    get = f"gh release download {release.tag} --pattern SHA256SUMS"
    return f"{get} && just verify {release.version} --sums SHA256SUMS"


def _files(count: int) -> str:
    return f"{count} file{'s' if count != 1 else ''}"


def _listed(digests: Sequence[str]) -> str:
    return ", ".join(f"sha256 {digest[:12]}…" for digest in digests[:3]) + (" and more" if digests[3:] else "")


def _lacks(names: Sequence[str]) -> str:
    return f"; as it was built, not there: {', '.join(f'`{name}`' for name in names)}" if names else ""
