"""Check that a version can still be published: no registry has it, unless its tag is on the remote.

Registries never accept other files for a version that they have (PyPI, *File name reuse*; Cargo book, *Publishing on
crates.io*). Only the workflow that a pushed tag triggers publishes, so a version without a tag on the remote must not
be published.
"""

from __future__ import annotations

from collections.abc import Mapping

from binoc_runbook.checks.observations import VersionLookup
from binoc_runbook.checks.remote import CHECK, RemoteView
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Artifact
from binoc_runbook.version import Version


def availability(view: RemoteView, version: Version, lookups: Mapping[Artifact, VersionLookup]) -> Findings:
    """Check that no registry has the version, given a lookup for each artifact.

    With the tag on the remote, its workflow publishes the version, or has published it, so the lookups are not needed.
    """
    if view.remote_tag is not None:
        saw = f"the tag exists, so its workflow publishes {version}; `just verify {version}` checks the registries"
        return Findings([Finding.ok(CHECK, f"refs/tags/{view.tag} on {view.remote}", saw)])
    published = {artifact: lookup for artifact, lookup in lookups.items() if lookup.published}
    findings = [_unpublished(version, lookup) for lookup in lookups.values() if not lookup.published]
    return Findings([*findings, *([_published(view, version, published)] if published else [])])


def _unpublished(version: Version, lookup: VersionLookup) -> Finding:
    if lookup.kind == "no answer":
        saw = f"it is unknown whether {version} is already published: {lookup.reason}"
        remedy = lookup.remedy or f"just check {version}, when the registry responds"
        return Finding.unknown(CHECK, lookup.question, saw, remedy)
    return Finding.ok(CHECK, lookup.question, f"{version} is not published: {lookup.reason}")


def _published(view: RemoteView, version: Version, published: Mapping[Artifact, VersionLookup]) -> Finding:
    """Return one finding for all artifacts, because one new version is the fix for all."""
    looked_at = ", ".join(lookup.question for lookup in published.values())
    names = ", ".join(f"`{artifact.name}` {version}{_yanked(lookup)}" for artifact, lookup in published.items())
    if view.refs.refs is None:
        saw = f"already published: {names}; it is unknown whether the tag `{view.tag}` is on `{view.remote}`"
        return Finding.unknown(CHECK, looked_at, saw, f"git ls-remote {view.remote}; if it succeeds, run this again")
    saw = f"already published: {names}, but `{view.remote}` has no tag `{view.tag}`; a version is published only once"
    return Finding.failed(CHECK, looked_at, saw, f"just prepare {version.next()}")


def _yanked(lookup: VersionLookup) -> str:
    return " (yanked)" if lookup.kind == "yanked" else ""
