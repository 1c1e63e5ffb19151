"""Who a workflow run is, as GitHub says it to the registries: signed claims for whoever holds the request token."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from binoc_runbook.rehearsal.servers.server import Answer, Request, Server, digest

#: The issuer that both registries know; the signature is what tells a rehearsed token from a real one.
ISSUER = "https://token.actions.githubusercontent.com"
#: How long a token is valid, in seconds.
LIFE = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """One job of one workflow run, as far as its claims tell.

    `workflow` is the name of the file that was triggered, `called` that of the file which holds the job when that is
    another one: PyPI matches the called file, crates.io the caller.
    """

    repository: str
    owner_id: int
    workflow: str
    ref: str
    sha: str
    environment: str | None = None
    event: str = "push"
    called: str | None = None
    run_id: int = 1

    @property
    def owner(self) -> str:
        """The account that the repository belongs to."""
        return self.repository.partition("/")[0]

    def claims(self) -> dict[str, Any]:
        """What the token says about the run; from GitHub's description of its OpenID Connect tokens."""
        subject = f"environment:{self.environment}" if self.environment else f"ref:{self.ref}"
        claims = {
            "sub": f"repo:{self.repository}:{subject}",
            "repository": self.repository,
            "repository_owner": self.owner,
            "repository_owner_id": str(self.owner_id),
            "workflow_ref": self._file(self.workflow),
            "job_workflow_ref": self._file(self.called or self.workflow),
            "ref": self.ref,
            "ref_type": "tag" if self.ref.startswith("refs/tags/") else "branch",
            "sha": self.sha,
            "event_name": self.event,
            "run_id": str(self.run_id),
            "run_attempt": "1",
            "runner_environment": "self-hosted",
        }
        return claims | ({"environment": self.environment} if self.environment else {})

    def _file(self, name: str) -> str:
        return f"{self.repository}/.github/workflows/{name}@{self.ref}"


class IdentityProvider(Server):
    """Issues tokens to the jobs that were admitted; a job without `id-token: write` is not, and gets none.

    From GitHub's reference of OpenID Connect: RS256, one `jti` for each token, the key published as a JWKS.
    """

    def __init__(self) -> None:
        super().__init__()
        from cryptography.hazmat.primitives.asymmetric import rsa

        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._key_id = secrets.token_hex(8)
        # By digest, so that nothing that shows this object shows a token.
        self._admitted: dict[str, Run] = {}

    def admit(self, run: Run) -> dict[str, str]:
        """Let a job ask for tokens; returns the two variables by which it does. The second one is a secret."""
        token = secrets.token_urlsafe(32)
        self._admitted[digest(token)] = run
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": token,
        }

    def dismiss(self, run: Run) -> None:
        """The job has ended; its request tokens are worth nothing any more."""
        self._admitted = {key: admitted for key, admitted in self._admitted.items() if admitted != run}

    def issue(self, run: Run, audience: str) -> str:
        """A signed token that says this run is talking to that audience."""
        import jwt

        now = int(self.now())
        life = LIFE if self.faults.token_life is None else self.faults.token_life
        times = {"iat": now, "nbf": now, "exp": int(now + life)}
        claims = {"iss": ISSUER, "aud": audience, "jti": secrets.token_hex(16), **times, **run.claims()}
        return jwt.encode(claims, self._key, algorithm="RS256", headers={"kid": self._key_id})

    def keys(self) -> dict[str, Any]:
        """The public key, as the JWKS that is served too."""
        from jwt.algorithms import RSAAlgorithm

        key = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {"keys": [key | {"kid": self._key_id, "use": "sig", "alg": "RS256"}]}

    def answer(self, request: Request) -> Answer:
        """A token for whoever holds a request token, the public key for everyone."""
        match request.method, request.path:
            case "GET", "/.well-known/jwks":
                return Answer.json(200, self.keys())
            case "GET", "/token":
                scheme, _, token = request.header("Authorization").partition(" ")
                run = self._admitted.get(digest(token)) if scheme.lower() == "bearer" else None
                if run is None:
                    return Answer.json(401, {"message": "this job may not ask for an identity token"})
                audience = request.query.get("audience", run.owner)
                return Answer.json(200, {"value": self.issue(run, audience)})
        return Answer.json(404, {"message": "not found"})
