"""Where a published crate was built and published, and the GitHub release, from the responses of their APIs."""

from __future__ import annotations

import base64
import json

import pytest

from binoc_runbook.checks.attestation import attestation
from binoc_runbook.checks.crate_publisher import crate_publisher
from binoc_runbook.checks.observations import CrateRecord, GitHubResponse
from binoc_runbook.checks.published import ReleaseContext
from binoc_runbook.checks.published_release import github_release
from binoc_runbook.policy import Artifact, Policy
from binoc_runbook.rehearsal.runner.build_provenance import bundle_of
from binoc_runbook.rehearsal.servers.identity import JobIdentity
from binoc_runbook.version import Version

SDK = Artifact("demo-sdk", "crates.io", "crates/demo-sdk")
POLICY = Policy(declared=True, repository="example/demo", artifacts=(SDK,))
RELEASE = ReleaseContext(POLICY, Version.parse("0.4.0"), 100.0)
DIGEST, COMMIT, TAG = "d" * 64, "c" * 40, "refs/tags/v0.4.0"
QUESTION = f"GET /repos/example/demo/attestations/sha256:{DIGEST}"


def stated(repository="Example/demo", workflow="publish.yml", ref=TAG, commit=COMMIT, digest=DIGEST):
    claims = JobIdentity(repository, 1, workflow, ref, commit).claims()
    return bundle_of({"SHA256SUMS": "a" * 64, "demo-sdk-0.4.0.crate": digest}, claims)


def attested(*bundles):
    return GitHubResponse(QUESTION, "value", {"attestations": [{"bundle": bundle} for bundle in bundles]})


def with_payload(statement):
    return {"dsseEnvelope": {"payload": base64.b64encode(json.dumps(statement).encode()).decode()}}


# The attestation


@pytest.mark.parametrize(
    ("response", "status", "data"),
    [
        (attested(stated()), "ok", "the signature was not verified"),
        # any of several attestations, for example of an earlier attempt
        (attested(stated(ref="refs/heads/main"), stated()), "ok", COMMIT[:12]),
        (attested(stated(repository="other/demo")), "failed", "repository https://github.com/other/demo"),
        (attested(stated(workflow="ci.yml")), "failed", "workflow .github/workflows/ci.yml"),
        (attested(stated(ref="refs/heads/main")), "failed", "ref refs/heads/main"),
        (attested(stated(commit="b" * 40)), "failed", f"commit {'b' * 40}"),
        (attested(stated(digest="e" * 64)), "failed", "digest another file"),
        (
            attested(with_payload({"predicateType": "https://spdx.dev/Document", "subject": []})),
            "failed",
            "predicate https://spdx",
        ),
        (attested({}), "unknown", "cannot be read"),
        (attested(None), "unknown", "cannot be read"),
        (attested({"dsseEnvelope": {"payload": "?"}}), "unknown", "cannot be read"),
        (attested(with_payload([])), "unknown", "cannot be read"),
        (attested(with_payload({"predicateType": "https://slsa.dev/provenance/v1"})), "unknown", "cannot be read"),
        (GitHubResponse(QUESTION, "value", []), "unknown", "cannot be read"),
        (attested(), "unknown", "no attestation"),
        (GitHubResponse(QUESTION, "absent", reason="404"), "unknown", "no attestation of sha256 dddddddddddd"),
        (GitHubResponse(QUESTION, "no token", reason="no token"), "unknown", "no token"),
        (GitHubResponse(QUESTION, "no answer", reason="503"), "unknown", "503"),
    ],
)
def test_attestation_of_a_crate(response, status, data):
    finding = attestation(SDK, DIGEST, response, RELEASE, COMMIT)
    assert (finding.check, finding.status) == ("provenance", status)
    assert finding.looked_at == "the attestation of demo-sdk 0.4.0"
    assert data in finding.saw
    assert finding.remedy.startswith({"ok": "", "failed": "cargo yank", "unknown": "GH_TOKEN=$("}[status])


