"""Replacement of the action `rust-lang/crates-io-auth-action`: obtain a publish token, and revoke it afterwards.

Written from the description of the action, which needs GitHub's runner. The requests go to the local servers and are
in their logs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from email.message import Message
from typing import Any

from binoc_runbook.rehearsal.registries import NAME, Registries
from binoc_runbook.rehearsal.servers.server import Request, Server

#: The variable with cargo's token for the rehearsed registry; for the real one it is CARGO_REGISTRY_TOKEN.
VARIABLE = f"CARGO_REGISTRIES_{NAME.upper()}_TOKEN"


class TokenExchangeError(Exception):
    """A token was refused or could not be revoked; the message is the text of the server."""


def obtain(registries: Registries, variables: Mapping[str, str]) -> str:
    """Return a publish token for the job with these variables; it is a secret.

    Raises:
        TokenExchangeError: The job may not request an identity token, or is not a trusted publisher.
    """
    secret = variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not secret:
        raise TokenExchangeError("the job has no `id-token: write` permission")
    crates = registries.crates
    identity = send_request(registries.identity, "GET", "/token", secret, query={"audience": crates.audience})
    body = {"jwt": identity["value"]}
    return str(send_request(crates, "POST", crates.exchange.removeprefix(crates.url), "", body=body)["token"])


def revoke(registries: Registries, token: str) -> None:
    """Revoke a token, as the action does in its last step.

    Raises:
        TokenExchangeError: The registry does not know the token.
    """
    crates = registries.crates
    send_request(crates, "DELETE", crates.exchange.removeprefix(crates.url), token)


def send_request(
    server: Server, method: str, path: str, token: str, *, query: Mapping[str, str] = {}, body: object = None
) -> dict[str, Any]:
    """Send a request to a server in this process; return the JSON object in its response.

    Raises:
        TokenExchangeError: The request was refused.
    """
    headers = Message()
    headers["Authorization"] = f"Bearer {token}"
    response = server.handle(Request(method, path, query, headers, json.dumps(body).encode()))
    if response.status >= 300:
        raise TokenExchangeError(response.body.decode())
    return dict(json.loads(response.body or b"{}"))
