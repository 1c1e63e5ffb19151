"""GitHub's REST API: the part that a release and the check of its settings use.

From GitHub's documentation of its REST API (pages "Releases", "Release assets", "Git references", "Git tags", "Workflow
runs", "Workflow jobs", "Artifacts", "Attestations", and those that `repository_api` lists) and from its error texts.
Drafts are only in the list of all releases. Published releases are immutable if the settings require it. A token can do
only what its permissions allow.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from binoc_runbook.checks.attestation import statement_of
from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.repository_api import RepositorySettings
from binoc_runbook.rehearsal.servers.served_run import ServedArtifact, ServedRun
from binoc_runbook.rehearsal.servers.server import Request, Response, ResponseError, Server, TokenStore
from binoc_runbook.world.git import Git

#: The permission that is needed to read a path below the repository's; the first pattern that matches counts.
_READING = (
    (r"releases|git/", "contents"),
    (r"environments/[^/]+/secrets", "environments"),
    (r"environments/|actions/(runs|workflows|artifacts)/", "actions"),
    (r"actions/(secrets|organization-secrets)", "secrets"),
    (r"actions/permissions|immutable-releases", "administration"),
    (r"", "metadata"),  # also attestations, because they are public
)
#: The permission that is needed to write to a path below the repository's.
_WRITING = ((r"attestations", "attestations"), (r"", "contents"))

#: The path of the contents of assets, which GitHub stores on another server.
_STORAGE = "/storage/"
#: The same for the ZIP files of workflow artifacts.
_ARCHIVES = "/storage/archives/"


@dataclass(slots=True)
class ReleaseAsset:
    """A file of a release; `state` is `starter` if its upload was not completed."""

    number: int
    name: str
    content: bytes = field(repr=False)
    state: str = "uploaded"

    def to_json(self) -> dict[str, Any]:
        """Return the asset as the API shows it."""
        sha256 = f"sha256:{hashlib.sha256(self.content).hexdigest()}"
        asset = {"id": self.number, "name": self.name, "state": self.state, "size": len(self.content)}
        return asset | {"digest": sha256 if self.state == "uploaded" else None}


@dataclass(slots=True)
class GitHubRelease:
    """A release, published or draft."""

    number: int
    tag: str
    name: str
    body: str
    draft: bool
    prerelease: bool
    immutable: bool = False
    assets: list[ReleaseAsset] = field(default_factory=list)

    def to_json(self, repository_url: str) -> dict[str, Any]:
        """Return the release as the API shows it; `repository_url` is the URL that assets are uploaded below."""
        return {
            "id": self.number,
            "tag_name": self.tag,
            "name": self.name,
            "body": self.body,
            "draft": self.draft,
            "prerelease": self.prerelease,
            "immutable": self.immutable,
            "upload_url": f"{repository_url}/releases/{self.number}/assets{{?name,label}}",
            "assets": [asset.to_json() for asset in self.assets],
        }


class GitHubServer(Server):
    """A GitHub repository on 127.0.0.1, with its settings, releases and workflow runs.

    `bare` is the git repository that has its tags; without it there are none. Without `repository`, any name is
    accepted.
    """

    def __init__(
        self, bare: Path | None = None, repository: str | None = None, authority: Authority | None = None
    ) -> None:
        super().__init__(authority)
        self.bare, self.repository = bare, repository
        self.settings = RepositorySettings()
        self.releases: list[GitHubRelease] = []
        #: The runs of the workflow by number, the newest last; the runner adds them.
        self.runs: dict[int, ServedRun] = {}
        self.latest: str | None = None
        #: The bundles of attestations. GitHub verifies their signatures; those of a rehearsal have none.
        self.attestations: list[dict[str, Any]] = []
        #: The largest number of entries on a page of a list.
        self.page = 100
        #: The permissions of each token.
        self._tokens = TokenStore[Mapping[str, str]]()
        self._numbers = itertools.count(1)

    def token(self, permissions: Mapping[str, str]) -> str:
        """Return a token with these permissions, as in `permissions` of a workflow job; it is a secret."""
        token = f"ghs_{secrets.token_urlsafe(27)}"
        self._tokens.add(token, {"metadata": "read", **permissions})
        return token

    def respond(self, request: Request) -> Response:
        """Return the response to one request, by method and path."""
        if request.path.startswith(_ARCHIVES):
            return self._stored_archive(request)
        if request.path.startswith(_STORAGE):
            return self._stored_content(request)
        scheme, token = request.credentials()
        permissions = self._tokens.get(token, self.now()) if scheme in ("bearer", "token") else None
        if permissions is None:
            raise _error(401, "Bad credentials")
        path = re.fullmatch(r"(?:/uploads)?/repos/([^/]+/[^/]+)/?(.*)", request.path)
        if path is None or path[1].lower() != (self.repository or path[1]).lower():
            raise _error(404, "Not Found")
        below, reads = path[2], request.method == "GET"
        name = next(name for pattern, name in (_READING if reads else _WRITING) if re.match(pattern, below))
        if permissions.get(name) not in ("write", "read" if reads else "write"):
            raise _error(403, "Resource not accessible by integration")
        if reads:
            return self._show(request, below, permissions)
        match request.method, below.split("/"):
            case "POST", ["releases"]:
                return self._create(request.json())
            case "PATCH", ["releases", number]:
                return self._change(self._draft(number), request.json())
            case "POST", ["releases", number, "assets"]:
                return self._upload(self._draft(number), request)
            case "POST", ["attestations"]:
                return self._attest(request.json()["bundle"])
        raise _error(404, "Not Found")

    # Reading

    def _show(self, request: Request, below: str, permissions: Mapping[str, str]) -> Response:
        match below.split("/"):
            case [""]:
                admin = permissions.get("administration", "none") != "none"
                return Response.json(200, {"full_name": self.repository, "permissions": {"admin": admin}})
            case ["git", "ref", "tags", *name]:
                return self._ref(f"refs/tags/{'/'.join(name)}")
            case ["git", "tags", sha]:
                return self._tag(sha)
            case ["releases"]:
                editor = permissions.get("contents") == "write"
                shown = [release for release in reversed(self.releases) if editor or not release.draft]
                return self._page(request, [self._document(release) for release in shown])
            case ["releases", "tags", *name]:
                return Response.json(200, self._document(self._published_release("/".join(name))))
            case ["releases", "assets", number]:
                return self._asset(number, request.headers.get("Accept", ""))
            case ["releases", number]:
                return Response.json(200, self._document(self._release(number)))
            case ["attestations", digest]:
                return self._attestations_of(digest)
            case ["actions", "workflows", workflow, "runs"]:
                return self._page(request, self._runs(workflow, request.query), "workflow_runs")
            case ["actions", "runs", number, "jobs"]:
                return self._page(request, self._run(number).jobs_to_json(self.url, self._name), "jobs")
            case ["actions", "runs", number, "artifacts"]:
                return self._page(request, self._run(number).artifacts_to_json(self.url, self._name), "artifacts")
            case ["actions", "artifacts", number, "zip"]:
                return self._archive(number)
        documents = self.settings.documents(editor=permissions.get("administration") == "write")
        if below.lower() not in documents:
            raise _error(404, "Not Found")
        return Response.json(200, documents[below.lower()])

    def _page(self, request: Request, entries: list[Any], name: str | None = None) -> Response:
        """Return one page of a list; with a name, the list is in an object."""
        size = min(int(request.query.get("per_page", "30")), self.page)
        page = int(request.query.get("page", "1"))
        shown = entries[(page - 1) * size : page * size]
        response = Response.json(200, {"total_count": len(entries), name: shown} if name else shown)
        if page * size >= len(entries):
            return response
        query = urlencode({**request.query, "per_page": size, "page": page + 1})
        return replace(response, headers={"Link": f'<{self.url}{request.path}?{query}>; rel="next"'})

    def _runs(self, workflow: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the runs of a workflow file that match the filters, newest first."""
        runs = [run for run in reversed(self.runs.values()) if run.path.rpartition("/")[2] == workflow]
        documents = [run.to_json(self.url, self._name) for run in runs]
        filters = (("head_sha", "head_sha"), ("branch", "head_branch"), ("event", "event"))
        return [run for run in documents if all(query.get(key, run[field]) == run[field] for key, field in filters)]

    def _run(self, number: str) -> ServedRun:
        for run in self.runs.values():
            if str(run.number) == number:
                return run
        raise _error(404, "Not Found")

    def _archive(self, number: str) -> Response:
        """Redirect to the ZIP file of a workflow artifact on another server."""
        if self._artifact(number).expired:
            raise _error(410, "Artifact has expired")
        return replace(Response.text(302, ""), headers={"Location": f"{self.url}{_ARCHIVES}{number}"})

    def _stored_archive(self, request: Request) -> Response:
        """Return the ZIP file of a workflow artifact; like the storage of GitHub, refuse a request with a token."""
        if "Authorization" in request.headers:
            raise _error(400, "Only one auth mechanism allowed")
        archive = self._artifact(request.path.removeprefix(_ARCHIVES)).archive
        return Response(200, archive.read_bytes(), "application/zip")

    def _artifact(self, number: str) -> ServedArtifact:
        for artifact in (artifact for run in self.runs.values() for artifact in run.artifacts):
            if str(artifact.number) == number:
                return artifact
        raise _error(404, "Not Found")

    @property
    def _name(self) -> str:
        return self.repository or "owner/name"

    def _published_release(self, tag: str) -> GitHubRelease:
        for release in self.releases:
            if release.tag == tag and not release.draft:
                return release
        raise _error(404, "Not Found")

    def _asset(self, number: str, accept: str) -> Response:
        """Return an asset as JSON, or redirect to its content on another server."""
        asset = self._find_asset(number)
        if accept != "application/octet-stream":
            return Response.json(200, asset.to_json())
        return replace(Response.text(302, ""), headers={"Location": f"{self.url}{_STORAGE}{number}"})

    def _stored_content(self, request: Request) -> Response:
        """Return the content of an asset; like the storage of GitHub, refuse a request with a token."""
        if "Authorization" in request.headers:
            raise _error(400, "Only one auth mechanism allowed")
        return Response(200, self._find_asset(request.path.removeprefix(_STORAGE)).content, "application/octet-stream")

    def _find_asset(self, number: str) -> ReleaseAsset:
        for asset in (asset for release in self.releases for asset in release.assets):
            if str(asset.number) == number:
                return asset
        raise _error(404, "Not Found")

    def _attestations_of(self, digest: str) -> Response:
        """Return the attestations with a subject of this digest, such as `sha256:…`."""
        algorithm, _, value = digest.partition(":")
        matching = [
            {"bundle": bundle, "repository_id": 1}
            for bundle in self.attestations
            if any(subject["digest"].get(algorithm) == value for subject in statement_of(bundle)["subject"])
        ]
        if not matching:
            raise _error(404, "Not Found")
        return Response.json(200, {"attestations": matching})

    def _ref(self, name: str) -> Response:
        for ref, kind, sha, *_ in self._tags():
            if ref == name:
                return Response.json(200, {"ref": ref, "object": {"type": kind, "sha": sha}})
        raise _error(404, "Not Found")

    def _tag(self, tag: str) -> Response:
        for _, _, sha, *target in self._tags():
            if target and sha == tag:
                return Response.json(200, {"sha": sha, "object": {"type": target[0], "sha": target[1]}})
        raise _error(404, "Not Found")

    def _tags(self) -> list[list[str]]:
        """Return the name, kind and object of each tag, and for an annotated tag the kind and object it points to."""
        form = "--format=%(refname) %(objecttype) %(objectname) %(*objecttype) %(*objectname)"
        done = Git(self.bare).query("for-each-ref", form, "refs/tags") if self.bare else None
        return [line.split() for line in done.stdout.splitlines()] if done else []

    def _document(self, release: GitHubRelease) -> dict[str, Any]:
        return release.to_json(f"{self.url}/uploads/repos/{self._name}")

    # Writing

    def _release(self, number: str) -> GitHubRelease:
        for release in self.releases:
            if str(release.number) == number:
                return release
        raise _error(404, "Not Found")

    def _draft(self, number: str) -> GitHubRelease:
        release = self._release(number)
        if release.immutable:
            raise _error(422, "Validation Failed", {"resource": "Release", "message": "release is immutable"})
        return release

    def _create(self, values: Mapping[str, Any]) -> Response:
        release = GitHubRelease(next(self._numbers), str(values["tag_name"]), "", "", draft=True, prerelease=False)
        self._set(release, values)
        self.releases.append(release)
        return self._stored(201, self._document(release))

    def _change(self, release: GitHubRelease, values: Mapping[str, Any]) -> Response:
        self._set(release, values)
        return self._stored(200, self._document(release))

    def _set(self, release: GitHubRelease, values: Mapping[str, Any]) -> None:
        if release.draft and not values.get("draft", True):
            if any(other.tag == release.tag and not other.draft for other in self.releases):
                raise _already_exists("Release", "tag_name")
            # The tag must exist, as if a ruleset restricted the creation of tags. Otherwise GitHub creates the tag.
            self._ref(f"refs/tags/{release.tag}")
        for name in ("name", "body", "prerelease", "draft"):
            setattr(release, name, values.get(name, getattr(release, name)))
        release.immutable = self.settings.immutable_releases and not release.draft
        if not release.draft and str(values.get("make_latest", "true")) == "true" and not release.prerelease:
            self.latest = release.tag

    def _upload(self, release: GitHubRelease, request: Request) -> Response:
        name = request.query.get("name", "")
        if any(asset.name == name for asset in release.assets):
            raise _already_exists("ReleaseAsset", "name")
        asset = ReleaseAsset(next(self._numbers), name, request.body)
        release.assets.append(asset)
        return self._stored(201, asset.to_json())

    def _attest(self, bundle: dict[str, Any]) -> Response:
        self.attestations.append(bundle)
        return self._stored(201, {"id": len(self.attestations)})

    def _stored(self, status: int, document: dict[str, Any]) -> Response:
        self.fail_after_storing(_error(500, "Internal Server Error"))
        return Response.json(status, document)


def _error(status: int, message: str, *errors: Mapping[str, str]) -> ResponseError:
    document: dict[str, Any] = {"message": message, "status": str(status)}
    return ResponseError(Response.json(status, document | ({"errors": errors} if errors else {})))


def _already_exists(resource: str, name: str) -> ResponseError:
    return _error(422, "Validation Failed", {"resource": resource, "code": "already_exists", "field": name})
