"""Files under `docs/releases/`: the records of real releases, validated when they are read.

Files can also be added by hand, from another branch, an older version or another kind of run. A file that is not the
record of a real release is a finding, never an exception: *failed* for a rehearsal or a dry run, which must not look
like a release, and a *warning* for a file that cannot be read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from binoc_runbook.checks.tree import RECORDS
from binoc_runbook.dist.smoke_test import CHECK as SMOKE_TEST
from binoc_runbook.finding import SEVERITY, Finding, Findings, RefusedError, Status
from binoc_runbook.release.record import DIGEST, digest_of
from binoc_runbook.release.record import SCHEMA as RECORD_SCHEMA
from binoc_runbook.release.verification import SCHEMA as VERIFICATION_SCHEMA
from binoc_runbook.version import Version, VersionError

#: Suffixes of the file names: the executed notebook, its record as JSON, and the verification.
PAGE, RECORD, VERIFICATION = ".ipynb", ".json", ".verified.json"

CHECK = "records"

_REFUSED = "not the record of a release"

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")

_TEXT = {"type": "string", "minLength": 1}
#: At most a century, so that the duration can be displayed.
_SECONDS = {"type": "number", "minimum": 0, "maximum": 100 * 365 * 24 * 3600}
_DIGESTS = {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}


_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


def _object(optional: Mapping[str, object] | None = None, /, **required: object) -> dict[str, object]:
    return {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}


def _nullable(schema: Mapping[str, object]) -> dict[str, object]:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(**required: object) -> dict[str, object]:
    return {"type": "array", "items": _object(**required)}


_TEXT_OR_NULL = {"type": ["string", "null"]}
_FINDING = {
    **_object(
        check=_TEXT,
        status={"enum": list(SEVERITY)},
        **{key: {"type": "string"} for key in ("looked_at", "saw", "remedy")},
    ),
    "additionalProperties": False,
}
_FINDINGS = {"type": "array", "items": _FINDING}

# Only the fields that the site reads: the full schemas in `docs/reference/schemas/` are not installed. Records of
# earlier versions do not have the optional ones.
_RECORD_FIELDS = _object(
    {
        "artifacts": _list(name=_TEXT, registry=_TEXT),
        "branch": _TEXT_OR_NULL,
        "tests": _nullable(_object(passed=_TIME, seconds=_SECONDS, stored={"type": "boolean"})),
        "workflow_run": _nullable(
            _object(
                id={"type": "integer"},
                status=_TEXT,
                conclusion=_TEXT_OR_NULL,
                url={"type": "string", "pattern": "^https?://"},
            )
        ),
        "jobs": _list(
            name=_TEXT,
            state={"enum": ["success", "failure", "skipped", "elsewhere"]},
            seconds=_SECONDS,
            finding=_nullable(_FINDING),
        ),
    },
    schema={"const": RECORD_SCHEMA},
    version=_TEXT,
    world={"const": "real"},
    dry_run={"const": False},
    outcome=_TEXT,
    tag=_TEXT,
    remote_refs={"type": "object"},
    ended=_TIME,
    seconds=_SECONDS,
    stages={"type": "array", "items": _object({"findings": _FINDINGS}, name=_TEXT, seconds=_SECONDS)},
)
_ARTIFACT = _object(
    {
        "files": {"type": "object", "additionalProperties": {"type": "string"}},
        "provenance": {"enum": [*SEVERITY, None]},
    },
    name=_TEXT,
    registry=_TEXT,
    state=_TEXT,
    digests=_DIGESTS,
)
_VERIFICATION_FIELDS = _object(
    {"ended": _TIME, "findings": _FINDINGS},
    schema={"const": VERIFICATION_SCHEMA},
    version=_TEXT,
    world={"const": "real"},
    outcome=_TEXT,
    artifacts={"type": "array", "items": _ARTIFACT},
)


@dataclass(frozen=True, slots=True)
class RecordedArtifact:
    """Artifact of a release: its state, and the SHA-256 digests of its files in hexadecimal.

    `files` are the names of the files by digest, as far as they are known. `provenance` is the status of the checks of
    its sources, `None` if they did not run. Without a verification, the state is `not verified yet`.
    """

    name: str
    registry: str
    state: str = "not verified yet"
    digests: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    provenance: Status | None = None


@dataclass(frozen=True, slots=True)
class RecordedVerification:
    """Verification: `published`, `refused` or `unfinished`, and the artifacts in the order of the policy.

    `ended` is a time in UTC (ISO 8601), empty if the file has none. `findings` are the results of its checks.
    """

    outcome: str
    artifacts: tuple[RecordedArtifact, ...]
    ended: str = ""
    findings: Findings = Findings()  # noqa: RUF009 - immutable

    @property
    def installed(self) -> bool:
        """Return whether the artifacts were installed and used as users do, and all of that worked."""
        findings = [finding for finding in self.findings if finding.check == SMOKE_TEST]
        return bool(findings) and Findings(findings).status == "ok"


@dataclass(frozen=True, slots=True)
class RecordedRelease:
    """Release as described by its files: one row on the page of the releases.

    `commit` is the full id of the released commit and `repository` is `owner/name` at GitHub; either can be `None`.
    `ended` is a time in UTC (ISO 8601), `seconds` is the duration of the run, and `stages` has the seconds of each
    stage in the order of the run. `has_page` is whether the executed notebook exists. `record` is the valid JSON.
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
    record: Mapping[str, Any]

    @property
    def artifacts(self) -> tuple[RecordedArtifact, ...]:
        """The artifacts as verified; otherwise those that the release declares, if its record has them."""
        if self.verification is not None and self.verification.artifacts:
            return self.verification.artifacts
        return tuple(RecordedArtifact(item["name"], item["registry"]) for item in self.record.get("artifacts", ()))

    @property
    def date(self) -> str:
        """The day on which the run ended, in UTC."""
        return self.ended.partition("T")[0]


