"""GitHub's REST API as far as a release and the questions about its set-up ask it.

From GitHub's documentation of its REST API (pages "Releases", "Release assets", "Git references", "Git tags", and those
that the settings name) and from the texts in which it refuses. A draft is found in the list of all releases only; what
is published is immutable where the settings say so; a token may do what its permissions say, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from binoc_runbook.rehearsal.servers.certificates import Authority
from binoc_runbook.rehearsal.servers.repository_api import Settings
from binoc_runbook.rehearsal.servers.server import Answer, Request, Server, digest
from binoc_runbook.world.git import Git

#: What a workflow file calls the permissions of a token, and the least to the most that it may say of each.
LEVELS = ("none", "read", "write")

#: The permission to read what is at a path below the repository's: the first pattern that matches decides.
_READING = (
    (r"releases|git/", "contents"),
    (r"environments/[^/]+/secrets", "environments"),
    (r"environments/", "actions"),
    (r"actions/(secrets|organization-secrets)", "secrets"),
    (r"actions/permissions|immutable-releases", "administration"),
    (r"", "metadata"),
)


@dataclass(slots=True)
class Asset:
    """A file of a release; `state` is `starter` when its upload never ended."""

    number: int
    name: str
    content: bytes = field(repr=False)
    state: str = "uploaded"

    def to_json(self) -> dict[str, Any]:
        """What the API tells of it."""
        sha256 = f"sha256:{hashlib.sha256(self.content).hexdigest()}"
        told = {"id": self.number, "name": self.name, "state": self.state, "size": len(self.content)}
        return told | {"digest": sha256 if self.state == "uploaded" else None}


@dataclass(slots=True)
class Release:
    """A release, published or not."""

    number: int
    tag: str
    name: str
    body: str
    draft: bool
    prerelease: bool
    immutable: bool = False
    assets: list[Asset] = field(default_factory=list)


class _Refused(Exception):  # noqa: N818 - an answer, not a mistake
    def __init__(self, status: int, message: str, *errors: Mapping[str, str]) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors


class GitHubServer(Server):
    """One repository on loopback; `settings` are what its administrators entered, `releases` what it holds.

    `bare` is the git repository whose tags it has; without one it has none. It answers to any name of a repository
    where none is given.
    """

    def __init__(
        self, bare: Path | None = None, repository: str | None = None, authority: Authority | None = None
    ) -> None:
        super().__init__(authority)
        self.bare, self.repository = bare, repository
        self.settings = Settings()
        self.releases: list[Release] = []
        self.latest: str | None = None
        #: How many entries a page of a list has at most, whatever was asked for.
        self.page = 100
        # By digest, so that nothing that shows this object shows a token.
        self._tokens: dict[str, dict[str, str]] = {}
        self._numbers = 0

    def token(self, permissions: Mapping[str, str]) -> str:
        """A token that may do what `permissions` says, as under that key of a workflow's job; it is a secret.

        Raises:
            ValueError: A level is none of `LEVELS`.
        """
        if not set(permissions.values()) <= set(LEVELS):
            raise ValueError(f"a permission is one of {', '.join(LEVELS)}")
        token = f"ghs_{secrets.token_urlsafe(27)}"
        self._tokens[digest(token)] = {"metadata": "read", **permissions}
        return token

    def release(self, tag: str) -> Release | None:
        """The release of a tag, a draft too."""
        return next((each for each in self.releases if each.tag == tag), None)

    def answer(self, request: Request) -> Answer:
        """One request, by method and path."""
        try:
            return self._answer(request)
        except _Refused as refused:
            told: dict[str, Any] = {"message": refused.message, "status": str(refused.status)}
            return Answer.json(refused.status, told | ({"errors": list(refused.errors)} if refused.errors else {}))

    def _answer(self, request: Request) -> Answer:
        scheme, _, token = request.header("Authorization").partition(" ")
        granted = self._tokens.get(digest(token)) if scheme.lower() in ("bearer", "token") else None
        if granted is None:
            raise _Refused(401, "Bad credentials")
        uploads, below = self._below(request.path)
        if below is None:
            raise _Refused(404, "Not Found")
        if request.method == "GET":
            name = next(name for pattern, name in _READING if re.match(pattern, below))
            self._demand(granted, name, "read")
            return self._show(request, below, granted)
        self._demand(granted, "contents", "write")
        match request.method, below.split("/"):
            case "POST", ["releases"]:
                return self._create(request.json())
            case "PATCH", ["releases", number]:
                return self._change(self._found(number), request.json())
            case "POST", ["releases", number, "assets"] if uploads:
                return self._upload(self._found(number), request)
        raise _Refused(404, "Not Found")

    def _below(self, path: str) -> tuple[bool, str | None]:
        """Whether a path is that for uploads, and what follows the repository in it."""
        match = re.fullmatch(r"(/uploads)?/repos/([^/]+/[^/]+)/?(.*)", path)
        if match is None or (self.repository and match[2].lower() != self.repository.lower()):
            return False, None
        return bool(match[1]), match[3]

    @staticmethod
    def _demand(granted: Mapping[str, str], name: str, level: str) -> None:
        if LEVELS.index(granted.get(name, "none")) < LEVELS.index(level):
            raise _Refused(403, "Resource not accessible by integration")

    # What it shows

    def _show(self, request: Request, below: str, granted: Mapping[str, str]) -> Answer:
        match below.split("/"):
            case [""]:
                admin = granted.get("administration", "none") != "none"
                return Answer.json(200, {"full_name": self.repository, "permissions": {"admin": admin}})
            case ["git", "ref", "tags", *name]:
                return self._ref(f"refs/tags/{'/'.join(name)}")
            case ["git", "tags", sha]:
                return self._tag(sha)
            case ["releases"]:
                mine = granted.get("contents") == "write"
                told = [self._told(each) for each in reversed(self.releases) if mine or not each.draft]
                return self._pages(request, told)
            case ["releases", number]:
                return Answer.json(200, self._told(self._found(number)))
            case path:
                found = self.settings.answer(path, editor=granted.get("administration") == "write")
                if found is None:
                    raise _Refused(404, "Not Found")
                return Answer.json(200, found)

    def _pages(self, request: Request, told: list[Any]) -> Answer:
        size = min(int(request.query.get("per_page", "30")), self.page)
        page = int(request.query.get("page", "1"))
        answer = Answer.json(200, told[(page - 1) * size : page * size])
        if page * size >= len(told):
            return answer
        following = f'<{self.url}{request.path}?per_page={size}&page={page + 1}>; rel="next"'
        return Answer(answer.status, answer.body, answer.media_type, {"Link": following})

    def _ref(self, name: str) -> Answer:
        told = self._git("for-each-ref", "--format=%(refname) %(objecttype) %(objectname)", name)
        for ref, kind, sha in (line.split() for line in told.splitlines()):
            if ref == name:
                return Answer.json(200, {"ref": ref, "object": {"type": kind, "sha": sha}})
        raise _Refused(404, "Not Found")

    def _tag(self, sha: str) -> Answer:
        told = self._git("cat-file", "tag", sha) if re.fullmatch("[0-9a-f]{40}", sha) else ""
        facts = dict(line.split(" ", 1) for line in told.partition("\n\n")[0].splitlines())
        if not facts:
            raise _Refused(404, "Not Found")
        return Answer.json(
            200, {"tag": facts["tag"], "sha": sha, "object": {"type": facts["type"], "sha": facts["object"]}}
        )

    def _git(self, *arguments: str) -> str:
        done = Git(self.bare).ask(*arguments) if self.bare else None
        return done.stdout if done and done.returncode == 0 else ""

    def _told(self, release: Release) -> dict[str, Any]:
        return {
            "id": release.number,
            "tag_name": release.tag,
            "name": release.name,
            "body": release.body,
            "draft": release.draft,
            "prerelease": release.prerelease,
            "immutable": release.immutable,
            "upload_url": f"{self.url}/uploads/repos/{self.repository or 'owner/name'}"
            f"/releases/{release.number}/assets{{?name,label}}",
            "assets": [asset.to_json() for asset in release.assets],
        }

    # What it does

    def _found(self, number: str) -> Release:
        found = next((each for each in self.releases if str(each.number) == number), None)
        if found is None:
            raise _Refused(404, "Not Found")
        return found

    def _create(self, told: Mapping[str, Any]) -> Answer:
        tag, draft = str(told["tag_name"]), bool(told.get("draft"))
        if not draft and any(each.tag == tag and not each.draft for each in self.releases):
            raise _already_exists("Release", "tag_name")
        release = Release(
            self._number(), tag, str(told.get("name") or ""), str(told.get("body") or ""), True, False, False
        )
        self._set(release, told)
        self.releases.append(release)
        return self._stored(201, self._told(release))

    def _change(self, release: Release, told: Mapping[str, Any]) -> Answer:
        if release.immutable and set(told) - {"name", "body"}:
            raise _Refused(422, "Validation Failed", {"resource": "Release", "message": "release is immutable"})
        self._set(release, told)
        return self._stored(200, self._told(release))

    def _set(self, release: Release, told: Mapping[str, Any]) -> None:
        if release.draft and not told.get("draft", True):
            if any(each.tag == release.tag and not each.draft for each in self.releases):
                raise _already_exists("Release", "tag_name")
            if not self._git("for-each-ref", f"refs/tags/{release.tag}"):
                # As where a ruleset restricts who creates tags; elsewhere GitHub would make one, of any commit.
                text = "Published releases must have a valid tag"
                raise _Refused(422, "Validation Failed", {"resource": "Release", "code": "custom", "message": text})
        release.name, release.body = str(told.get("name", release.name)), str(told.get("body", release.body))
        release.prerelease = bool(told.get("prerelease", release.prerelease))
        release.draft = bool(told.get("draft", release.draft))
        release.immutable = self.settings.immutable_releases and not release.draft
        if not release.draft and str(told.get("make_latest", "true")) == "true" and not release.prerelease:
            self.latest = release.tag

    def _upload(self, release: Release, request: Request) -> Answer:
        name = request.query.get("name", "")
        if release.immutable:
            raise _Refused(422, "Cannot upload assets to an immutable release.")
        if any(asset.name == name for asset in release.assets):
            raise _already_exists("ReleaseAsset", "name")
        if not name or not request.body:
            raise _Refused(400, "Bad Content-Length")
        asset = Asset(self._number(), name, request.body)
        release.assets.append(asset)
        return self._stored(201, asset.to_json())

    def _stored(self, status: int, told: dict[str, Any]) -> Answer:
        if self.faults.errors_after_storing > 0:
            self.faults.errors_after_storing -= 1
            raise _Refused(500, "Internal Server Error")
        return Answer.json(status, told)

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers


def _already_exists(resource: str, name: str) -> _Refused:
    return _Refused(422, "Validation Failed", {"resource": resource, "code": "already_exists", "field": name})
