"""What is filed under `docs/releases/`: the records of real releases, read back with suspicion.

Files get there by hand too, from another branch, another time or another kind of run. Whatever is not the record of a
real release is a finding, never an exception: *failed* for a rehearsal or a dry run, which nobody may take for a
release, and a *warning* for what cannot be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.finding import Finding, Findings
from binoc_runbook.release.record import SCHEMA as RECORD_SCHEMA
from binoc_runbook.release.verification import SCHEMA as VERIFICATION_SCHEMA
from binoc_runbook.version import Version, VersionError

#: How the names of the files end: of the executed notebook, of its twin, and of what a verification found later.
PAGE, TWIN, VERIFIED = ".ipynb", ".json", ".verified.json"

CHECK = "records"

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
#: In seconds; longer than any run, and neither infinite nor too large to be drawn.
_CENTURY = 100 * 365 * 24 * 3600

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True, slots=True)
class Published:
    """One artifact as a verification saw it: its state there, and the SHA-256 digests of its files in hexadecimal."""

    name: str
    registry: str
    state: str
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found: `published`, `refused` or `unfinished`, and each artifact in the policy's order."""

    outcome: str
    artifacts: tuple[Published, ...]


@dataclass(frozen=True, slots=True)
class Filed:
    """One release as its record tells it.

    `commit` is the full name of the commit that was released, `repository` is `owner/name` at GitHub; both may be
    unknown. `ended` is a moment in UTC as records spell it, `seconds` what the whole run took, and `stages` the seconds
    of each stage in the order in which they ran. `has_page` says whether the executed notebook is there.
    """

    version: Version
    tag: str
    commit: str | None
    repository: str | None
    ended: str
    seconds: float
    stages: Mapping[str, float]
    has_page: bool
    verified: Verified | None

    @property
    def date(self) -> str:
        """The day on which the run ended, in UTC."""
        return self.ended.partition("T")[0]


def read_filed(folder: Path) -> tuple[tuple[Filed, ...], Findings]:
    """Read the records in a folder: the releases, newest version first, and what is wrong with the files."""
    found: list[Finding] = []
    filed = []
    stems = {_stem(path.name) for path in folder.iterdir() if path.name.endswith((PAGE, TWIN)) and path.is_file()}
    for stem in sorted(stems):
        try:
            filed.append(_read(folder, stem, found))
        except _ForeignError as trouble:
            found.append(trouble.finding)
    return tuple(sorted(filed, key=lambda each: each.version, reverse=True)), Findings(found)


def read_record(page: Path) -> Filed | None:
    """Read the record that an executed notebook has beside it; `None` where there is no good one."""
    try:
        return _read(page.parent, _stem(page.name), [])
    except _ForeignError:
        return None


def is_notebook(value: object) -> bool:
    """Whether a JSON value is a notebook of the format that papermill writes (nbformat 4), by its schema."""
    from nbformat.validator import isvalid

    if not isinstance(value, dict) or value.get("nbformat") != 4 or not _are_objects(value.get("cells")):
        return False
    minor = value.get("nbformat_minor")
    return isinstance(minor, int) and bool(isvalid(value, version=4, version_minor=minor))  # type: ignore[no-untyped-call]


def _stem(name: str) -> str:
    return next(name.removesuffix(end) for end in (VERIFIED, TWIN, PAGE) if name.endswith(end))


