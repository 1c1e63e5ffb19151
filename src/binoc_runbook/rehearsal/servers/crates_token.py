"""A stand-in for the action `rust-lang/crates-io-auth-action`: obtain a publish token, and revoke it afterwards.

From the action's description, which is a program of GitHub's runner and cannot run here. Its requests go to the same
servers and are in their logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import Message
from http import HTTPStatus
from typing import Any

from binoc_runbook.rehearsal.registries import NAME, Registries
from binoc_runbook.rehearsal.servers.server import Request, Server

#: By this variable cargo gets the token for the rehearsed registry, where it is CARGO_REGISTRY_TOKEN for the real one.
VARIABLE = f"CARGO_REGISTRIES_{NAME.upper()}_TOKEN"


class TokenExchangeError(Exception):
    """A token that was refused or could not be revoked, with the text of the server."""


def obtain(registries: Registries, variables: Mapping[str, str]) -> str:
    """Return a publish token for the job with these variables; it is a secret.

    Raises:
        TokenExchangeError: The job may not request an identity token, or the registry does not know it as a publisher.
    """
    secret = variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not secret:
        raise TokenExchangeError("the job has no `id-token: write`, and so no identity token")
    crates = registries.crates
    query = {"audience": crates.audience}
    identity = _request(registries.identity, "GET", "/token", query=query, authorization=f"bearer {secret}")
    publish = _request(crates, "POST", crates.exchange.removeprefix(crates.url), {"jwt": identity["value"]})
    return str(publish["token"])


def revoke(registries: Registries, token: str) -> None:
    """Revoke a token, as the action does in its last step.

    Raises:
        TokenExchangeError: The registry does not know the token.
    """
    crates = registries.crates
    _request(crates, "DELETE", crates.exchange.removeprefix(crates.url), authorization=f"Bearer {token}")


def _request(
    server: Server,
    method: str,
    path: str,
    body: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, str] | None = None,
    authorization: str = "",
) -> dict[str, Any]:
    headers = Message()
    if authorization:
        headers["Authorization"] = authorization
    response = server.handle(Request(method, path, query or {}, headers, json.dumps(body or {}).encode()))
    try:
        document = json.loads(response.body or b"{}")
    except ValueError:
        text = response.body.decode(errors="replace")
        document = {"message": f"{response.status} {HTTPStatus(response.status).phrase}: {text}"}
    if response.status >= 300:
        errors = [str(error.get("detail")) for error in document.get("errors", [])]
        raise TokenExchangeError("; ".join(errors) or str(document.get("message")))
    return dict(document)
