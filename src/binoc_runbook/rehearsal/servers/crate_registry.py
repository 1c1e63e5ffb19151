"""A crate registry that behaves like crates.io: sparse index, publish, download, records, and trusted publishing.

From Cargo's documentation of registry indexes and of the registry web API, and from the sources of crates.io (its
`trustpub` controllers, `publish`, and the types of its API). The comparisons, their order and the beginning of each
error are the same.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from binoc_runbook.rehearsal.servers.server import Request, Response, ResponseError, Server, TokenStore
from binoc_runbook.rehearsal.servers.trusted_publishers import Keys, Publisher, TokenError, verify_token, workflow_file

#: The validity of a publish token, in seconds.
LIFE = 1800.0
#: Events whose tokens crates.io refuses; PyPI refuses only the first one.
REFUSED_EVENTS = ("pull_request_target", "workflow_run")


@dataclass(frozen=True, slots=True)
class PublishToken:
    """A token for the crates with these normalised names; `None` for a personal token: all crates, and new ones.

    `publisher` is the job that a temporary token was issued to, as in `trustpub_data` of the API.
    """

    crates: frozenset[str] | None
    publisher: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class CrateVersion:
    """A version of a crate, with its index line, its content, and its trusted publisher."""

    version: str
    line: dict[str, Any]
    content: bytes = field(repr=False)
    publisher: Mapping[str, str] | None = None

    @property
    def sha256(self) -> str:
        """Return the checksum that is in the index and that cargo checks."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(slots=True)
class RegisteredCrate:
    """A crate of the registry, with its publishers and its versions."""

    name: str
    publishers: list[Publisher] = field(default_factory=list)
    trustpub_only: bool = False
    versions: dict[str, CrateVersion] = field(default_factory=dict)


def publisher_of(claims: Mapping[str, Any]) -> dict[str, str]:
    """Return the publisher with these claims, as in the field `trustpub_data` of the API."""
    return {"provider": "github"} | {key: str(claims.get(key)) for key in ("repository", "run_id", "sha")}