class _ForeignError(Exception):
    """A file that is not what its name says."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def _read(folder: Path, stem: str, found: list[Finding]) -> Filed:
    page, twin = folder / f"{stem}{PAGE}", folder / f"{stem}{TWIN}"
    if page.is_file():
        _refuse_unreal_page(page)
    if not twin.is_file():
        raise _warned(twin, "is missing, so that what lies beside it is no record", _restore(twin))
    record = _load(twin)
    _refuse_unreal(twin, record)
    try:
        version = Version.parse(stem)
    except VersionError:
        raise _warned(twin, "is named after no version", f"git rm {RECORDS}{twin.name}") from None
    told = _Fields(twin, record)
    told.expect("schema", RECORD_SCHEMA)
    told.expect("version", stem)
    told.expect("world", "real")
    told.expect("dry_run", False)
    _refuse_unfinished(twin, told.text("outcome"))
    tag, refs = told.text("tag"), told.get("remote_refs", lambda value: isinstance(value, dict), "an object")
    # After a first attempt HEAD may have moved on; what was released is what the tag peels to.
    commit = refs.get(f"refs/tags/{tag}^{{}}") or record.get("commit")
    filed = Filed(
        version=version,
        tag=tag,
        commit=commit if _is(commit, _COMMIT) else None,
        repository=record["repository"] if _is(record.get("repository"), _REPOSITORY) else None,
        ended=told.get("ended", lambda value: _is(value, _MOMENT), "a moment such as `2026-11-22T10:00:00Z`"),
        seconds=told.seconds("seconds"),
        stages=_stages(told),
        has_page=page.is_file(),
        verified=None,
    )
    if not filed.has_page:
        found.append(_warned(page, "is missing: nobody can read how the release went", _restore(page)).finding)
    beside = folder / f"{stem}{VERIFIED}"
    if not beside.is_file():
        return filed
    try:
        return replace(filed, verified=_read_verified(beside, stem, filed.commit))
    except _ForeignError as trouble:
        found.append(trouble.finding)
        return filed


def _read_verified(path: Path, stem: str, commit: str | None) -> Verified:
    record = _load(path)
    _refuse_unreal(path, record)
    told = _Fields(path, record)
    told.expect("schema", VERIFICATION_SCHEMA)
    told.expect("version", stem)
    told.expect("world", "real")
    if commit and record.get("commit") not in (None, commit):
        raise _warned(path, "is about another commit than the release", f"just verify {stem}")
    artifacts = []
    for each in told.objects("artifacts"):
        digests = each.get("digests", lambda value: isinstance(value, list), "a list")
        if not all(_is(digest, _DIGEST) for digest in digests):
            raise _warned(path, "`digests` has to hold SHA-256 digests in hexadecimal", _restore(path))
        artifacts.append(Published(each.text("name"), each.text("registry"), each.text("state"), tuple(digests)))
    return Verified(told.text("outcome"), tuple(artifacts))


def _stages(told: _Fields) -> dict[str, float]:
    stages: dict[str, float] = {}
    for stage in told.objects("stages"):
        name = stage.text("name")
        stages[name] = stages.get(name, 0.0) + stage.seconds("seconds")
    return stages


class _Fields:
    """The fields of an object of a file; each is what it has to be, or the file is foreign."""

    def __init__(self, path: Path, told: Mapping[str, Any], inside: str = "") -> None:
        self._path, self._told, self._inside = path, told, inside

    def get(self, name: str, good: Callable[[Any], bool], wanted: str) -> Any:
        value = self._told.get(name)
        if not good(value):
            raise _warned(self._path, f"`{self._inside}{name}` has to be {wanted}", _restore(self._path))
        return value

    def expect(self, name: str, wanted: object) -> None:
        self.get(name, lambda value: type(value) is type(wanted) and value == wanted, f"`{wanted}` here")

    def text(self, name: str) -> str:
        return str(self.get(name, lambda value: isinstance(value, str) and value != "", "a text"))

    def seconds(self, name: str) -> float:
        return float(self.get(name, _is_seconds, "a number of seconds"))

    def objects(self, name: str) -> list[_Fields]:
        values = self.get(name, _are_objects, "a list of objects")
        return [_Fields(self._path, value, f"{name}[{number}].") for number, value in enumerate(values)]


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _warned(path, f"is no JSON that can be read ({type(error).__name__})", _restore(path)) from None
    if not isinstance(value, dict):
        raise _warned(path, "is JSON, and no record", f"git rm {RECORDS}{path.name}")
    return value


def _refuse_unreal(path: Path, record: Mapping[str, Any]) -> None:
    if record.get("world") not in (None, "real"):
        raise _unreal(path, f"is of the world `{record['world']}`, and no release")
    if record.get("dry_run", False) is not False:
        raise _unreal(path, "is of a dry run, and no release")


def _refuse_unfinished(path: Path, outcome: str) -> None:
    if outcome != "released":
        raise _unreal(path, f"is of a run that ended as `{outcome}`, and no release")


def _refuse_unreal_page(path: Path) -> None:
    notebook = _load(path)
    if not is_notebook(notebook):
        raise _warned(path, "is JSON, and no notebook", _restore(path))
    ran = notebook["metadata"].get("papermill")
    given = ran.get("parameters") if isinstance(ran, dict) else None
    if isinstance(given, dict):  # else its twin alone tells; a run is dry unless its parameters say otherwise
        _refuse_unreal(path, {"world": given.get("world"), "dry_run": given.get("dry_run", True)})


def _unreal(path: Path, saw: str) -> _ForeignError:
    remedy = f"move `{_stem(path.name)}.*` from `{RECORDS}` to `runs/`"
    return _ForeignError(Finding.failed(CHECK, f"{RECORDS}{path.name}", saw, remedy))


def _warned(path: Path, saw: str, remedy: str) -> _ForeignError:
    return _ForeignError(Finding.warning(CHECK, f"{RECORDS}{path.name}", saw, remedy))


def _restore(path: Path) -> str:
    return f"git checkout HEAD -- {RECORDS}{path.name}"


def _is(value: object, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _CENTURY


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)
