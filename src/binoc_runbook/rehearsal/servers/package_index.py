"""A package index that behaves like PyPI: simple index, upload, and trusted publishing.

From PyPI's sources (its `oidc` views and services, its legacy upload) and PEP 503 and 691. The comparisons and the
error texts are those of PyPI.
"""

from __future__ import annotations

import base64
import hashlib
import io
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
from binoc_runbook.rehearsal.servers.server import LARGEST, Request, Response, ResponseError, Server, TokenStore
from binoc_runbook.rehearsal.servers.trusted_publishers import Keys, Publisher, TokenError, verify_token, workflow_file

#: The validity of an upload token and of a pending publisher, in seconds.
LIFE = 900.0
PENDING_LIFE = 30 * 24 * 3600.0
#: The claims that are required before any is compared.
REQUIRED = ("repository", "repository_owner", "repository_owner_id", "job_workflow_ref", "jti", "event_name")

_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a project, as it was uploaded."""

    name: str
    version: str
    kind: str
    requires_python: str
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """Return the digest that is in the index and that clients check."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class RegisteredProject:
    """A project of the index, with its publishers and its files by name."""

    name: str
    publishers: list[Publisher] = field(default_factory=list)
    files: dict[str, UploadedFile] = field(default_factory=dict)


class PackageIndex(Server):
    """A package index on 127.0.0.1; `simple` is the URL for installers, `upload` the URL for publishers."""

    audience = "pypi"

    def __init__(self, keys: Keys, authority: Authority) -> None:
        super().__init__(authority)
        self.simple, self.upload = f"{self.url}/simple/", f"{self.url}/legacy/"
        self.projects: dict[str, RegisteredProject] = {}
        #: The pending publishers of projects that do not exist yet, with the project name and the expiry time.
        self.pending: dict[Publisher, tuple[str, float]] = {}
        self._keys = keys
        #: The normalised names of the projects that an upload token is valid for.
        self._tokens = TokenStore[frozenset[str]]()
        self._used: set[str] = set()

    def add_project(self, name: str, *publishers: Publisher) -> RegisteredProject:
        """Add an existing project with its publishers."""
        project = RegisteredProject(name, list(publishers))
        self.projects[canonicalize_name(name)] = project
        return project

    def add_pending(self, name: str, publisher: Publisher) -> None:
        """Add a publisher for the first release of a new project; it is valid for 30 days.

        Raises:
            ValueError: The same publisher is pending for another project, which PyPI does not allow.
        """
        known = self._valid_pending().get(publisher, name)
        if canonicalize_name(known) != canonicalize_name(name):
            raise ValueError(
                "A pending trusted publisher matching this configuration has already been registered"
                " for a different project name."
            )
        self.pending[publisher] = name, self.now() + PENDING_LIFE

    def project(self, name: str) -> RegisteredProject | None:
        """Return the project of this name, or None."""
        return self.projects.get(canonicalize_name(name))

    def files(self, name: str) -> dict[str, UploadedFile]:
        """Return the files of a project by name; an unknown project has none."""
        project = self.project(name)
        return dict(project.files) if project else {}

    def respond(self, request: Request) -> Response:
        """Return the response to one request, by method and path."""
        match request.method, request.path.strip("/").split("/"):
            case "GET" | "HEAD", ["simple", name]:
                return self._project_page(name)
            case "GET" | "HEAD", ["files", name, file]:
                return self._download(name, file)
            case "GET", ["_", "oidc", "audience"]:
                return Response.json(200, {"audience": self.audience})
            case "POST", ["_", "oidc", "mint-token"] | ["_", "oidc", "github", "mint-token"]:
                return self._mint_token(request)
            case "POST", ["_", "oidc", "burn-token"]:
                self._tokens.revoke(str(request.json().get("token")))
                return Response.json(200, {"success": True})
            case "POST", ["legacy"]:
                return self._upload(request)
        return Response.text(404, "404 Not Found")

    # The simple index

    def _project_page(self, name: str) -> Response:
        project = self.project(name)
        if project is None:
            return Response.text(404, "404 Not Found")
        files = [
            {
                "filename": file.name,
                "url": f"{self.url}/files/{canonicalize_name(name)}/{quote(file.name)}",
                "hashes": {"sha256": file.sha256},
                "size": len(file.content),
                "requires-python": file.requires_python or None,
            }
            for file in project.files.values()
        ]
        versions = sorted({file.version for file in project.files.values()}, key=Version)
        document = {"meta": {"api-version": "1.1"}, "name": canonicalize_name(name), "versions": versions}
        return Response.json(200, {**document, "files": files}, _JSON)

    def _download(self, name: str, file_name: str) -> Response:
        file = self.files(name).get(file_name)
        return Response(200, file.content, "application/octet-stream") if file else Response.text(404, "404 Not Found")

    # Trusted publishing

    def _mint_token(self, request: Request) -> Response:
        try:
            claims = verify_token(request.json().get("token"), self._keys, audience=self.audience, now=self.now())
        except TokenError as error:
            raise _mint_error(*error.args) from None
        projects = self._match(claims)
        if claims["jti"] in self._used:
            raise _mint_error("invalid token: already used", "invalid-reuse-token")
        self._used.add(str(claims["jti"]))
        token, expires = f"pypi-{secrets.token_urlsafe(48)}", self.expiry(LIFE)
        self._tokens.add(token, frozenset(projects), expires)
        return Response.json(200, {"success": True, "token": token, "expires": int(expires)})

    def _match(self, claims: dict[str, Any]) -> list[str]:
        """Return the projects that the job may publish; a pending publisher creates its project."""
        for name in REQUIRED:
            if name not in claims:
                raise _no_publisher(f"Missing claim '{name}'")
        pending = self._valid_pending()
        publisher = _choose(pending, claims)
        if publisher is not None:
            self._check(publisher, claims)
            del self.pending[publisher]
            if self.project(pending[publisher]):
                raise _mint_error("valid token, but project already exists", "invalid-pending-publisher")
            self.add_project(pending[publisher], publisher)
        publishers = [publisher for project in self.projects.values() for publisher in project.publishers]
        publisher = _choose(publishers, claims)
        if publisher is None:
            raise _no_publisher("Publisher with matching claims was not found")
        self._check(publisher, claims)
        return [name for name, project in self.projects.items() if publisher in project.publishers]

    def _check(self, publisher: Publisher, claims: dict[str, Any]) -> None:
        """Check the claims that are compared after the selection of a publisher."""
        if claims["event_name"] == "pull_request_target":
            raise _no_publisher("Publishing from a workflow invoked via 'pull_request_target' is not supported.")
        path = f"{publisher.repository}/.github/workflows/{publisher.workflow}".casefold()
        expected = {f"{path}@{claims.get(name)}".casefold() for name in ("ref", "sha")}
        if str(claims["job_workflow_ref"]).casefold() not in expected:
            raise _no_publisher("Check failed for required claim 'job_workflow_ref'")

    def _valid_pending(self) -> dict[Publisher, str]:
        return {publisher: name for publisher, (name, expires) in self.pending.items() if self.now() < expires}

    # Upload

    def _upload(self, request: Request) -> Response:
        projects = self._allowed_projects(request)
        self._store(*_parse_upload(request), projects)
        self.fail_after_storing(_upload_error(500, "Internal Server Error"))
        return Response.text(200, "")

    def _allowed_projects(self, request: Request) -> frozenset[str]:
        scheme, encoded = request.credentials()
        user, _, token = base64.b64decode(encoded).decode(errors="replace").partition(":")
        projects = self._tokens.get(token, self.now()) if (scheme, user) == ("basic", "__token__") else None
        if projects is None:
            raise _upload_error(403, "Invalid or non-existent authentication information.")
        return projects

    def _store(self, name: str, file: UploadedFile, allowed: frozenset[str]) -> None:
        project = self.projects.get(name)
        if project is None:
            raise _upload_error(400, "Non-user identities cannot create new projects.")
        _refuse(name not in allowed, f"The given token isn't allowed to upload to project '{project.name}'.", 403)
        known = project.files.get(file.name)
        if known is not None:
            _refuse(known.content != file.content, f"File already exists ('{file.name}').")
            return
        sdists = {known.version for known in project.files.values() if known.kind == "sdist"}
        _refuse(file.kind == "sdist" and file.version in sdists, "Only one sdist may be uploaded per release.")
        project.files[file.name] = file


