"""What the action `rust-lang/crates-io-auth-action` does in a job: a token before the publish, and its end afterwards.

From the action's description. It is the one client that cannot run here, being a program of GitHub's runner; what it
asks, it asks the same servers, and what they answer is in their logs.
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


class AuthRefused(Exception):  # noqa: N818 - an answer, not a mistake
    """No token was given; the text is that of the server which refused it."""


def obtain(registries: Registries, variables: Mapping[str, str]) -> str:
    """The publish token for the job that has these variables; it is a secret.

    Raises:
        AuthRefused: The job may not ask for an identity token, or the registry does not know it as a publisher.
    """
    secret = variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not secret:
        raise AuthRefused("the job has no `id-token: write`, and so no identity token")
    crates = registries.crates
    told = _ask(registries.identity, "GET", "/token", query={"audience": crates.audience}, token=f"bearer {secret}")
    given = _ask(crates, "POST", crates.exchange.removeprefix(crates.url), {"jwt": told["value"]})
    return str(given["token"])


def revoke(registries: Registries, token: str) -> None:
    """End a token, as the action does in its last step.

    Raises:
        AuthRefused: The registry does not know the token.
    """
    crates = registries.crates
    _ask(crates, "DELETE", crates.exchange.removeprefix(crates.url), token=f"Bearer {token}")


def _ask(
    server: Server,
    method: str,
    path: str,
    body: Mapping[str, str] | None = None,
    *,
    query: Mapping[str, str] | None = None,
    token: str = "",
) -> dict[str, Any]:
    headers = Message()
    if token:
        headers["Authorization"] = token
    answer = server.handle(Request(method, path, query or {}, headers, json.dumps(body or {}).encode()))
    try:
        told = json.loads(answer.body or b"{}")
    except ValueError:
        text = answer.body.decode(errors="replace")
        told = {"message": f"{answer.status} {HTTPStatus(answer.status).phrase}: {text}"}
    if answer.status >= 300:
        errors = [str(each.get("detail")) for each in told.get("errors", [])]
        raise AuthRefused("; ".join(errors) or str(told.get("message")))
    return dict(told)
