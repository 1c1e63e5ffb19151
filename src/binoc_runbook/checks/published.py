"""Checks of the published files: the registries have exactly the bytes that were built, from the tagged commit.

The built files are those in `SHA256SUMS`. The published files are those that the registry clients report.
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

#: Time in seconds after the tag in which a release can still be incomplete: builds, approvals, caches.
PUBLISHING_TIME = 2 * 3600.0
#: PyPI accepts no more files for a release that is older than this, in seconds.
CLOSED = 14 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class BuiltFiles:
    """Digests of the built files of one artifact, by file name; `complete` says whether these are all of its files."""

    digests: Mapping[str, str]
    complete: bool


@dataclass(frozen=True, slots=True)
class PublicationResult:
    """State of one artifact at its registry, with its finding and the response of the registry.

    `lacking` are the built files that are not published, if all published files are built ones.
    """

    artifact: Artifact
    state: State
    finding: Finding
    lookup: VersionLookup
    lacking: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseContext:
    """Policy, version and age of a release.

    `age` is the age of its tag in seconds, `None` if it is unknown. `own_build` says that the checksums are from a
    build in this checkout, which may be of another commit with the same version.
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
        return self.age is not None and self.age < PUBLISHING_TIME

    @property
    def closed(self) -> bool:
        return self.age is not None and self.age >= CLOSED


def select_built_files(
    artifact: Artifact, policy: Policy, version: Version, checksums: Mapping[str, str]
) -> BuiltFiles:
    """Select the files of one artifact in this version; a local build has only the wheel of its host."""
    digests = {name: digest for name, digest in checksums.items() if _belongs(name, artifact, version)}
    own_policy = replace(policy, artifacts=(artifact,))
    expectation = Expectation(own_policy, version, platforms=PlatformSelection("all"))
    return BuiltFiles(digests, complete=not match_files(sorted(digests), expectation).defects)


def published(
    artifact: Artifact, lookup: VersionLookup, built: BuiltFiles, release: ReleaseContext
) -> PublicationResult:
    """Compare the published files of one artifact with the built ones."""
    again = f"just verify {release.version}"
    if lookup.kind == "no answer":
        return _result(artifact, "unknown", lookup, lookup.reason, again)
    if lookup.kind == "yanked":
        remedy = "just prepare VERSION, the next one: a yanked version cannot be published again"
        return _result(artifact, "missing", lookup, lookup.reason, remedy)
    if lookup.kind != "offered":
        if release.young:
            return _result(artifact, "not yet visible", lookup, lookup.reason, again)
        if release.age is None:
            saw = f"{lookup.reason}; this clone has no tag `{release.tag}`, so the age of the release is unknown"
            return _result(artifact, "missing", lookup, saw, f"git fetch --tags && {again}")
        return _result(artifact, "missing", lookup, lookup.reason, _dispatch(artifact, release))
    if not built.digests:
        saw = f"{_files(len(lookup.digests))} published, but no SHA256SUMS to compare with"
        return _result(artifact, "unknown", lookup, saw, _download_checksums(release))
    unexpected = sorted(lookup.digests - set(built.digests.values()))
    missing = sorted(name for name, digest in built.digests.items() if digest not in lookup.digests)
    if unexpected and built.complete:
        saw = f"has files that were not built: {_list_digests(unexpected)}"
        # Old files of a checkout are not a reason to yank a release.
        remedy = _download_checksums(release) if release.own_build else yank(artifact, release)
        return _result(artifact, "differs", lookup, saw + _list_missing(missing), remedy)
    if missing:
        count, lacking = len(built.digests) - len(missing), [] if unexpected else missing
        saw = f"{count} of {_files(len(built.digests))} published{_list_missing(missing)}"
        if release.young:
            return _result(artifact, "not yet visible", lookup, saw, again, lacking=lacking)
        remedy = _dispatch(artifact, release, partly=True) if built.complete else _download_checksums(release)
        return _result(artifact, "differs", lookup, saw, remedy, lacking=lacking)
    if unexpected:
        saw = f"{len(built.digests)} of {len(lookup.digests)} files compared, identical to the build"
        return _result(artifact, "published", lookup, saw, _download_checksums(release))
    return _result(artifact, "published", lookup, f"{_files(len(built.digests))}, identical to the build")