class CrateRegistry(Server):
    """A crate registry on 127.0.0.1; `index` is the URL for cargo. It uses plain HTTP, which cargo accepts."""

    #: The audience of identity tokens: the host of the real registry, not the address of this one.
    audience = "crates.io"

    def __init__(self, keys: Keys) -> None:
        super().__init__()
        self.index = f"sparse+{self.url}/index/"
        #: The URL that exchanges an identity token for a publish token, and revokes publish tokens.
        self.exchange = f"{self.url}/api/v1/trusted_publishing/tokens"
        self.crates: dict[str, RegisteredCrate] = {}
        self._keys = keys
        self._tokens = TokenStore[PublishToken]()
        self._used: set[str] = set()

    def add_crate(self, name: str, *publishers: Publisher, trustpub_only: bool = False) -> RegisteredCrate:
        """Add an existing crate without versions, as if its first version had been published by hand."""
        crate = RegisteredCrate(name, list(publishers), trustpub_only)
        self.crates[_canonical(name)] = crate
        return crate

    def add_api_token(self) -> str:
        """Return a personal token for all crates and new ones; it never expires, and is a secret."""
        token = f"cio{secrets.token_urlsafe(24)}"
        self._tokens.add(token, PublishToken(None))
        return token

    def crate(self, name: str) -> RegisteredCrate | None:
        """Return the crate of this name, or None."""
        return self.crates.get(_canonical(name))

    def versions(self, name: str) -> dict[str, CrateVersion]:
        """Return the versions of a crate; an unknown crate has none."""
        crate = self.crate(name)
        return dict(crate.versions) if crate else {}

    def respond(self, request: Request) -> Response:
        """Return the response to one request, by method and path."""
        match request.method, request.path.strip("/").split("/"):
            case "GET", ["index", "config.json"]:
                return Response.json(200, {"dl": f"{self.url}/api/v1/crates", "api": self.url})
            case "GET", ["index", *_, name]:
                lines = [json.dumps(version.line) for version in self.versions(name).values()]
                return Response.text(200 if lines else 404, "\n".join(lines))
            case "PUT", ["api", "v1", "crates", "new"]:
                return self._publish(request)
            case "GET", ["api", "v1", "crates", name, version, "download"]:
                return self._download(name, version)
            case "GET", ["api", "v1", "crates", name]:
                return self._show(name)
            case "GET", ["api", "v1", "crates", name, version]:
                return self._show_version(name, version)
            case "POST", ["api", "v1", "trusted_publishing", "tokens"]:
                return self._exchange(request)
            case "DELETE", ["api", "v1", "trusted_publishing", "tokens"]:
                if not self._tokens.revoke(_token(request)):
                    raise _error(401, "Invalid authentication token")
                return Response(204)
        raise _error(404, "Not Found")

    def _download(self, name: str, version: str) -> Response:
        published = self.versions(name).get(version)
        if published is None:
            raise _error(404, f"crate `{name}` has no version `{version}`")
        return Response(200, published.content, "application/gzip")

    def _show(self, name: str) -> Response:
        crate = self.crate(name)
        if crate is None:
            raise _error(404, f"crate `{name}` does not exist")
        shown = {"id": crate.name, "name": crate.name, "num_versions": len(crate.versions)}
        return Response.json(200, {"crate": shown | {"trustpub_only": crate.trustpub_only}})

    def _show_version(self, name: str, version: str) -> Response:
        published = self.versions(name).get(version)
        if published is None:
            raise _error(404, f"crate `{name}` does not have a version `{version}`")
        shown = {"crate": published.line["name"], "num": version, "checksum": published.sha256, "yanked": False}
        return Response.json(200, {"version": shown | {"trustpub_data": published.publisher}})

    # Trusted publishing

    def _exchange(self, request: Request) -> Response:
        try:
            claims = verify_token(request.json().get("jwt"), self._keys, audience=self.audience, now=self.now())
        except TokenError:
            raise _error(400, "Failed to decode JWT") from None
        # Recorded before the comparisons: a refused token cannot be used again either.
        if claims["jti"] in self._used:
            raise _error(400, "JWT has already been used")
        self._used.add(claims["jti"])
        names = self._match(claims)
        token = f"cio_tp_{secrets.token_hex(16)}"
        self._tokens.add(token, PublishToken(frozenset(names), publisher_of(claims)), self.expiry(LIFE))
        return Response.json(200, {"token": token})

    def _match(self, claims: dict[str, Any]) -> set[str]:
        """Return the crates that the job may publish; each comparison filters the result of the previous one."""
        event, repository = str(claims.get("event_name")), str(claims.get("repository"))
        owner, environment = str(claims.get("repository_owner_id")), str(claims.get("environment") or "")
        workflow = workflow_file(claims.get("workflow_ref"))
        if event in REFUSED_EVENTS:
            raise _error(400, f"Trusted Publishing does not support the `{event}` event trigger.")
        config = f"The Trusted Publishing config for repository `{repository}`"
        another = f"does not match the environment `{environment}` in the JWT"
        missing = "requires an environment, but the JWT does not specify one"
        comparisons: dict[str, Callable[[Publisher], bool]] = {
            f"No Trusted Publishing config found for repository `{repository}`.": (
                lambda publisher: publisher.repository.casefold() == repository.casefold()
            ),
            f"{config} does not match the repository owner ID ({owner}) in the JWT.": (
                lambda publisher: str(publisher.owner_id) == owner
            ),
            f"{config} does not match the workflow filename `{workflow}` in the JWT.": (
                lambda publisher: publisher.workflow == workflow
            ),
            f"{config} {another if environment else missing}.": (
                lambda publisher: (publisher.environment or environment).casefold() == environment.casefold()
            ),
        }
        candidates = [(name, publisher) for name, crate in self.crates.items() for publisher in crate.publishers]
        for refusal, matches in comparisons.items():
            candidates = [(name, publisher) for name, publisher in candidates if matches(publisher)]
            if not candidates:
                raise _error(400, refusal)
        return {name for name, _ in candidates}

    # Publishing

    def _publish(self, request: Request) -> Response:
        # Before each of the two parts is its length in four bytes, little-endian.
        (length,) = struct.unpack_from("<I", request.body)
        metadata, content = json.loads(request.body[4 : 4 + length]), request.body[8 + length :]
        name, version = str(metadata["name"]), str(metadata["vers"])
        token = self._tokens.get(_token(request), self.now())
        crate = self._allowed_crate(token, name)
        if version.partition("+")[0] in {known.partition("+")[0] for known in crate.versions}:
            raise _error(400, f"crate version `{version}` is already uploaded")
        self.crates[_canonical(name)] = crate
        crate.versions[version] = CrateVersion(
            version, _index_line(metadata, content), content, token.publisher if token else None
        )
        self.fail_after_storing(_error(500, "Internal Server Error"))
        return Response.json(200, {"warnings": {"invalid_categories": [], "invalid_badges": [], "other": []}})

    def _allowed_crate(self, token: PublishToken | None, name: str) -> RegisteredCrate:
        """Return the crate that this token may publish; for a personal token, it can be a new one."""
        crate = self.crate(name)
        if token is None:
            raise _error(403, "Invalid authentication token")
        if token.crates is None:
            if crate is not None and crate.trustpub_only:
                raise _error(403, "New versions of this crate can only be published using Trusted Publishing")
            return crate or RegisteredCrate(name)
        if crate is None:
            text = "Trusted Publishing tokens do not support creating new crates. Publish the crate manually, first"
            raise _error(403, text)
        if _canonical(name) not in token.crates:
            raise _error(403, f"The provided access token is not valid for crate `{name}`")
        return crate


def _error(status: int, detail: str) -> ResponseError:
    return ResponseError(Response.json(status, {"errors": [{"detail": detail}]}))


def _token(request: Request) -> str:
    return request.header("Authorization").removeprefix("Bearer ")


def _index_line(metadata: dict[str, Any], content: bytes) -> dict[str, Any]:
    """Return the index line for the metadata that cargo sends when it publishes."""
    return {
        "name": metadata["name"],
        "vers": metadata["vers"],
        "deps": [_dependency(dependency) for dependency in metadata.get("deps", ())],
        "cksum": hashlib.sha256(content).hexdigest(),
        "features": metadata.get("features", {}),
        "yanked": False,
        "links": metadata.get("links"),
        "v": 2,
        "rust_version": metadata.get("rust_version"),
    }


def _dependency(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return a dependency for the index: the name that the crate uses, and the real name if it differs."""
    renamed = metadata.get("explicit_name_in_toml")
    unchanged = ("features", "optional", "default_features", "target", "kind", "registry")
    return {
        "name": renamed or metadata["name"],
        "req": metadata["version_req"],
        "package": metadata["name"] if renamed else None,
        **{key: metadata.get(key) for key in unchanged},
    }


def _canonical(name: str) -> str:
    """Return the canonical name of a crate: in lower case, with `-` instead of `_`."""
    return name.lower().replace("_", "-")
