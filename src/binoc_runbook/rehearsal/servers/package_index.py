"""A package index with PyPI's manners: simple index, upload, and trusted publishing.

From PyPI's own sources (its `oidc` views and services, its legacy upload) and PEP 503 and 691. What is
matched and what is not, and the texts, are those of PyPI.
"""

from __future__ import annotations

import base64
import hashlib
import html
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.multipart import Form, parse
from binoc_runbook.rehearsal.servers.server import Answer, Request, Server, digest
from binoc_runbook.rehearsal.servers.trusted_publishers import (
    Keys,
    Malformed,
    Publisher,
    Unbelievable,
    believed,
    file_name,
)

#: How long an upload token is valid, and a pending publisher, in seconds.
LIFE = 900.0
PENDING_LIFE = 30 * 24 * 3600.0
#: What the claims must hold before any is compared.
REQUIRED = ("repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "jti", "event_name")

_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True)
class File:
    """One file of a project, as it was uploaded."""

    name: str
    version: str
    kind: str
    requires_python: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The digest that the index tells and the clients check."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Project:
    """A project, its files by name, and who may publish it."""

    name: str
    publishers: list[Publisher] = field(default_factory=list)
    files: dict[str, File] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pending:
    """A publisher for a project that is not there yet; it does not reserve the name."""

    name: str
    publisher: Publisher
    since: float


@dataclass(frozen=True, slots=True)
class _Grant:
    projects: frozenset[str]
    expires: float


class _Refused(Exception):  # noqa: N818 - an answer, not a mistake
    def __init__(self, status: int, text: str, code: str = "") -> None:
        super().__init__(text)
        self.status, self.text, self.code = status, text, code