def commit(artifact: Artifact, named: str | None, release: ReleaseContext, tagged: str | None) -> Finding:
    """Compare the commit that a published file was built from with the commit of the tag in this clone."""
    looked_at = f"the commit of {artifact.name} {release.version}"
    if tagged is None:
        saw = f"this clone has no tag `{release.tag}` to compare with"
        return Finding.unknown(COMMIT, looked_at, saw, "git fetch --tags")
    if named is None:
        saw = "no readable file contains the commit that it was built from"
        return Finding.unknown(COMMIT, looked_at, saw, f"just verify {release.version}")
    if named != tagged:
        saw = f"built from `{named[:12]}`, but `{release.tag}` points to `{tagged[:12]}`"
        return Finding.failed(COMMIT, looked_at, saw, yank(artifact, release))
    return Finding.ok(COMMIT, looked_at, f"built from `{tagged[:12]}`, the commit of `{release.tag}`")


def provenance(artifact: Artifact, files: Sequence[Provenance], release: ReleaseContext) -> Finding:
    """Check that every file of a distribution was built in the repository of the policy (PEP 740)."""
    looked_at = f"the provenance of {artifact.name} {release.version}"
    refuted = [file for file in files if file.kind == "refuted"]
    unknown = [file for file in files if file.kind == "unknown"]
    if refuted:
        saw = f"`{refuted[0].file}`: {refuted[0].reason}"
        return Finding.failed(PROVENANCE, looked_at, saw, yank(artifact, release))
    if unknown or not files:
        saw = f"`{unknown[0].file}`: {unknown[0].reason}" if unknown else "no file to check"
        return Finding.unknown(PROVENANCE, looked_at, saw, f"just verify {release.version}, with access to PyPI")
    return Finding.ok(PROVENANCE, looked_at, f"{_files(len(files))}, verified: built in {release.policy.repository}")


_STATUS: dict[State, Status] = {
    "published": "ok",
    "not yet visible": "unknown",
    "missing": "failed",
    "differs": "failed",
    "unknown": "unknown",
}


def _result(
    artifact: Artifact,
    state: State,
    lookup: VersionLookup,
    saw: str,
    remedy: str = "",
    *,
    lacking: Sequence[str] = (),
) -> PublicationResult:
    status: Status = "warning" if state == "published" and remedy else _STATUS[state]
    finding = Finding(PUBLISHED, status, lookup.question, f"{state}: {saw}", remedy)
    return PublicationResult(artifact, state, finding, lookup, tuple(lacking))


def _belongs(name: str, artifact: Artifact, version: Version) -> bool:
    if artifact.registry == "crates.io":
        return name == crate_name(artifact, version)
    stem = dist_stem(artifact, version)
    return name == f"{stem}.tar.gz" or (name.startswith(f"{stem}-") and name.endswith(".whl"))


def _dispatch(artifact: Artifact, release: ReleaseContext, *, partly: bool = False) -> str:
    """Return the command that publishes one artifact of an existing tag."""
    if partly and artifact.registry == "pypi" and release.closed:
        return "just prepare VERSION, the next one: PyPI accepts no files for a release after 14 days"
    return f"gh workflow run {release.policy.workflow} --ref {release.tag} -f artifact={artifact.name}"


def yank(artifact: Artifact, release: ReleaseContext) -> str:
    """Return what to do about published files that are not those of the release."""
    step = f"cargo yank {artifact.name}@{release.version}"
    if artifact.registry == "pypi":
        step = f"yank {release.version} on the page of `{artifact.name}` at PyPI"
    return f"{step}, then `just prepare` the next version; published files cannot be replaced"


def _download_checksums(release: ReleaseContext) -> str:
    download = f"gh release download {release.tag} --pattern SHA256SUMS"
    return f"{download} && just verify {release.version} --sums SHA256SUMS"


def _files(count: int) -> str:
    return f"{count} file{'s' if count != 1 else ''}"


def _list_digests(digests: Sequence[str]) -> str:
    return ", ".join(f"sha256 {digest[:12]}…" for digest in digests[:3]) + (" and more" if digests[3:] else "")


def _list_missing(names: Sequence[str]) -> str:
    return f"; missing: {', '.join(f'`{name}`' for name in names)}" if names else ""
