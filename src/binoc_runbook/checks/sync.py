"""Check that all version locations of the published packages have the version of the release.

Each location is compared with what `set-version` would write there, so that this one command fixes all differences.
Locations that no published package depends on may differ; they are warnings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from binoc_runbook.finding import Finding, Findings
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version, shortened
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.changelog import CHANGELOG, read_changelog, section
from binoc_runbook.workspace.edit import leftover_files
from binoc_runbook.workspace.lock import Lock
from binoc_runbook.workspace.manifest_tree import CARGO, LOCK
from binoc_runbook.workspace.requirement import RequirementError
from binoc_runbook.workspace.version_locations import (
    Kind,
    VersionLocation,
    VersionLocations,
    built_manifests,
    cargo_errors,
    find_version_locations,
    lock_path,
    match_entries,
)

CHECK = "sync"

_DECLARE = "to release packages together, declare them in `[tool.binoc-runbook]` of `pyproject.toml`"

_ALL_OF: dict[Kind, str] = {
    "version": "the manifests of the published packages",
    "requirement": "the requirements between our own packages",
    "lock": "the entries of our packages in the lock files",
}

_REFUSED = {
    "outdated": "does not agree with the manifests: cargo would change it, which `--locked` does not allow",
    "invalid": "cargo cannot parse it",
    "unknown": "cargo could not check that it agrees with the manifests",
}

# The part of cargo's error for a requirement that no available version satisfies.
_UNRESOLVED = "failed to select a version"


def sync(workspace: Workspace, policy: Policy, version: Version) -> Findings:
    """Compare every version location, every lock file and the changelog with a version.

    Manifests that cannot be read are `workspace.problems`; the check `surface` reports them.
    """
    locations = find_version_locations(workspace, policy)
    refused = _refused_locks(workspace, policy)
    different = [
        replace(finding, status="failed") if finding.looked_at.partition(":")[0] in refused else finding
        for finding in _locations(locations, version, _independent(workspace, policy, version))
    ]
    return Findings(
        [
            *_unknown(workspace, policy),
            *different,
            *_locked(workspace, policy, locations, different),
            _changelog(workspace, version),
            *_leftovers(workspace, version),
        ]
    )


def _refused_locks(workspace: Workspace, policy: Policy) -> set[str]:
    """Return the lock files of published packages that cargo refuses under `--locked`."""
    needed = built_manifests(workspace, policy)
    roots = {package.root for package in workspace.packages if package.manifest in needed}
    return {
        lock_path(root)
        for root, result in workspace.lock_results.items()
        if root in roots and result.state == "outdated"
    }


def _unknown(workspace: Workspace, policy: Policy) -> Iterator[Finding]:
    published = workspace.packages_to_publish(policy)
    errors = list(cargo_errors(workspace, policy, CHECK))
    if not published:
        saw = "no package to release"
        yield Finding.failed(CHECK, workspace.root.name or ".", saw, "binoc-runbook inspect")
    for package in published:
        if package.source is None:
            saw = f"the version of `{package.name}` is unknown: {package.reason}"
            # If cargo has failed, a version can be unknown only because of that.
            remedy = errors[0].remedy if errors else f"write the version into `{package.manifest}`"
            yield Finding.unknown(CHECK, package.manifest, saw, remedy)
    yield from errors


def _independent(workspace: Workspace, policy: Policy, version: Version) -> set[str]:
    """Return the names of packages with another version that no policy declares to be released together.

    Without a policy, a release contains the packages with its version. If none has it, it was meant for all of them.
    """
    spellings = (version.semver, version.pep440)
    published = workspace.packages_to_publish(policy)
    if policy.declared or all(package.version not in spellings for package in published):
        return set()
    return {package.name for package in workspace.packages if package.version not in (None, *spellings)}


def _locations(locations: VersionLocations, version: Version, independent: set[str]) -> Iterator[Finding]:
    counts: Counter[Kind] = Counter()
    differing: set[Kind] = set()
    for location in locations.all:
        if location.package in independent:
            if location.kind == "version":
                saw = f"`{location.package}` is `{location.current}`, so it is not part of this release"
                yield Finding.warning(CHECK, location.place, saw, _DECLARE)
            continue
        counts[location.kind] += 1
        if finding := _location(location, version):
            differing.add(location.kind)
            yield finding if location.published else replace(finding, status="warning")
    for kind, count in counts.items():
        if kind not in differing:
            saw = f"{count} {'place has' if count == 1 else 'places have'} version `{version.semver}`"
            yield Finding.ok(CHECK, _ALL_OF[kind], saw)


def _location(location: VersionLocation, version: Version) -> Finding | None:
    try:
        text = location.text_for(version)
    except RequirementError as error:
        return location.finding(CHECK, version, error)
    if text == location.current:
        return None
    verb = "is required as" if location.kind == "requirement" else "is"
    whose = "Cargo's" if location.spelling == "cargo" else "Python's"
    saw = f"`{location.package}` {verb} `{shortened(location.current)}`, but should be `{text}` in {whose} spelling"
    return Finding.failed(CHECK, location.place, saw, f"just set-version {version.semver}")


def locks(workspace: Workspace, policy: Policy, locations: VersionLocations) -> Iterator[Finding]:
    """Check that Cargo would not change a lock file, so that it accepts the file under `--locked`."""
    for lock in locations.locks:
        if lock.problem:
            yield replace(lock.problem, check=CHECK)
        checked = {location.keys for location in locations.all if location.document is lock}
        for entry, package in match_entries(workspace, lock):
            if package.version not in (None, entry.version) and entry.keys not in checked:
                saw = f"`{entry.name}` is `{shortened(entry.version)}`, but its manifest has `{package.version}`"
                manifest = f"{lock.path.removesuffix(LOCK)}{CARGO}"
                remedy = f"cargo update --workspace --manifest-path {manifest}"
                yield Finding.warning(CHECK, lock.place(*entry.keys), saw, remedy)
    needed = built_manifests(workspace, policy)
    known = {lock.path: {entry.name for entry in lock.entries} for lock in locations.locks if not lock.problem}
    reported = {lock.path for lock in locations.locks if lock.problem}
    for package in workspace.packages:
        if package.root is None or package.manifest not in needed:
            continue
        path = lock_path(package.root)
        if path in reported:
            continue
        if path not in known:
            reported.add(path)
            saw = f"the lock file is missing, but `{package.name}` is published from this workspace"
            # A release with a policy builds with `--locked`; without one, the build is unknown.
            finding = Finding.failed if policy.declared else Finding.warning
            yield finding(CHECK, path, saw, f"cargo generate-lockfile --manifest-path {package.root}")
        elif package.name not in known[path]:
            saw = f"has no entry for `{package.name}` of `{package.manifest}`"
            yield Finding.failed(CHECK, path, saw, f"cargo update --workspace --manifest-path {package.root}")


def _leftovers(workspace: Workspace, version: Version) -> Iterator[Finding]:
    for path in leftover_files(workspace):
        saw = "`set-version` or `prepare` was killed and left this file"
        yield Finding.warning(CHECK, path, saw, f"just set-version {version.semver}")


def _locked(
    workspace: Workspace, policy: Policy, locations: VersionLocations, different: list[Finding]
) -> Iterator[Finding]:
    """Check that cargo accepts the lock files under `--locked`, which the publish workflow uses.

    If cargo does not accept a lock file because of a known difference, there is only the finding about this difference,
    and it is a failure. `different` are the findings about version locations.
    """
    if not workspace.lock_results:
        yield from locks(workspace, policy, locations)
        return
    needed = built_manifests(workspace, policy)
    roots = {package.root for package in workspace.packages if package.manifest in needed}
    results = {lock_path(root): (root in roots, result) for root, result in workspace.lock_results.items()}
    explained = {lock.path for lock in locations.locks if lock.problem or _differs(workspace, lock)}
    for finding in locks(workspace, policy, locations):
        path = finding.looked_at.partition(":")[0]
        in_use, result = results.get(path, (False, None))
        if finding.status == "failed":
            explained.add(path)
        if finding.status == "warning" and in_use and result and result.state == "outdated":
            finding = replace(finding, status="failed")
        yield finding
    manifests = (finding.looked_at.partition(":")[0] for finding in different if finding.status == "failed")
    refused_requirement = any(path.endswith(CARGO) for path in manifests)
    for path, (in_use, result) in results.items():
        if path in explained or (refused_requirement and _UNRESOLVED in result.reason):
            continue
        create, saw = Finding.failed, _REFUSED[result.state]
        if result.state == "unknown":
            create, saw = Finding.unknown, f"{saw}: {result.reason}"
        yield (create if in_use else Finding.warning)(CHECK, path, saw, result.remedy)


def _differs(workspace: Workspace, lock: Lock) -> bool:
    """Return whether a crate has another version than its entry in a lock file."""
    return any(package.version not in (None, entry.version) for entry, package in match_entries(workspace, lock))


def _changelog(workspace: Workspace, version: Version) -> Finding:
    text = read_changelog(workspace.root, CHECK)
    if isinstance(text, Finding):
        return text
    notes = section(text, version)
    if notes is None:
        saw = f"has no section with the heading `## [{version.semver}]`"
        return Finding.failed(CHECK, CHANGELOG, saw, f"just prepare {version.semver}")
    if not notes:
        saw = f"the section `{version.semver}` is empty"
        return Finding.failed(CHECK, CHANGELOG, saw, f"write the changes under the heading `{version.semver}`")
    lines = notes.count("\n") + 1
    return Finding.ok(CHECK, CHANGELOG, f"the section `{version.semver}` has {lines} line{'s'[: lines - 1]}")
