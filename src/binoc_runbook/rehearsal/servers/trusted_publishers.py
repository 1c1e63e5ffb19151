"""Which workflow may publish: what a registry was told once, and how it reads the token of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from binoc_runbook.rehearsal.servers.identity import ISSUER

#: A registry gets the keys of the issuer by this.
Keys = Callable[[], Mapping[str, Any]]


class Unbelievable(Exception):  # noqa: N818 - an answer, not a mistake
    """The token has a false signature, has expired or is for somebody else."""


class Malformed(Unbelievable):
    """It is no token at all, or none of the issuer that the registries know."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """A trusted publisher as it is entered at either registry; the workflow is a file name without its folder."""

    repository: str
    owner_id: int
    workflow: str
    environment: str | None = None


def believed(token: object, keys: Keys, *, audience: str, now: float, leeway: float = 30.0) -> dict[str, Any]:
    """The claims of a token whose signature, issuer, audience and times are right.

    `now` is the clock of the registry, which is why the times are compared here and not by the library. The audience
    must be one string: both registries refuse a list.

    Raises:
        Malformed: There is nothing whose signature could be looked at.
        Unbelievable: One of them is wrong.
    """
    import jwt

    try:
        issuer = jwt.decode(str(token), options={"verify_signature": False}).get("iss")
    except jwt.PyJWTError:
        raise Malformed("malformed JWT") from None
    if issuer != ISSUER:
        raise Malformed("unknown trusted publishing issuer")
    token = str(token)
    try:
        key = jwt.PyJWKSet.from_dict(dict(keys()))[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            audience=audience,
            options={
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
                "strict_aud": True,
                "require": ["aud", "iat", "nbf", "exp", "jti"],
            },
        )
        early, late = max(float(claims["iat"]), float(claims["nbf"])), float(claims["exp"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise Unbelievable(type(error).__name__) from None
    if not early - leeway <= now < late + leeway:
        raise Unbelievable("not valid at this time")
    return claims


def file_name(reference: object) -> str:
    """The file name in a claim such as `OWNER/REPO/.github/workflows/publish.yml@refs/tags/v1`."""
    return str(reference).partition("@")[0].rpartition("/")[2]
