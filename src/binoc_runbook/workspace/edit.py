"""Edits that set the published version: first a complete plan, then all edits or none.

    planned = plan(workspace, policy, Version.parse("0.5.0"))
    findings = planned.problems or apply(planned.edits)

A plan depends only on the current content of the files. After an interruption, the same command completes the edits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import Policy, normalised
from binoc_runbook.version import Version, VersionError, shortened
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.changelog import CHANGELOG
from binoc_runbook.workspace.manifest import Manifest, parse
from binoc_runbook.workspace.manifest_tree import UV_LOCK
from binoc_runbook.workspace.replace import Replacement, ReplacementError, leftovers, replace_all, restore_all
from binoc_runbook.workspace.requirement import RequirementError
from binoc_runbook.workspace.version_locations import (
    VersionLocation,
    VersionLocations,
    cargo_errors,
    find_version_locations,
)

CHECK = "set-version"


@dataclass(frozen=True, slots=True)
class Change:
    """One value to edit: its place, and its current and new text."""

    place: Place
    current: str
    new: str

    def __str__(self) -> str:
        return f"{self.place}: `{self.current}` → `{self.new}`"


@dataclass(frozen=True, slots=True)
class Edit(Replacement):
    """One file to rewrite. `path` is relative to the root; `changes` are ordered by place."""

    path: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The edits of `set-version`. Do not apply them if a problem failed.

    `unchanged` lists what is left as it is, with the reason.
    """

    edits: tuple[Edit, ...]
    problems: Findings
    unchanged: Findings


class _Value(NamedTuple):
    """One value of one file: its offsets, and the new `token` with its quotes."""

    start: int
    end: int
    token: str
    location: VersionLocation
    new: str


