"""Setting the published version: worked out and checked in full, and then written all or not at all.

    planned = plan(workspace, policy, Version.parse("0.5.0"))
    findings = planned.problems or apply(planned.edits)

A plan is made of what the files say now and of nothing else. So a command that was interrupted at any moment is simply
given again, and finishes.
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
    """One value that will be edited: where it is, what stands there and what will."""

    place: Place
    says: str
    becomes: str

    def __str__(self) -> str:
        return f"{self.place}: `{self.says}` → `{self.becomes}`"


@dataclass(frozen=True, slots=True)
class Edit(Replacement):
    """One file that will be rewritten. `path` is from the root; `changes` are in the order of their places."""

    path: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What set-version would do. While there are `problems` nothing of it should be done."""

    edits: tuple[Edit, ...]
    problems: Findings


class _Value(NamedTuple):
    """One value of one file: where it stands, and the `token` to stand there, quotes and all."""

    start: int
    end: int
    token: str
    location: VersionLocation
    becomes: str


class _EditError(Exception):
    """Why a file is not edited; `place` is where."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(reason)
        self.place = place


def plan(workspace: Workspace, policy: Policy, version: Version) -> Plan:
    """Work out the edits that make every location say a version; a checkout that says it already needs none.

    Writes nothing. What a person has to fix first is a problem: a manifest that cannot be read, a requirement that
    would not admit the version, a file in which more than the intended values would change; and an error of cargo,
    which leaves unknown which lines own the version.
    """
    locations = find_version_locations(workspace, policy)
    problems = [*workspace.problems, *(lock.problem for lock in locations.locks if lock.problem)]
    if not problems:
        problems += (replace(finding, status="failed") for finding in cargo_errors(workspace, policy, CHECK))
    changes_of: dict[str, list[tuple[VersionLocation, str]]] = {}
    for location in locations.all:
        try:
            becomes = location.text_for(version)
        except RequirementError as error:
            problems.append(location.finding(CHECK, version, error))
            continue
        if becomes != location.says:
            changes_of.setdefault(location.document.path, []).append((location, becomes))
    edits = []
    for path, changes in sorted(changes_of.items()):
        try:
            edits.append(_edit(changes))
        except _EditError as reason:
            remedy = f"edit `{path}` by hand, then set the version again"
            problems.append(Finding.failed(CHECK, reason.place, str(reason), remedy))
    return Plan(tuple(edits), Findings(problems))


def apply(edits: Sequence[Edit]) -> Findings:
    """Write planned edits: each file at once, and either all of them or none.

    Returns a finding where a file could not be written, and none where all of them were. An interruption puts back
    what was replaced and goes on as itself.
    """
    paths = {edit.file: edit.path for edit in edits}
    try:
        replace_all(edits)
    except ReplacementError as reason:
        left = [paths[file] for file in reason.unrestored]
        saw = f"cannot be written: {reason}; " + (
            f"{', '.join(f'`{path}`' for path in left)} could not be put back" if left else "no file was changed"
        )
        remedy = f"git diff -- {' '.join(left)}" if left else "mend that, then set the version again"
        return Findings([Finding.failed(CHECK, paths[reason.file], saw, remedy)])
    return Findings()


def _edit(changes: list[tuple[VersionLocation, str]]) -> Edit:
    """The edit of one file. Raises `_EditError`."""
    document = changes[0][0].document
    values = sorted(_value(location, becomes) for location, becomes in changes)
    after = document.text
    for value in reversed(values):
        after = after[: value.start] + value.token + after[value.end :]
    if isinstance(document, Manifest) and parse(document.path, after) != _expected(document, values):
        raise _EditError(values[0].location.place, "more than the version would change in this file")
    return Edit(
        file=document.root / document.path,
        before=document.text.encode(),
        after=after.encode(),
        path=document.path,
        changes=tuple(Change(value.location.place, value.location.says, value.becomes) for value in values),
    )


def _value(location: VersionLocation, becomes: str) -> _Value:
    span = location.document.spans.get(location.keys)
    token = location.document.text[slice(*span)] if span else ""
    for escape in (str, _escaped):
        if span and escape(location.says) in token:
            return _Value(*span, token.replace(escape(location.says), escape(becomes), 1), location, becomes)
    raise _EditError(location.place, f"`{location.says}` is written there in a way that is not understood")


def _escaped(text: str) -> str:
    """A text as a basic string has it, in which the quotes of a marker stand behind a backslash."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _expected(manifest: Manifest, values: list[_Value]) -> dict[str, Any]:
    """What a manifest says when these values are set and no others."""
    data = deepcopy(manifest.data)
    for value in values:
        table: Any = data
        *outer, last = value.location.keys
        for key in outer:
            table = table[key]
        table[last] = value.becomes
    return data