class PackageIndex(Server):
    """An index on loopback: `simple` is what installers are given, `upload` what publishers are."""

    audience = "pypi"

    def __init__(self, keys: Keys, authority: Authority) -> None:
        super().__init__(authority)
        self.projects: dict[str, Project] = {}
        self.pending: list[Pending] = []
        self._keys = keys
        # By digest, so that nothing that shows this object shows a token.
        self._grants: dict[str, _Grant] = {}
        self._used: set[str] = set()

    @property
    def simple(self) -> str:
        """The URL for `--index-url`."""
        return f"{self.url}/simple/"

    @property
    def upload(self) -> str:
        """The URL for `--publish-url`."""
        return f"{self.url}/legacy/"

    def add_project(self, name: str, *publishers: Publisher) -> Project:
        """A project that exists already, with its publishers."""
        project = Project(name, list(publishers))
        self.projects[canonicalize_name(name)] = project
        return project

    def add_pending(self, name: str, publisher: Publisher) -> None:
        """A publisher for the first release of a new project; it is good for 30 days.

        Raises:
            ValueError: The same publisher is pending for another project, which PyPI does not allow.
        """
        if any(
            each.publisher == publisher and canonicalize_name(each.name) != canonicalize_name(name)
            for each in self._still_pending()
        ):
            raise ValueError(
                "A pending trusted publisher matching this configuration has already been registered"
                " for a different project name."
            )
        self.pending.append(Pending(name, publisher, self.now()))

    def project(self, name: str) -> Project | None:
        """The project of that name, if there is one."""
        return self.projects.get(canonicalize_name(name))

    def files(self, name: str) -> dict[str, File]:
        """The files of a project by name; none when there is no such project."""
        project = self.project(name)
        return dict(project.files) if project else {}

    def answer(self, request: Request) -> Answer:
        """One request, by method and path."""
        match request.method, request.path.strip("/").split("/"):
            case "GET" | "HEAD", ["simple"]:
                return self._list(request)
            case "GET" | "HEAD", ["simple", name]:
                return self._show(request, name)
            case "GET" | "HEAD", ["files", name, file]:
                return self._download(name, file)
            case "GET", ["_", "oidc", "audience"]:
                return Answer.json(200, {"audience": self.audience})
            case "POST", ["_", "oidc", "mint-token"] | ["_", "oidc", "github", "mint-token"]:
                return self._mint(request)
            case "POST", ["_", "oidc", "burn-token"]:
                return self._burn(request)
            case "POST", ["legacy"]:
                return self._upload(request)
        return Answer.text(404, "404 Not Found")

    # The simple index

    def _list(self, request: Request) -> Answer:
        names = sorted(project.name for project in self.projects.values())
        links = [(f"/simple/{canonicalize_name(name)}/", name, "") for name in names]
        projects = [{"name": name} for name in names]
        return _page(request, "Simple index", links, {"projects": projects})

    def _show(self, request: Request, name: str) -> Answer:
        project = self.projects.get(canonicalize_name(name))
        if project is None:
            return Answer.text(404, "404 Not Found")
        links, files = [], []
        for file in sorted(project.files.values(), key=lambda each: each.name):
            url = f"{self.url}/files/{canonicalize_name(name)}/{quote(file.name)}"
            python = f' data-requires-python="{html.escape(file.requires_python)}"' if file.requires_python else ""
            links.append((f"{url}#sha256={file.sha256}", file.name, python))
            entry = {"filename": file.name, "url": url, "hashes": {"sha256": file.sha256}, "size": len(file.content)}
            files.append(entry | ({"requires-python": file.requires_python} if file.requires_python else {}))
        versions = sorted({file.version for file in project.files.values()}, key=Version)
        return _page(
            request, project.name, links, {"name": canonicalize_name(name), "versions": versions, "files": files}
        )

    def _download(self, name: str, file_name: str) -> Answer:
        file = self.files(name).get(file_name)
        return Answer(200, file.content, "application/octet-stream") if file else Answer.text(404, "404 Not Found")

    # Trusted publishing

    def _mint(self, request: Request) -> Answer:
        try:
            claims = self._claims(request)
            projects = self._match(claims)
            if claims["jti"] in self._used:
                raise _Refused(422, "invalid token: already used", "invalid-reuse-token")
            self._used.add(str(claims["jti"]))
        except _Refused as refused:
            errors = [{"code": refused.code, "description": refused.text}]
            return Answer.json(refused.status, {"message": "Token request failed", "errors": errors})
        token = f"pypi-{secrets.token_urlsafe(48)}"
        life = LIFE if self.faults.token_life is None else self.faults.token_life
        expires = self.now() + life
        self._grants[digest(token)] = _Grant(frozenset(projects), expires)
        return Answer.json(200, {"success": True, "token": token, "expires": int(expires)})

    def _claims(self, request: Request) -> dict[str, Any]:
        try:
            token = request.json()["token"]
        except (ValueError, KeyError):
            raise _Refused(422, "invalid JSON payload", "invalid-payload") from None
        try:
            return believed(token, self._keys, audience=self.audience, now=self.now())
        except Malformed as error:
            raise _Refused(422, str(error), "invalid-payload") from None
        except Unbelievable:
            raise _Refused(422, "malformed or invalid token", "invalid-token") from None

    def _match(self, claims: dict[str, Any]) -> list[str]:
        """The projects that the run may publish; a pending publisher makes its project."""
        for name in REQUIRED:
            if name not in claims:
                raise _no_publisher(f"Missing claim '{name}'")
        pending = {each.publisher: each for each in self._still_pending()}
        chosen = _choose(pending, claims)
        if chosen is not None:
            self._check(chosen, claims)
            name = pending[chosen].name
            self.pending.remove(pending[chosen])
            if canonicalize_name(name) in self.projects:
                raise _Refused(422, "valid token, but project already exists", "invalid-pending-publisher")
            self.add_project(name, chosen)
        chosen = _choose((each for project in self.projects.values() for each in project.publishers), claims)
        if chosen is None:
            raise _no_publisher("Publisher with matching claims was not found")
        self._check(chosen, claims)
        return [name for name, project in self.projects.items() if chosen in project.publishers]

    def _check(self, publisher: Publisher, claims: dict[str, Any]) -> None:
        """What is compared after a publisher was found by its names."""
        if claims["event_name"] == "pull_request_target":
            raise _no_publisher("Publishing from a workflow invoked via 'pull_request_target' is not supported.")
        path = f"{publisher.repository}/.github/workflows/{publisher.workflow}".casefold()
        expected = {f"{path}@{claims.get(name)}".casefold() for name in ("ref", "sha")}
        if str(claims["job_workflow_ref"]).casefold() not in expected:
            raise _no_publisher("Check failed for required claim 'job_workflow_ref'")

    def _still_pending(self) -> list[Pending]:
        return [each for each in self.pending if self.now() < each.since + PENDING_LIFE]

    def _burn(self, request: Request) -> Answer:
        try:
            self._grants.pop(digest(str(request.json().get("token"))), None)
        except ValueError:
            return Answer.json(422, {"message": "Token request failed"})
        return Answer.json(200, {"success": True})

    # Upload

    def _upload(self, request: Request) -> Answer:
        try:
            grant = self._grant(request)
            try:
                form = parse(request.header("Content-Type"), request.body)
            except ValueError as error:
                raise _Refused(400, f"Invalid upload: {error}") from None
            self._store(grant, form)
        except _Refused as refused:
            return Answer.text(refused.status, f"{refused.status} {refused.text}")
        if self.faults.errors_after_storing > 0:
            self.faults.errors_after_storing -= 1
            return Answer.text(500, "500 Internal Server Error")
        return Answer.text(200, "")

    def _grant(self, request: Request) -> _Grant:
        scheme, _, encoded = request.header("Authorization").partition(" ")
        try:
            user, _, token = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            user = token = ""
        grant = self._grants.get(digest(token)) if (scheme.lower(), user) == ("basic", "__token__") else None
        if grant is None or grant.expires <= self.now():
            raise _Refused(403, "Invalid or non-existent authentication information.")
        return grant

    def _store(self, grant: _Grant, form: Form) -> None:
        file = _file(form)
        name = canonicalize_name(form.first("name"))
        project = self.projects.get(name)
        if project is None:
            raise _Refused(400, "Non-user identities cannot create new projects.")
        if name not in grant.projects:
            raise _Refused(403, f"The given token isn't allowed to upload to project '{project.name}'.")
        known = project.files.get(file.name)
        if known is not None:
            if known.content != file.content:
                raise _Refused(400, f"File already exists ('{file.name}').")
            return
        others = [each for each in project.files.values() if each.version == file.version]
        if file.kind == "sdist" and any(each.kind == "sdist" for each in others):
            raise _Refused(400, "Only one sdist may be uploaded per release.")
        project.files[file.name] = file


