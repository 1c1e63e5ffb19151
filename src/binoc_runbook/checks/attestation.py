"""Check of GitHub's attestation of a crate: the statement about its digest names the repository, workflow and commit.

GitHub stores attestations that `actions/attest` signed with the identity of a job. This check compares the statement,
and does not verify its signature; `gh attestation verify` does that.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from binoc_runbook.checks.observations import GitHubResponse
from binoc_runbook.checks.published import PROVENANCE, ReleaseContext, yank
from binoc_runbook.checks.workflow.model import WORKFLOWS
from binoc_runbook.finding import Finding
from binoc_runbook.policy import Artifact

#: The type of the predicate of build provenance (SLSA 1.0).
PREDICATE = "https://slsa.dev/provenance/v1"


def statement_of(bundle: Mapping[str, Any]) -> dict[str, Any]:
    """Return the statement (in-toto 1.0) in a bundle of Sigstore.

    Raises:
        ValueError: The bundle has none.
    """
    try:
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"], validate=True))
        return {**statement, "subject": list(statement["subject"])}
    except (KeyError, TypeError) as error:
        raise ValueError(f"the bundle of an attestation has no {error}") from None


def attestation(
    artifact: Artifact, digest: str, response: GitHubResponse, release: ReleaseContext, tagged: str | None
) -> Finding:
    """Compare GitHub's attestations of a published crate with the policy and the commit of the tag in this clone.

    `digest` is the SHA-256 digest at the registry, `response` that of GitHub's API for it ("Attestations"), in the
    version 2022-11-28, which contains the bundles; later ones have only their URLs.
    """
    looked_at = f"the attestation of {artifact.name} {release.version}"
    again = f"GH_TOKEN=$(gh auth token) just verify {release.version}"
    if tagged is None:
        saw = f"this clone has no tag `{release.tag}` to compare with"
        return Finding.unknown(PROVENANCE, looked_at, saw, "git fetch --tags")
    if response.outcome == "absent":
        saw = f"GitHub has no attestation of sha256 {digest[:12]}…, or this token cannot see it"
        return Finding.unknown(PROVENANCE, looked_at, saw, again)
    if response.outcome != "value":
        return Finding.unknown(PROVENANCE, looked_at, f"`{response.question}` failed: `{response.reason}`", again)
    try:
        statements = [statement_of(entry["bundle"] or {}) for entry in response.value["attestations"]]
        differences = [_differences(statement, digest, release, tagged) for statement in statements]
    except (ValueError, KeyError, TypeError, AttributeError):
        saw = "GitHub's response has an attestation that cannot be read"
        return Finding.unknown(PROVENANCE, looked_at, saw, again)
    if not differences:
        return Finding.unknown(PROVENANCE, looked_at, "GitHub's response has no attestation", again)
    best = min(differences, key=len)
    if best:
        saw = f"attested for another build: `{', '.join(best)}`"
        return Finding.failed(PROVENANCE, looked_at, saw, yank(artifact, release))
    saw = (
        f"states that `{release.policy.workflow}` of `{release.policy.repository}` built it from `{release.tag}`,"
        f" `{tagged[:12]}`; the signature was not verified, which `gh attestation verify` does"
    )
    return Finding.ok(PROVENANCE, looked_at, saw)


def _differences(statement: dict[str, Any], digest: str, release: ReleaseContext, tagged: str) -> list[str]:
    """Return the values of a statement that differ from those of the release."""
    if statement["predicateType"] != PREDICATE:
        return [f"predicate {statement['predicateType']}"]
    definition = statement["predicate"]["buildDefinition"]
    workflow, policy = definition["externalParameters"]["workflow"], release.policy
    sources = [source["digest"]["gitCommit"] for source in definition["resolvedDependencies"]]
    digests = [subject["digest"].get("sha256") for subject in statement["subject"]]
    expected = {
        "digest": (digest, digest if digest in digests else "another file"),
        "repository": (f"https://github.com/{policy.repository}".lower(), str(workflow["repository"]).lower()),
        "workflow": (f"{WORKFLOWS}/{policy.workflow}", workflow["path"]),
        "ref": (f"refs/tags/{release.tag}", workflow["ref"]),
        "commit": (tagged, tagged if tagged in sources else ", ".join(sources)),
    }
    return [f"{name} {stated}" for name, (wanted, stated) in expected.items() if wanted != stated]
