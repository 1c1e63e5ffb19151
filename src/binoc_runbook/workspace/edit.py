"""Edits that set the published version: first a complete plan, then all edits or none.

    planned = plan(workspace, policy, Version.parse("0.5.0"))
    findings = planned.problems or apply(planned.edits)

A plan depends only on the current content of the files. After an interruption, the same command completes the edits.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.policy import Policy
from binoc_runbook.version import Version
from binoc_runbook.workspace import Workspace
from binoc_runbook.workspace.manifest import Manifest, parse
from binoc_runbook.workspace.replace import Replacement, ReplacementError, replace_all
from binoc_runbook.workspace.requirement import RequirementError
from binoc_runbook.workspace.version_locations import VersionLocation, cargo_errors, find_version_locations

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
    """The edits of `set-version`. Do not apply them if there are `problems`."""

    edits: tuple[Edit, ...]
    problems: Findings


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
    for location in locations.all:
        try:
            new = location.text_for(version)
        except RequirementError as error:
            problems.append(location.finding(CHECK, version, error))
            continue
        if new != location.current:
            changes_of.setdefault(location.document.path, []).append((location, new))
    edits = []
    for path, changes in sorted(changes_of.items()):
        try:
            edits.append(_edit(changes))
        except _EditError as error:
            remedy = f"edit `{path}` by hand, then run `just set-version {version.semver}`"
            problems.append(Finding.failed(CHECK, error.place, str(error), remedy))
    return Plan(tuple(edits), Findings(problems))


def apply(edits: Sequence[Edit]) -> Findings:
    """Write planned edits atomically: all of them or none.

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