def read_releases(directory: Path) -> tuple[tuple[RecordedRelease, ...], Findings]:
    """Read the records in a directory; return the releases, newest version first, and problems of the files."""
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
    """Read the record of an executed notebook; return `None` if it is missing or not valid."""
    try:
        return _read(page.parent, _stem(page.name), [])
    except RefusedError:
        return None


def parse_notebook(text: str | bytes) -> dict[str, Any] | None:
    """Parse a notebook in nbformat 4, which papermill writes; return `None` if it is not valid."""
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
        _warn(path, "is missing, but other files of this version exist", _restore(path))
    record = _load(path)
    try:
        version = Version.parse(stem)
    except VersionError:
        _warn(path, "has a name that is not a version", _move(path.name))
    _validate(path, stem, record, _RECORD_FIELDS)
    if record.get(DIGEST, actual := digest_of(record)) != actual:  # records of earlier versions have no digest
        _warn(path, f"was changed after the release: `{DIGEST}` is not {actual}", _restore(path))
    if record["outcome"] != "released":
        _refuse(path, f"is the record of a run that ended as `{record['outcome']}`, not of a release")
    # HEAD may have moved after a first attempt; the released commit is the one that the tag points to.
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
        record=record,
    )
    if not release.has_page:
        saw = "is missing; the site cannot show the output of this release"
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
        _warn(path, "has another commit than the release", f"just verify {stem}")
    artifacts = (
        RecordedArtifact(
            artifact["name"],
            artifact["registry"],
            artifact["state"],
            tuple(artifact["digests"]),
            {digest: name for name, digest in artifact.get("files", {}).items()},
            artifact.get("provenance"),
        )
        for artifact in record["artifacts"]
    )
    findings = Findings.from_json(record.get("findings", ()))
    return RecordedVerification(record["outcome"], tuple(artifacts), record.get("ended", ""), findings)


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes(), parse_constant=_reject_constant)
    except (OSError, ValueError, RecursionError) as error:
        _warn(path, f"is not valid JSON ({type(error).__name__})", _restore(path))
    if not isinstance(value, dict):
        _warn(path, "is not a JSON object", _move(path.name))
    _refuse_unreal(path, value)
    return value


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python accepts it, other parsers do not


def _validate(path: Path, stem: str, record: Mapping[str, Any], schema: Mapping[str, object]) -> None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft202012Validator(schema).iter_errors(record))
    if error is not None:
        field = error.json_path.removeprefix("$").removeprefix(".")
        _warn(path, f"{f'`{field}` ' if field else ''}is not valid: {error.message[:200]}", _restore(path))
    if record["version"] != stem:
        _warn(path, f"`version` is `{record['version']}`, not `{stem}`", _restore(path))


def _matching(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _refuse_unreal(path: Path, record: Mapping[str, Any]) -> None:
    if record.get("world") not in (None, "real") or record.get("dry_run", False) is not False:
        _refuse(path, "is the record of a rehearsal or a dry run, not of a release")


def _refuse_unreal_page(path: Path) -> None:
    notebook = parse_notebook(path.read_bytes())
    if notebook is None:
        _warn(path, "is not a valid notebook", _restore(path))
    run = notebook["metadata"].get("papermill")
    values = run.get("parameters") if isinstance(run, dict) else None
    if isinstance(values, dict):  # without parameters, the record decides; the default of `dry_run` is true
        _refuse_unreal(path, {"world": values.get("world"), "dry_run": values.get("dry_run", True)})


def _refuse(path: Path, saw: str) -> NoReturn:
    finding = Finding.failed(CHECK, f"{RECORDS}{path.name}", saw, _move(f"{_stem(path.name)}.*"))
    raise RefusedError(_REFUSED, [finding])


def _warn(path: Path, saw: str, remedy: str) -> NoReturn:
    raise RefusedError(_REFUSED, [Finding.warning(CHECK, f"{RECORDS}{path.name}", saw, remedy)]) from None


def _move(names: str) -> str:
    # Unlike `git rm`, this also works for files that are not committed.
    return f"mkdir -p runs && mv {RECORDS}{names} runs/"


def _restore(path: Path) -> str:
    return f"git checkout HEAD -- {RECORDS}{path.name}"
