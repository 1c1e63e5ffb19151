"""The files under `docs/releases/`: the records of real releases, validated when they are read.

Files get there by hand too, from another branch, another time or another kind of run. A file that is not the record of
a real release is a finding, never an exception: *failed* for a rehearsal or a dry run, which must not be taken for a
release, and a *warning* for a file that cannot be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.finding import Finding, Findings, RefusedError
from binoc_runbook.release.record import SCHEMA as RECORD_SCHEMA
from binoc_runbook.release.verification import SCHEMA as VERIFICATION_SCHEMA
from binoc_runbook.version import Version, VersionError

#: How the names of the files end: the executed notebook, its record as JSON, and the later verification.
PAGE, RECORD, VERIFICATION = ".ipynb", ".json", ".verified.json"

CHECK = "records"

_REFUSED = "a file was refused as the record of a release"

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")

_TEXT = {"type": "string", "minLength": 1}
#: At most a century, which is longer than any run and can be shown.
_SECONDS = {"type": "number", "minimum": 0, "maximum": 100 * 365 * 24 * 3600}
_DIGESTS = {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}


def _object(**properties: object) -> dict[str, object]:
    return {"type": "object", "required": list(properties), "properties": properties}


# The fields that the site reads; `docs/reference/schemas/` has all of them, and is not installed with the library.
_RECORD_FIELDS = _object(
    schema={"const": RECORD_SCHEMA},
    version=_TEXT,
    world={"const": "real"},
    dry_run={"const": False},
    outcome=_TEXT,
    tag=_TEXT,
    remote_refs={"type": "object"},
    ended={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
    seconds=_SECONDS,
    stages={"type": "array", "items": _object(name=_TEXT, seconds=_SECONDS)},
)
_VERIFICATION_FIELDS = _object(
    schema={"const": VERIFICATION_SCHEMA},
    version=_TEXT,
    world={"const": "real"},
    outcome=_TEXT,
    artifacts={"type": "array", "items": _object(name=_TEXT, registry=_TEXT, state=_TEXT, digests=_DIGESTS)},
)


@dataclass(frozen=True, slots=True)
class RecordedArtifact:
    """One artifact in a verification: its state there, and the SHA-256 digests of its files in hexadecimal."""

    name: str
    registry: str
    state: str
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedVerification:
    """A verification: `published`, `refused` or `unfinished`, and each artifact in the policy's order."""

    outcome: str
    artifacts: tuple[RecordedArtifact, ...]


@dataclass(frozen=True, slots=True)
class RecordedRelease:
    """One release as its files describe it; each of the nine fields is one part of its row on the page of releases.

    `commit` is the full name of the commit that was released, `repository` is `owner/name` at GitHub; both may be
    unknown. `ended` is a moment in UTC as records spell it, `seconds` is the duration of the whole run, and `stages`
    holds the seconds of each stage in the order in which they ran. `has_page` says whether the executed notebook is
    there.
    """

    version: Version
    tag: str
    commit: str | None
    repository: str | None
    ended: str
    seconds: float
    stages: Mapping[str, float]
    has_page: bool
    verification: RecordedVerification | None

    @property
    def date(self) -> str:
        """The day on which the run ended, in UTC."""
        return self.ended.partition("T")[0]


def read_releases(directory: Path) -> tuple[tuple[RecordedRelease, ...], Findings]:
    """Read the records in a directory: the releases, newest version first, and what is wrong with the files."""
    problems: list[Finding] = []
    releases = []
    stems = {_stem(path.name) for path in directory.iterdir() if path.name.endswith((PAGE, RECORD)) and path.is_file()}
    for stem in sorted(stems):
        try:
            releases.append(_read(directory, stem, problems))
        except RefusedError as error:
            problems += error.findings
    return tuple(sorted(releases, key=lambda release: release.version, reverse=True)), Findings(problems)


def read_release(page: Path) -> RecordedRelease | None:
    """Read the record of an executed notebook; `None` where there is no valid one."""
    try:
        return _read(page.parent, _stem(page.name), [])
    except RefusedError:
        return None


def parse_notebook(text: str | bytes) -> dict[str, Any] | None:
    """Parse a notebook of the format that papermill writes (nbformat 4); `None` for what its schema does not allow."""
    from nbformat.validator import isvalid

    try:
        value: dict[str, Any] = json.loads(text)
        valid = value["nbformat"] == 4 and isvalid(value, version=4, version_minor=value["nbformat_minor"])  # type: ignore[no-untyped-call]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):  # nbformat expects cells and objects
        return None
    return value if valid else None


