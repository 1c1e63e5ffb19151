"""Check that a version can be prepared: it is not tagged, not published, and higher than all tagged versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from binoc_runbook.checks.observations import RemoteRefs, VersionLookup
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version, VersionError

CHECK = "prepare"

_TAGS = "refs/tags/"


def new_version(
    version: Version, policy: Policy, local: Iterable[str], remote: RemoteRefs, lookups: Iterable[VersionLookup]
) -> Findings:
    """Check a version that is prepared.

    `local` are the names of the tags in this clone, `remote` the refs of the remote, and `lookups` the results for this
    version at the registries. A result is unknown if the remote or the registry could not be read.
    """
    return Findings([*_tags(version, policy, set(local), remote), *_registries(version, lookups)])


def tagged_versions(policy: Policy, tags: Iterable[str]) -> list[Version]:
    """Return the versions of the release tags among some names of tags, sorted."""
    versions = []
    for tag in tags:
        try:
            versions.append(Version.parse(policy.version_of(tag)))
        except VersionError:
            continue
    return sorted(versions)


def _tags(version: Version, policy: Policy, local: set[str], remote: RemoteRefs) -> Iterator[Finding]:
    if remote.refs is None:
        saw = f"the tags on the remote are unknown: {remote.reason}"
        yield Finding.unknown(CHECK, remote.question, saw, f"run `just prepare {version}` again when it is reachable")
    pushed = {name.removeprefix(_TAGS) for name in remote.refs or () if name.startswith(_TAGS)}
    tag = policy.tag_of(version)
    highest = max(tagged_versions(policy, local | pushed), default=None)
    advice = f"just prepare {max(version, highest).next()}" if highest else ""
    if tag in pushed:
        yield Finding.failed(CHECK, f"refs/tags/{tag} on the remote", "the tag exists: it was released", advice)
    elif tag in local:
        saw = "the tag exists in this clone"
        if remote.refs is not None:
            saw, advice = f"{saw}, but not on the remote", f"`just release {version}`, or `git tag -d {tag}`"
        yield Finding.failed(CHECK, f"refs/tags/{tag}", saw, advice)
    elif highest and version < highest:
        remedy = f"{advice}; or add `--any-version` to prepare a lower version"
        yield Finding.failed(
            CHECK, f"refs/tags/{policy.tag_of(highest)}", f"{highest} is higher than {version}", remedy
        )
    else:
        saw = f"the highest is {highest}" if highest else "no version is tagged"
        yield Finding.ok(CHECK, "git tag", saw)


def _registries(version: Version, lookups: Iterable[VersionLookup]) -> Iterator[Finding]:
    for lookup in lookups:
        if lookup.kind in ("offered", "yanked"):
            remedy = f"just prepare {version.next()}, or a higher version"
            yield Finding.failed(CHECK, lookup.question, "the version is already published", remedy)
        elif lookup.kind == "no answer":
            remedy = f"run `just prepare {version}` again when it is reachable"
            yield Finding.unknown(CHECK, lookup.question, f"the registry is unknown: {lookup.reason}", remedy)
        else:
            yield Finding.ok(CHECK, lookup.question, "the version is not published")
