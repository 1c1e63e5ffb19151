"""Replacement of the action `actions/attest`: build provenance for files, stored at the rehearsed GitHub.

Written from the description of the action and from the build type that it documents. The statement has the claims of an
identity token of the job. It is not signed, because that needs the services of Sigstore; the bundle says so.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from binoc_runbook.checks.attestation import PREDICATE
from binoc_runbook.files import sha256_of
from binoc_runbook.rehearsal.runner.job_context import JobContext
from binoc_runbook.rehearsal.runner.workflow_artifacts import StepError
from binoc_runbook.rehearsal.servers.crates_token import send_request
from binoc_runbook.rehearsal.servers.trusted_publishers import verify_token

_AUDIENCE = "sigstore"
_GITHUB = "https://github.com"


def attest(context: JobContext, files: Sequence[Path], variables: Mapping[str, str], token: str) -> None:
    """Store one attestation with all files as its subjects.

    `variables` is the environment of the step, `token` the token of the job for GitHub's API.

    Raises:
        StepError: The job has no `id-token: write` permission.
        TokenExchangeError: GitHub refused the attestation, because the job has no `attestations: write` permission.
    """
    secret = variables.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    if not secret:
        raise StepError("the job has no `id-token: write` permission")
    registries = context.host.registries
    identity = registries.identity
    issued = send_request(identity, "GET", "/token", secret, query={"audience": _AUDIENCE})["value"]
    claims = verify_token(issued, identity.keys, audience=_AUDIENCE, now=identity.now())
    bundle = bundle_of({file.name: sha256_of(file) for file in files}, claims, context.run.attempt)
    path = f"/repos/{context.repository.name}/attestations"
    send_request(registries.github, "POST", path, token, body={"bundle": bundle})


def bundle_of(digests: Mapping[str, str], claims: Mapping[str, Any], attempt: int = 1) -> dict[str, Any]:
    """Return a bundle about files with these SHA-256 digests by name, which a job with these claims built."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in digests.items()],
        "predicateType": PREDICATE,
        "predicate": _predicate(claims, attempt),
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": "rehearsal: this bundle has no signature"}},
        "dsseEnvelope": {
            "payload": base64.b64encode(json.dumps(statement).encode()).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [],
        },
    }


def _predicate(claims: Mapping[str, Any], attempt: int) -> dict[str, Any]:
    """Return the build provenance of a job (GitHub's build type `workflow/v1`)."""
    repository = f"{_GITHUB}/{claims['repository']}"
    path = str(claims["workflow_ref"]).partition("@")[0].removeprefix(f"{claims['repository']}/")
    return {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {"ref": claims["ref"], "repository": repository, "path": path}},
            "internalParameters": {"github": {"event_name": claims["event_name"]}},
            "resolvedDependencies": [
                {"uri": f"git+{repository}@{claims['ref']}", "digest": {"gitCommit": claims["sha"]}}
            ],
        },
        "runDetails": {
            "builder": {"id": f"{_GITHUB}/{claims['job_workflow_ref']}"},
            "metadata": {"invocationId": f"{repository}/actions/runs/{claims['run_id']}/attempts/{attempt}"},
        },
    }