class _EditError(Exception):
    """A value that cannot be edited; `place` is its line."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place


def plan(workspace: Workspace, policy: Policy, version: Version) -> Plan:
    """Return the edits that set a version at all its locations; write nothing.

    Errors that the user must fix first are problems: a manifest that cannot be read, a requirement that would not
    allow the version, a file in which more than the intended values would change. An error of cargo is also a problem,
    because the lines that own the version are then unknown.
    """
    locations = find_version_locations(workspace, policy)
    problems = [*workspace.problems, *(lock.problem for lock in locations.locks if lock.problem)]
    if not problems:
        problems += (replace(finding, status="failed") for finding in cargo_errors(workspace, policy, CHECK))
    changes_of: dict[str, list[tuple[VersionLocation, str]]] = {}
    unchanged: list[VersionLocation] = []
    for location in locations.all:
        try:
            new = location.text_for(version)
        except RequirementError as error:
            problems.append(location.finding(CHECK, version, error))
            continue
        if new != location.current:
            changes_of.setdefault(location.document.path, []).append((location, new))
        else:
            unchanged.append(location)
    if not policy.declared:
        problems += _lowered(locations, version)
    problems += _outdated_uv_locks(locations, changes_of)
    edits = []
    for path, changes in sorted(changes_of.items()):
        try:
            edits.append(_edit(changes))
        except _EditError as error:
            remedy = f"edit `{path}` by hand, then run `just set-version {version.semver}`"
            problems.append(Finding.failed(CHECK, error.place, str(error), remedy))
    findings = Findings(problems)
    listed = Findings() if findings.status == "failed" else _unchanged(workspace, locations, unchanged, version)
    return Plan(tuple(edits), findings, listed)


def leftover_files(workspace: Workspace) -> list[str]:
    """Return the temporary files of an edit that was killed, as paths relative to the root."""
    tree = workspace.tree
    paths = (*tree.cargo, *tree.python, *tree.locks, CHANGELOG)
    files = leftovers(f"{workspace.root}/{path}" for path in paths)
    return sorted(os.path.relpath(file, workspace.root).replace(os.sep, "/") for file in files)


def apply(edits: Sequence[Edit]) -> Findings:
    """Write planned edits atomically: all of them or none. The new content of a file can be its first.

    Return a finding if a file cannot be written. After an interruption, all files are restored and the exception
    propagates.
    """
    paths = {edit.file: edit.path for edit in edits}
    try:
        replace_all(edits)
    except ReplacementError as error:
        unrestored = [paths[file] for file in error.unrestored]
        saw, remedy = f"cannot be written: {error}; no file was changed", "fix this, then run `just set-version` again"
        if unrestored:
            saw = f"cannot be written: {error}; not restored: {', '.join(f'`{path}`' for path in unrestored)}"
            remedy = f"git diff -- {' '.join(unrestored)}"
        return Findings([Finding.failed(CHECK, paths[error.file], saw, remedy)])
    return Findings()


def restore(edits: Sequence[Edit]) -> Findings:
    """Restore the files of applied edits; return a finding if that fails."""
    paths = {edit.file: edit.path for edit in edits}
    unrestored = [paths[file] for file in restore_all(edits)]
    if not unrestored:
        return Findings()
    saw = f"not restored: {', '.join(f'`{path}`' for path in unrestored)}"
    return Findings([Finding.failed(CHECK, unrestored[0], saw, f"git diff -- {' '.join(unrestored)}")])


def _lowered(locations: VersionLocations, version: Version) -> Iterator[Finding]:
    """Yield the versions that would be lowered while others are raised: their packages are released independently."""
    owners = [location for location in locations.all if location.kind == "version"]
    parsed = [(location, _parsed(location)) for location in owners]
    if not any(current is not None and current < version for _, current in parsed):
        return
    for location, current in parsed:
        if current is not None and current > version:
            saw = f"`{location.package}` is {current}, and {version} would lower it, but raises other packages"
            remedy = f"edit the versions by hand, or run `just set-version {current}` if all packages have one version"
            yield Finding.failed(CHECK, location.place, saw, remedy)


def _parsed(location: VersionLocation) -> Version | None:
    parse_version = Version.parse if location.spelling == "cargo" else Version.from_pep440
    try:
        return parse_version(location.current)
    except VersionError:
        return None


def _outdated_uv_locks(
    locations: VersionLocations, changes_of: Mapping[str, list[tuple[VersionLocation, str]]]
) -> Iterator[Finding]:
    """Yield a warning for each `uv.lock` that has a package of the checkout from an index, under a changed requirement.

    It needs the digests of the new version, which is not published yet.
    """
    changed = [location for changes in changes_of.values() for location, _ in changes]
    for lock in locations.locks:
        directory, _, name = lock.path.rpartition("/")
        own = {normalised("pypi", entry.name) for entry in lock.entries}
        for location in changed if name == UV_LOCK else ():
            below = location.document.path.startswith(f"{directory}/" if directory else "")
            is_requirement = location.kind == "requirement" and location.spelling == "pypi"
            if is_requirement and below and normalised("pypi", location.package) not in own:
                saw = f"locks `{location.package}` from an index, and its requirement changes"
                yield Finding.warning(CHECK, lock.path, saw, "uv lock, after the release")
                break


def _unchanged(
    workspace: Workspace, locations: VersionLocations, unchanged: Sequence[VersionLocation], version: Version
) -> Findings:
    """Return what an edit leaves as it is: one finding for each reason."""
    moving = {(location.document.path, location.keys) for location in locations.all if location.kind == "version"}
    others = [
        package
        for package in workspace.packages
        if package.source is None or (package.source.manifest.path, package.source.keys) not in moving
    ]
    bounds = [location for location in unchanged if location.kind == "requirement"]
    current = [location for location in unchanged if location.kind != "requirement"]
    findings = []
    if others:
        listed = _listed(others, lambda package: f"`{package.name}` {shortened(package.version or '?')}")
        saw = f"not changed, because they are not published and have their own version: {listed}"
        findings.append(Finding.ok(CHECK, "other packages", saw))
    if bounds:
        listed = _listed(bounds, lambda location: f"`{shortened(location.current)}` in `{location.place}`")
        saw = f"not changed, because they allow {version}: {listed}"
        findings.append(Finding.ok(CHECK, "requirements", saw))
    if current:
        saw = f"already {version}: {_listed(current, lambda location: f'`{location.place}`')}"
        findings.append(Finding.ok(CHECK, "versions", saw))
    return Findings(findings)


def _listed(items: Sequence[Any], text: Callable[[Any], str], shown: int = 10) -> str:
    more = f" and {len(items) - shown} more" if len(items) > shown else ""
    return ", ".join(map(text, items[:shown])) + more


def _edit(changes: list[tuple[VersionLocation, str]]) -> Edit:
    """Return the edit of one file. Raises `_EditError`."""
    document = changes[0][0].document
    values = sorted(_value(location, new) for location, new in changes)
    after = document.text
    for value in reversed(values):
        after = after[: value.start] + value.token + after[value.end :]
    if isinstance(document, Manifest) and parse(document.path, after) != _expected(document, values):
        raise _EditError(values[0].location.place, "the edit would change more than the version")
    return Edit(
        file=document.root / document.path,
        before=document.text.encode(),
        after=after.encode(),
        path=document.path,
        changes=tuple(Change(value.location.place, value.location.current, value.new) for value in values),
    )


def _value(location: VersionLocation, new: str) -> _Value:
    span = location.document.spans.get(location.keys)
    token = location.document.text[slice(*span)] if span else ""
    for escape in (str, _escaped):
        if span and location.current and escape(location.current) in token:
            return _Value(*span, token.replace(escape(location.current), escape(new), 1), location, new)
    raise _EditError(location.place, f"cannot find `{location.current}` in this value; it may be escaped")


def _escaped(text: str) -> str:
    """Escape a text as in a basic string, for requirements with quotes in their markers."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _expected(manifest: Manifest, values: list[_Value]) -> dict[str, Any]:
    """Return the data of a manifest after these values are set."""
    data = deepcopy(manifest.data)
    for value in values:
        table: Any = data
        *outer, last = value.location.keys
        for key in outer:
            table = table[key]
        table[last] = value.new
    return data
