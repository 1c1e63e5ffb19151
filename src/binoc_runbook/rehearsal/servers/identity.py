"""GitHub's identity provider: signed identity tokens for jobs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from binoc_runbook.rehearsal.servers.server import Request, Response, Server, TokenStore

#: The issuer that both registries trust; only the signature distinguishes a rehearsed token from a real one.
ISSUER = "https://token.actions.githubusercontent.com"
#: The validity of a token, in seconds.
LIFE = 300.0


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """The identity of one job of a workflow run, with one field for each claim that a registry compares or shows.

    `workflow` is the file that was triggered. `called` is the file with the job, if it is a different one: PyPI
    compares the called file, crates.io the caller.
    """

    repository: str
    owner_id: int
    workflow: str
    ref: str
    sha: str
    environment: str | None = None
    event: str = "push"
    called: str | None = None
    run_id: str = "1"

    def claims(self) -> dict[str, Any]:
        """Return the claims of the job; from GitHub's documentation of OpenID Connect tokens."""
        claims = {
            "repository": self.repository,
            "repository_owner": self.repository.partition("/")[0],
            "repository_owner_id": str(self.owner_id),
            "workflow_ref": self._file(self.workflow),
            "job_workflow_ref": self._file(self.called or self.workflow),
            "ref": self.ref,
            "sha": self.sha,
            "event_name": self.event,
            "run_id": self.run_id,
        }
        return claims | ({"environment": self.environment} if self.environment else {})

    def _file(self, name: str) -> str:
        return f"{self.repository}/.github/workflows/{name}@{self.ref}"


class IdentityProvider(Server):
    """An issuer of tokens for admitted jobs; jobs without `id-token: write` are not admitted.

    From GitHub's reference of OpenID Connect: RS256, and a unique `jti` for each token.
    """

    def __init__(self) -> None:
        super().__init__()
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(8)
        self._request_tokens = TokenStore[JobIdentity]()

    def admit(self, job: JobIdentity) -> dict[str, str]:
        """Allow a job to request tokens; return the two variables that it needs. The second one is a secret."""
        token = secrets.token_urlsafe(32)
        self._request_tokens.add(token, job)
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
        }

    def dismiss(self, job: JobIdentity) -> None:
        """Revoke the request tokens of a job that has ended."""
        self._request_tokens.revoke_all(job)

    def issue(self, job: JobIdentity, audience: str) -> str:
        """Return a signed token with the claims of a job for an audience."""
        import jwt

        now = int(self.now())
        times = {"iat": now, "nbf": now, "exp": int(self.expiry(LIFE))}
        claims = {"iss": ISSUER, "aud": audience, "jti": secrets.token_hex(16), **times, **job.claims()}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def keys(self) -> dict[str, Any]:
        """Return the public key as a JWKS."""
        from jwt.algorithms import RSAAlgorithm

        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def respond(self, request: Request) -> Response:
        """Return an identity token to a job that sends its request token."""
        scheme, token = request.credentials()
        job = self._request_tokens.get(token, self.now()) if scheme == "bearer" else None
        if job is None or request.path != "/token":
            return Response.json(401, {"message": "this job has no permission to request an identity token"})
        return Response.json(200, {"value": self.issue(job, request.query.get("audience", ""))})