def _choose(publishers: Iterable[Publisher], claims: dict[str, Any]) -> Publisher | None:
    """Return the publisher with the environment of the job, else the one without an environment; PyPI's order."""
    environment = str(claims.get("environment", "")).casefold()
    matching = [
        publisher
        for publisher in publishers
        if publisher.repository.casefold() == str(claims["repository"]).casefold()
        and publisher.repository.partition("/")[0].casefold() == str(claims["repository_owner"]).casefold()
        and str(publisher.owner_id) == claims["repository_owner_id"]
        and publisher.workflow == workflow_file(claims["job_workflow_ref"])
    ]
    for expected in (environment, ""):
        for publisher in matching:
            if (publisher.environment or "").casefold() == expected:
                return publisher
    return None


def _parse_upload(request: Request) -> tuple[str, UploadedFile]:
    """Return the normalised project and the file, after checking its name, version and digest against the form."""
    # Imported here because only an upload needs it.
    from multipart import parse_form_data

    body = {"CONTENT_TYPE": request.header("Content-Type"), "wsgi.input": io.BytesIO(request.body)}
    try:
        form, files = parse_form_data(body, strict=True, spool_limit=LARGEST, memory_limit=LARGEST)
    except ValueError as error:
        raise _upload_error(400, f"Invalid upload: {error}") from None
    _refuse(form.get(":action") != "file_upload" or "content" not in files, "Upload payload does not have a file.")
    name, content, kind = files["content"].filename, files["content"].raw, form.get("filetype")
    try:
        if kind == "bdist_wheel":
            project, version = parse_wheel_filename(name)[:2]
        else:
            project, version = parse_sdist_filename(name)
        declared = Version(form.get("version", ""))
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion) as error:
        raise _upload_error(400, f"Invalid filename or version: {error}") from None
    stem, digest = project.replace("-", "_"), hashlib.sha256(content).hexdigest()
    is_other = kind not in ("bdist_wheel", "sdist") or project != canonicalize_name(form.get("name", ""))
    _refuse(is_other, f"Start filename for '{form.get('name')}' with '{stem}'.")
    _refuse(not name.startswith(f"{stem}-"), f"Filename '{name}' is not normalized: it must begin with '{stem}-'.")
    _refuse(version != declared, f"Version in filename should be '{declared}' not '{version}'.")
    _refuse(version.local is not None, f"The use of local versions in '{version}' is not allowed.")
    is_wrong = form.get("sha256_digest") not in (None, "", digest)
    _refuse(is_wrong, "The digest supplied does not match a digest calculated from the uploaded file.")
    return project, UploadedFile(name, str(version), kind, form.get("requires_python", ""), content)


def _upload_error(status: int, text: str) -> ResponseError:
    return ResponseError(Response.text(status, f"{status} {text}"))


def _refuse(refused: bool, text: str, status: int = 400) -> None:
    if refused:
        raise _upload_error(status, text)


def _mint_error(text: str, code: str) -> ResponseError:
    errors = [{"code": code, "description": text}]
    return ResponseError(Response.json(422, {"message": "Token request failed", "errors": errors}))


def _no_publisher(reason: str) -> ResponseError:
    return _mint_error(f"valid token, but no corresponding publisher ({reason})", "invalid-publisher")
