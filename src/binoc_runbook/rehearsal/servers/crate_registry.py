"""A crate registry with crates.io's manners: sparse index, publish, download, and trusted publishing.

From Cargo's documentation of registry indexes and of the registry web API, and from the sources of crates.io (its
`trustpub` controllers and `publish`); what is matched, in which order, and the texts are those of crates.io.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import string
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from binoc_runbook.rehearsal.servers.server import Answer, Request, Server, digest
from binoc_runbook.rehearsal.servers.trusted_publishers import Keys, Publisher, Unbelievable, believed, file_name

#: How long a token of an exchange is valid, in seconds.
LIFE = 1800.0
#: Events that crates.io takes no token from; PyPI refuses the first one only.
REFUSED_EVENTS = ("pull_request_target", "workflow_run")


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a crate: its line in the index, and its bytes."""

    version: str
    line: dict[str, Any]
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The checksum that the index tells and cargo checks."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class Crate:
    """A crate, its versions, and who may publish more of them."""

    name: str
    publishers: list[Publisher] = field(default_factory=list)
    trustpub_only: bool = False
    releases: dict[str, Release] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Grant:
    """What a token allows: the named crates, or for a person's API token (`None`) all of them and new ones."""

    crates: frozenset[str] | None
    expires: float


class _Refused(Exception):  # noqa: N818 - an answer, not a mistake
    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class CrateRegistry(Server):
    """A registry on loopback; `index` is what cargo is given. It speaks plain HTTP, which cargo takes."""

    #: What an identity token must be for: the host of the real registry, which the client says and not this address.
    audience = "crates.io"

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self.crates: dict[str, Crate] = {}
        self._keys = keys
        # By digest, so that nothing that shows this object shows a token.
        self._grants: dict[str, _Grant] = {}
        self._used: set[str] = set()

    @property
    def index(self) -> str:
        """The URL for `CARGO_REGISTRIES_<NAME>_INDEX`."""
        return f"sparse+{self.url}/index/"

    @property
    def exchange(self) -> str:
        """The URL that gives a token for an identity token, and revokes it."""
        return f"{self.url}/api/v1/trusted_publishing/tokens"

    def add_crate(self, name: str, *publishers: Publisher, trustpub_only: bool = False) -> Crate:
        """A crate that exists already, as after the first publish by hand; it has no version here."""
        crate = Crate(name, list(publishers), trustpub_only)
        self.crates[_canonical(name)] = crate
        return crate

    def add_api_token(self) -> str:
        """A person's token that may publish any crate and new ones; never expires, and is a secret."""
        token = f"cio{secrets.token_urlsafe(24)}"
        self._grants[digest(token)] = _Grant(None, float("inf"))
        return token

    def crate(self, name: str) -> Crate | None:
        """The crate of that name, if there is one."""
        return self.crates.get(_canonical(name))

    def releases(self, name: str) -> dict[str, Release]:
        """The versions of a crate; none when there is no such crate."""
        crate = self.crate(name)
        return dict(crate.releases) if crate else {}

    def answer(self, request: Request) -> Answer:
        """One request, by method and path."""
        try:
            match request.method, request.path.strip("/").split("/"):
                case "GET", ["index", "config.json"]:
                    return Answer.json(200, {"dl": f"{self.url}/api/v1/crates", "api": self.url})
                case "GET", ["index", *place]:
                    return self._index("/".join(place))
                case "PUT", ["api", "v1", "crates", "new"]:
                    return self._publish(request)
                case "GET", ["api", "v1", "crates", name]:
                    return self._show(name)
                case "GET", ["api", "v1", "crates", name, version, "download"]:
                    return self._download(name, version)
                case "POST", ["api", "v1", "trusted_publishing", "tokens"]:
                    return self._exchange(request)
                case "DELETE", ["api", "v1", "trusted_publishing", "tokens"]:
                    return self._revoke(request)
        except _Refused as refused:
            return Answer.json(refused.status, {"errors": [{"detail": refused.detail}]})
        return Answer.json(404, {"errors": [{"detail": "Not Found"}]})

    # The index and the downloads

    def _index(self, place: str) -> Answer:
        crate = self.crates.get(_canonical(place.rpartition("/")[2]))
        if crate is None or not crate.releases or place != index_path(crate.name):
            return Answer.text(404, "Not Found")
        return Answer.text(200, "".join(json.dumps(each.line) + "\n" for each in crate.releases.values()))

    def _show(self, name: str) -> Answer:
        crate = self.crates.get(_canonical(name))
        if crate is None:
            raise _Refused(404, f"crate `{name}` does not exist")
        versions = [{"num": each.version, "checksum": each.sha256} for each in crate.releases.values()]
        told = {"id": crate.name, "name": crate.name, "trustpub_only": crate.trustpub_only}
        return Answer.json(200, {"crate": told, "versions": versions})

    def _download(self, name: str, version: str) -> Answer:
        release = self.releases(name).get(version)
        if release is None:
            raise _Refused(404, f"crate `{name}` has no version `{version}`")
        return Answer(200, release.content, "application/gzip")

    # Trusted publishing

    def _exchange(self, request: Request) -> Answer:
        try:
            claims = believed(request.json().get("jwt"), self._keys, audience=self.audience, now=self.now())
        except (ValueError, Unbelievable):
            raise _Refused(400, "Failed to decode JWT") from None
        # Before anything is compared: a token that was refused is used up too.
        if claims["jti"] in self._used:
            raise _Refused(400, "JWT has already been used")
        self._used.add(claims["jti"])
        names = self._match(claims)
        alphabet = string.ascii_letters + string.digits
        token = "cio_tp_" + "".join(secrets.choice(alphabet) for _ in range(32))
        life = LIFE if self.faults.token_life is None else self.faults.token_life
        self._grants[digest(token)] = _Grant(frozenset(names), self.now() + life)
        return Answer.json(200, {"token": token})

    def _match(self, claims: dict[str, Any]) -> set[str]:
        """The crates that the run may publish; each comparison narrows what the one before it left."""
        event, repository = str(claims.get("event_name")), str(claims.get("repository"))
        owner, environment = str(claims.get("repository_owner_id")), claims.get("environment")
        workflow = file_name(claims.get("workflow_ref"))
        if event in REFUSED_EVENTS:
            raise _Refused(400, f"Trusted Publishing does not support the `{event}` event trigger.")
        entered = [(name, each) for name, crate in self.crates.items() for each in crate.publishers]

        def narrow(fits: Callable[[Publisher], bool], refusal: str) -> None:
            nonlocal entered
            left = [(name, each) for name, each in entered if fits(each)]
            if not left:
                raise _Refused(400, refusal)
            entered = left

        def expected(values: set[str]) -> str:
            return ", ".join(f"`{value}`" for value in sorted(values))

        narrow(
            lambda each: each.repository.casefold() == repository.casefold(),
            f"No Trusted Publishing config found for repository `{repository}`.",
        )
        config = f"The Trusted Publishing config for repository `{repository}`"
        narrow(
            lambda each: str(each.owner_id) == owner,
            f"{config} does not match the repository owner ID ({owner}) in the JWT."
            f" Expected owner IDs: {expected({str(each.owner_id) for _, each in entered})}.",
        )
        narrow(
            lambda each: each.workflow == workflow,
            f"{config} does not match the workflow filename `{workflow}` in the JWT."
            f" Expected workflow filenames: {expected({each.workflow for _, each in entered})}",
        )
        environments = expected({each.environment for _, each in entered if each.environment})
        narrow(
            lambda each: not each.environment or each.environment.casefold() == str(environment or "").casefold(),
            f"{config} does not match the environment `{environment}` in the JWT. Expected environments: {environments}"
            if environment
            else f"{config} requires an environment, but the JWT does not specify one."
            f" Expected environments: {environments}",
        )
        return {name for name, _ in entered}

    def _revoke(self, request: Request) -> Answer:
        token = request.header("Authorization").removeprefix("Bearer ")
        if self._grants.pop(digest(token), None) is None:
            raise _Refused(401, "Invalid authentication token")
        return Answer(204)

    # Publishing

    def _publish(self, request: Request) -> Answer:
        told, content = _unpack(request.body)
        name, version = str(told["name"]), str(told["vers"])
        crate = self._allowed(request.header("Authorization"), name)
        if version.partition("+")[0] in {known.partition("+")[0] for known in crate.releases}:
            raise _Refused(400, f"crate version `{version}` is already uploaded")
        line = _line(told, hashlib.sha256(content).hexdigest())
        self.crates[_canonical(name)] = crate
        crate.releases[version] = Release(version, line, content)
        if self.faults.errors_after_storing > 0:
            self.faults.errors_after_storing -= 1
            raise _Refused(500, "Internal Server Error")
        return Answer.json(200, {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}})

    def _allowed(self, authorization: str, name: str) -> Crate:
        """The crate that the holder of this token may publish."""
        grant = self._grants.get(digest(authorization.removeprefix("Bearer ")))
        if grant is None or grant.expires <= self.now():
            raise _Refused(403, "Invalid authentication token")
        crate = self.crates.get(_canonical(name))
        if grant.crates is None:
            if crate is not None and crate.trustpub_only:
                text = "New versions of this crate can only be published using Trusted Publishing"
                raise _Refused(403, text)
            return crate or Crate(name)
        if crate is None:
            text = "Trusted Publishing tokens do not support creating new crates. Publish the crate manually, first"
            raise _Refused(403, text)
        if _canonical(name) not in grant.crates:
            raise _Refused(403, f"The provided access token is not valid for crate `{name}`")
        return crate


