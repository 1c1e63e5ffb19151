"""A stand-in for the action `rust-lang/crates-io-auth-action`: obtain a publish token, and revoke it afterwards.

From the action's description, which is a program of GitHub's runner and cannot run here. Its requests go to the same
servers and are in their logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import Message
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
    identity = _request(registries.identity, "GET", "/token", secret, query={"audience": crates.audience})
    body = {"jwt": identity["value"]}
    return str(_request(crates, "POST", crates.exchange.removeprefix(crates.url), "", body=body)["token"])


def revoke(registries: Registries, token: str) -> None:
    """Revoke a token, as the action does in its last step.

    Raises:
        TokenExchangeError: The registry does not know the token.
    """
    crates = registries.crates
    _request(crates, "DELETE", crates.exchange.removeprefix(crates.url), token)


def _request(
    server: Server, method: str, path: str, token: str, *, query: Mapping[str, str] = {}, body: object = None
) -> dict[str, Any]:
    headers = Message()
    headers["Authorization"] = f"Bearer {token}"
    response = server.handle(Request(method, path, query, headers, json.dumps(body).encode()))
    if response.status >= 300:
        raise TokenExchangeError(response.body.decode())
    return dict(json.loads(response.body or b"{}"))
