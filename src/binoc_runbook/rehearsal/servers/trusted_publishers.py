"""Trusted publishers: the workflows that may publish, and the verification of identity tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from binoc_runbook.rehearsal.servers.identity import ISSUER

#: A function that returns the public keys of the issuer.
Keys = Callable[[], Mapping[str, Any]]


class TokenError(Exception):
    """An invalid token; the arguments are the message and the error code of PyPI."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """A trusted publisher as it is registered at both registries; `workflow` is a file name without its directory."""

    repository: str
    owner_id: int
    workflow: str
    environment: str | None = None


def verify_token(token: object, keys: Keys, *, audience: str, now: float, leeway: float = 30.0) -> dict[str, Any]:
    """Return the claims of a token after verifying its signature, issuer, audience and times.

    `now` is the time of the registry, so the times are compared here and not by the library. The audience must be one
    string: both registries refuse a list.

    Raises:
        TokenError: The text is not a token; or its signature, issuer, audience or times are invalid.
    """
    import jwt

    invalid = TokenError("malformed or invalid token", "invalid-token")
    try:
        key_id = str(jwt.get_unverified_header(str(token)).get("kid"))
    except jwt.PyJWTError:
        raise TokenError("malformed JWT", "invalid-payload") from None
    try:
        claims = jwt.decode(
            str(token),
            jwt.PyJWKSet.from_dict(dict(keys()))[key_id],
            algorithms=["RS256"],
            audience=audience,
            issuer=ISSUER,
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "strict_aud": True,
                "require": ["aud", "iat", "nbf", "exp", "jti"],
            },
        )
        early, late = max(float(claims["iat"]), float(claims["nbf"])), float(claims["exp"])
    except jwt.InvalidIssuerError:
        raise TokenError("unknown trusted publishing issuer", "invalid-payload") from None
    except (jwt.PyJWTError, KeyError, TypeError, ValueError):
        raise invalid from None
    if not early - leeway <= now < late + leeway:
        raise invalid
    return claims


def workflow_file(reference: object) -> str:
    """Return the file name in a claim such as `OWNER/REPO/.github/workflows/publish.yml@refs/tags/v1`."""
    return str(reference).partition("@")[0].rpartition("/")[2]