def _choose(publishers: Iterable[Publisher], claims: dict[str, Any]) -> Publisher | None:
    """The publisher with the environment of the run, else the one without any: PyPI looks in that order."""
    environment = str(claims.get("environment", "")).casefold()
    found = [
        each
        for each in publishers
        if each.repository.casefold() == str(claims["repository"]).casefold()
        and each.repository.partition("/")[0].casefold() == str(claims["repository_owner"]).casefold()
        and str(each.owner_id) == claims["repository_owner_id"]
        and each.workflow == file_name(claims["job_workflow_ref"])
    ]
    exact = [each for each in found if each.environment and each.environment.casefold() == environment]
    return next(iter(exact or [each for each in found if not each.environment]), None)


def _file(form: Form) -> File:
    """The file of an upload whose name, version and digest agree with what the form says."""
    if form.first(":action") != "file_upload" or "content" not in form.files:
        raise _Refused(400, "Upload payload does not have a file.")
    name, content = form.files["content"]
    kind = form.first("filetype")
    try:
        if kind == "bdist_wheel":
            project, version = parse_wheel_filename(name)[:2]
        else:
            project, version = parse_sdist_filename(name)
        told = Version(form.first("version"))
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise _Refused(400, f"Invalid filename or version: {error}") from None
    stem = project.replace("-", "_")
    if kind not in ("bdist_wheel", "sdist") or project != canonicalize_name(form.first("name")):
        raise _Refused(400, f"Start filename for '{form.first('name')}' with '{stem}'.")
    if not name.startswith(f"{stem}-"):
        raise _Refused(400, f"Filename '{name}' is not normalized: it must begin with '{stem}-'.")
    if version != told:
        raise _Refused(400, f"Version in filename should be '{told}' not '{version}'.")
    if version.local:
        raise _Refused(400, f"The use of local versions in '{version}' is not allowed.")
    told_digest = form.first("sha256_digest")
    if told_digest and told_digest != hashlib.sha256(content).hexdigest():
        raise _Refused(400, "The digest supplied does not match a digest calculated from the uploaded file.")
    return File(name, str(version), kind, form.first("requires_python"), content)


def _no_publisher(reason: str) -> _Refused:
    return _Refused(422, f"valid token, but no corresponding publisher ({reason})", "invalid-publisher")


def _page(request: Request, title: str, links: list[tuple[str, str, str]], document: dict[str, Any]) -> Answer:
    """A page of the simple index: PEP 691's JSON for who asks for it, else the HTML of PEP 503."""
    if _JSON in request.header("Accept"):
        return Answer.json(200, {"meta": {"api-version": "1.1"}, **document}, _JSON)
    anchors = "".join(
        f'<a href="{html.escape(url)}"{attributes}>{html.escape(text)}</a><br>\n' for url, text, attributes in links
    )
    page = f"<!DOCTYPE html>\n<html><head><title>{html.escape(title)}</title></head><body>\n{anchors}</body></html>\n"
    return Answer(200, page.encode(), "text/html; charset=utf-8")