def _stem(name: str) -> str:
    return next(name.removesuffix(end) for end in (VERIFICATION, RECORD, PAGE) if name.endswith(end))


def _read(directory: Path, stem: str, problems: list[Finding]) -> RecordedRelease:
    page, path, verified = (directory / f"{stem}{end}" for end in (PAGE, RECORD, VERIFICATION))
    if page.is_file():
        _refuse_unreal_page(page)
    if not path.is_file():
        _warn(path, "is missing, so that what lies beside it is no record", _restore(path))
    record = _load(path)
    try:
        version = Version.parse(stem)
    except VersionError:
        _warn(path, "is named after no version", f"git rm {RECORDS}{path.name}")
    _validate(path, stem, record, _RECORD_FIELDS)
    if record["outcome"] != "released":
        _refuse(path, f"is of a run that ended as `{record['outcome']}`, and no release")
    # After a first attempt HEAD may have moved on; what was released is what the tag peels to.
    commit = record["remote_refs"].get(f"refs/tags/{record['tag']}^{{}}") or record.get("commit")
    stages: dict[str, float] = {}
    for stage in record["stages"]:
        stages[stage["name"]] = stages.get(stage["name"], 0.0) + stage["seconds"]
    release = RecordedRelease(
        version=version,
        tag=record["tag"],
        commit=_matching(_COMMIT, commit),
        repository=_matching(_REPOSITORY, record.get("repository")),
        ended=record["ended"],
        seconds=float(record["seconds"]),
        stages=stages,
        has_page=page.is_file(),
        verification=None,
    )
    if not release.has_page:
        saw = "is missing: nobody can read how the release went"
        problems.append(Finding.warning(CHECK, f"{RECORDS}{page.name}", saw, _restore(page)))
    if not verified.is_file():
        return release
    try:
        return replace(release, verification=_read_verification(verified, stem, release.commit))
    except RefusedError as error:
        problems += error.findings
        return release


def _read_verification(path: Path, stem: str, commit: str | None) -> RecordedVerification:
    record = _load(path)
    _validate(path, stem, record, _VERIFICATION_FIELDS)
    if commit and record.get("commit") not in (None, commit):
        _warn(path, "is about another commit than the release", f"just verify {stem}")
    artifacts = (
        RecordedArtifact(artifact["name"], artifact["registry"], artifact["state"], tuple(artifact["digests"]))
        for artifact in record["artifacts"]
    )
    return RecordedVerification(record["outcome"], tuple(artifacts))


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes(), parse_constant=_reject_constant)
    except (OSError, ValueError, RecursionError) as error:
        _warn(path, f"is no JSON that can be read ({type(error).__name__})", _restore(path))
    if not isinstance(value, dict):
        _warn(path, "is JSON, and no record", f"git rm {RECORDS}{path.name}")
    _refuse_unreal(path, value)
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python reads and writes it, and other readers do not


def _validate(path: Path, stem: str, record: Mapping[str, Any], schema: Mapping[str, object]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(record))
    if error is not None:
        place = error.json_path.removeprefix("$").removeprefix(".") or "it"
        _warn(path, f"`{place}` is not valid: {error.message[:200]}", _restore(path))
    if record["version"] != stem:
        _warn(path, f"`version` has to be `{stem}` here", _restore(path))


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _refuse_unreal(path: Path, record: Mapping[str, Any]) -> None:
    if record.get("world") not in (None, "real") or record.get("dry_run", False) is not False:
        _refuse(path, "is of a rehearsal or a dry run, and no release")


def _refuse_unreal_page(path: Path) -> None:
    notebook = parse_notebook(path.read_bytes())
    if notebook is None:
        _warn(path, "is no notebook that can be read", _restore(path))
    run = notebook["metadata"].get("papermill")
    given = run.get("parameters") if isinstance(run, dict) else None
    if isinstance(given, dict):  # else only its record tells; a run is dry unless its parameters say otherwise
        _refuse_unreal(path, {"world": given.get("world"), "dry_run": given.get("dry_run", True)})


def _refuse(path: Path, saw: str) -> NoReturn:
    remedy = f"move `{_stem(path.name)}.*` from `{RECORDS}` to `runs/`"
    raise RefusedError(_REFUSED, [Finding.failed(CHECK, f"{RECORDS}{path.name}", saw, remedy)])


def _warn(path: Path, saw: str, remedy: str) -> NoReturn:
    raise RefusedError(_REFUSED, [Finding.warning(CHECK, f"{RECORDS}{path.name}", saw, remedy)]) from None


def _restore(path: Path) -> str:
    return f"git checkout HEAD -- {RECORDS}{path.name}"