def test_attestation_without_a_tag_to_compare_with_is_unknown():
    finding = attestation(SDK, DIGEST, attested(stated()), RELEASE, None)
    assert (finding.status, finding.remedy) == ("unknown", "git fetch --tags")


# The publisher


def record(publisher, versions=3, only=True):
    return CrateRecord("q", {"trustpub_data": publisher}, {"num_versions": versions, "trustpub_only": only})


JOB = {"provider": "github", "repository": "Example/Demo", "run_id": "7", "sha": COMMIT}


@pytest.mark.parametrize(
    ("answer", "tagged", "statuses", "data"),
    [
        (record(JOB), COMMIT, ["ok"], "run `7`"),
        (record(JOB, only=False), COMMIT, ["ok", "warning"], "run `7`"),
        (record(JOB | {"sha": "b" * 40}), COMMIT, ["failed"], "bbbbbbbbbbbb"),
        (record(JOB | {"repository": "other/demo"}), COMMIT, ["failed"], "other/demo"),
        (record(JOB | {"provider": "gitlab"}), COMMIT, ["failed"], "gitlab"),
        (record({"provider": "gitlab", "project_path": "x/y"}), COMMIT, ["failed"], "gitlab"),
        (record(None), COMMIT, ["failed"], "API token"),
        (record(None, versions=1), COMMIT, ["warning"], "first version"),
        (record(JOB), None, ["unknown"], "v0.4.0"),
        (CrateRecord("q", {"num": "0.4.0"}, {}), COMMIT, ["failed", "warning"], "API token"),
        (CrateRecord("q", reason="503"), COMMIT, ["unknown"], "503"),
    ],
)
def test_publisher_of_a_crate(answer, tagged, statuses, data):
    findings = list(crate_publisher(SDK, answer, RELEASE, tagged))
    assert [finding.status for finding in findings] == statuses
    assert {finding.check for finding in findings} == {"publisher"}
    assert data in findings[0].saw
    if statuses[0] == "failed":
        assert findings[0].remedy.startswith("cargo yank demo-sdk@0.4.0")


# The GitHub release

SUMS = {"a": "1" * 64, "b": "2" * 64}


def published_as(*names, immutable=True):
    value = {"immutable": immutable, "assets": [{"name": name} for name in names]}
    return GitHubResponse("GET releases", "value", value)


@pytest.mark.parametrize(
    ("response", "listed", "built", "own_build", "statuses"),
    [
        (published_as("SHA256SUMS"), SUMS, SUMS, False, ["ok"]),
        (published_as("SHA256SUMS"), SUMS, {}, False, ["ok"]),
        (published_as("SHA256SUMS", immutable=False), SUMS, SUMS, False, ["ok", "warning"]),
        (published_as("SHA256SUMS"), SUMS, SUMS | {"a": "3" * 64}, False, ["failed"]),
        (published_as("SHA256SUMS"), SUMS, SUMS | {"c": "3" * 64}, False, ["failed"]),
        (published_as("SHA256SUMS"), SUMS, {"a": "3" * 64}, True, ["warning"]),
        (published_as("SHA256SUMS"), SUMS, {"a": "1" * 64}, True, ["ok"]),
        (published_as("SHA256SUMS"), {}, SUMS, False, ["unknown"]),
        (published_as("other"), {}, SUMS, False, ["failed"]),
        (GitHubResponse("GET releases", "absent"), {}, SUMS, False, ["warning"]),
        (GitHubResponse("GET releases", "no token", reason="no token"), {}, SUMS, False, ["unknown"]),
        (GitHubResponse("GET releases", "no answer", reason="503"), {}, SUMS, False, ["unknown"]),
    ],
)
def test_github_release_of_a_tag(response, listed, built, own_build, statuses):
    release = ReleaseContext(POLICY, RELEASE.version, 100.0, own_build)
    findings = list(github_release(response, listed, built, release))
    assert [finding.status for finding in findings] == statuses
    assert {(finding.check, finding.looked_at) for finding in findings} == {
        ("github-release", "the GitHub release of v0.4.0")
    }
