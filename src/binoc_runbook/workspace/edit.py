"""Setting the published version: worked out and checked in full, and then written all or not at all.

    planned = plan(workspace, policy, Version.parse("0.5.0"))
    findings = planned.problems or apply(planned.edits)

A plan is made of what the files say now and of nothing else. So a command that was interrupted at any moment is simply
given again, and finishes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from binoc_runbook.finding import Finding, Findings, Place
from binoc_runbook.workspace.manifest import Manifest
from binoc_runbook.workspace.replace import Replacement, ReplacementError, replace_all
from binoc_runbook.workspace.requirement import RequirementError
from binoc_runbook.workspace.version_locations import VersionLocation, built_manifests, find_version_locations

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from binoc_runbook.policy import Policy
    from binoc_runbook.version import Version
    from binoc_runbook.workspace import Workspace
    from binoc_runbook.workspace.spans import Keys

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
class Edit:
    """One file that will be rewritten. `path` is from the root; `changes` are in the order of their places."""

    path: str
    file: Path
    changes: tuple[Change, ...]
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What set-version would do. While there are `problems` nothing of it should be done."""

    edits: tuple[Edit, ...]
    problems: Findings


@dataclass(frozen=True, slots=True)
class _Value:
    """One value of one file: where it stands, and the `token` to stand there, quotes and all."""

    location: VersionLocation
    becomes: str
    start: int
    end: int
    token: str


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
    needed = built_manifests(workspace, policy)
    if not problems and any(package.cargo_error for package in workspace.packages if package.manifest in needed):
        problems += (replace(finding, status="failed") for finding in workspace.cargo_errors(CHECK))
    changes_of: dict[str, list[tuple[VersionLocation, str]]] = {}
    for location in locations:
        try:
            becomes = location.text_for(version)
        except RequirementError as error:
            problems.append(location.finding(CHECK, version, error))
            continue
        if becomes != location.says:
            changes_of.setdefault(location.path, []).append((location, becomes))
    edits = []
    for path, changes in sorted(changes_of.items()):
        try:
            edits.append(_edit(changes))
        except _EditError as reason:
            remedy = f"edit `{path}` by hand, then set the version again"
            problems.append(Finding.failed(CHECK, reason.place, str(reason), remedy))
    return Plan(tuple(edits), Findings(problems))


def apply(edits: Iterable[Edit]) -> Findings:
    """Write planned edits: each file at once, and either all of them or none.

    Returns a finding where a file could not be written, and none where all of them were. An interruption puts back
    what was replaced and goes on as itself.
    """
    edits = tuple(edits)
    try:
        replace_all([Replacement(edit.file, edit.before, edit.after) for edit in edits])
    except ReplacementError as reason:
        paths = {edit.file: edit.path for edit in edits}
        left = [paths[file] for file in reason.unrestored]
        saw = f"cannot be written: {reason}; " + (
            f"{', '.join(f'`{path}`' for path in left)} could not be put back" if left else "no file was changed"
        )
        remedy = f"git diff -- {' '.join(left)}" if left else "mend that, then set the version again"
        return Findings([Finding.failed(CHECK, paths.get(reason.file, "."), saw, remedy)])
    return Findings()


def _edit(changes: list[tuple[VersionLocation, str]]) -> Edit:
    """The edit of one file. Raises `_EditError`."""
    document = changes[0][0].document
    values = sorted((_value(location, becomes) for location, becomes in changes), key=lambda value: value.start)
    after = _spliced(document.text, values)
    if isinstance(document, Manifest) and _by_tomlkit(document, values) != after:
        raise _EditError(values[0].location.place, "more than the version would change in this file")
    return Edit(
        path=document.path,
        file=document.file,
        changes=tuple(Change(value.location.place, value.location.says, value.becomes) for value in values),
        before=document.text.encode(),
        after=after.encode(),
    )


def _value(location: VersionLocation, becomes: str) -> _Value:
    span = location.document.spans.get(location.keys)
    token = location.document.text[slice(*span)] if span else ""
    for escape in (str, _escaped):
        if span and escape(location.says) in token:
            return _Value(location, becomes, *span, token.replace(escape(location.says), escape(becomes), 1))
    raise _EditError(location.place, f"`{location.says}` is written there in a way that is not understood")


def _escaped(text: str) -> str:
    """A text as a basic string has it, in which the quotes of a marker stand behind a backslash."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _spliced(text: str, values: list[_Value]) -> str:
    """The text with just these values replaced."""
    parts = []
    at = 0
    for value in values:
        parts += [text[at : value.start], value.token]
        at = value.end
    return "".join([*parts, text[at:]])


def _by_tomlkit(manifest: Manifest, values: list[_Value]) -> str:
    """The text as tomlkit writes it with these values set. Raises `_EditError` where tomlkit cannot read it.

    It reads and writes independently of `spans`; where the two hands agree, the intended values and no others change.
    """
    import tomlkit  # where it is needed: it costs 60 ms
    from tomlkit.exceptions import TOMLKitError

    mark = "\ufeff" if manifest.text.startswith("\ufeff") else ""
    try:
        document = tomlkit.parse(manifest.text.removeprefix(mark))
        tables: dict[Keys, Any] = {(): document}
        for value in values:
            keys = value.location.keys
            for depth in range(1, len(keys)):
                if keys[:depth] not in tables:
                    tables[keys[:depth]] = tables[keys[: depth - 1]][keys[depth - 1]]
            tables[keys[:-1]][keys[-1]] = tomlkit.value(value.token)
        return mark + tomlkit.dumps(document)
    except (TOMLKitError, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise _EditError(Place(manifest.path), f"tomlkit cannot edit it: {error}") from None