def index_path(name: str) -> str:
    """Where the index keeps a crate; from Cargo's description of index files."""
    lower = name.lower()
    match len(lower):
        case 1 | 2:
            return f"{len(lower)}/{lower}"
        case 3:
            return f"3/{lower[0]}/{lower}"
    return f"{lower[:2]}/{lower[2:4]}/{lower}"


def _unpack(body: bytes) -> tuple[dict[str, Any], bytes]:
    """The two parts of a publish request, each after its length in four bytes, the least first."""
    try:
        (length,) = struct.unpack_from("<I", body)
        told = json.loads(body[4 : 4 + length])
        (size,) = struct.unpack_from("<I", body, 4 + length)
        content = body[8 + length :]
        if size != len(content) or not isinstance(told, dict) or not {"name", "vers"} <= told.keys():
            raise ValueError
    except (struct.error, ValueError):
        raise _Refused(400, "invalid publish request") from None
    return told, content


def _line(told: dict[str, Any], checksum: str) -> dict[str, Any]:
    """The line of the index for what cargo told when it published."""
    features = told.get("features") or {}
    # Cargo before 1.60 would misread these, so that the index keeps them apart for the ones that know.
    newer = {name: each for name, each in features.items() if any(f.startswith("dep:") or "?/" in f for f in each)}
    line = {
        "name": told["name"],
        "vers": told["vers"],
        "deps": [_dependency(each) for each in told.get("deps") or []],
        "cksum": checksum,
        "features": {name: each for name, each in features.items() if name not in newer},
        "yanked": False,
        "links": told.get("links"),
        "v": 2 if newer else 1,
    }
    if newer:
        line["features2"] = newer
    if told.get("rust_version"):
        line["rust_version"] = told["rust_version"]
    return line


def _dependency(told: dict[str, Any]) -> dict[str, Any]:
    """A dependency as the index says it: under the name that the crate uses, the real one beside it if they differ."""
    renamed = told.get("explicit_name_in_toml")
    return {
        "name": renamed or told["name"],
        "req": told["version_req"],
        "features": told.get("features") or [],
        "optional": bool(told.get("optional")),
        "default_features": bool(told.get("default_features", True)),
        "target": told.get("target"),
        "kind": told.get("kind") or "normal",
        "registry": told.get("registry"),
        "package": told["name"] if renamed else None,
    }


def _canonical(name: str) -> str:
    """Crate names that differ in case, or in `-` and `_`, are the same crate."""
    return name.lower().replace("_", "-")
