"""Tests of the parameters and checksums of a verification."""

from __future__ import annotations

import json

import pytest

from binoc_runbook import start_verification
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import parse_verification_parameters
from binoc_runbook.release.record import digest_of
from binoc_runbook.release.verification import check_record
from binoc_runbook.version import Version

RECORD = "docs/releases/0.4.0.json"


@pytest.mark.parametrize(
    ("invalid", "looked_at"),
    [
        ({"version": 0.4}, "version 0.4"),
        ({"version": "v0.4.0"}, "version 'v0.4.0'"),
        ({"sums": ""}, "-p sums"),
        ({"sums": 3}, "-p sums"),
        ({"timeout": "long"}, "-p timeout"),
        ({"timeout": True}, "-p timeout"),
        ({"timeout": -1}, "-p timeout"),
        ({"timeout": float("nan")}, "-p timeout"),
        ({"world": "real"}, "-p world"),
        ({"world": "moon"}, "-p world"),
        ({"world": "rehearsal:moon"}, "-p world"),
        ({"injected": ["verison"]}, "-p verison"),
        ({"injected": ["patience"]}, "-p patience"),
    ],
)
def test_invalid_parameter_is_refused(invalid, looked_at):
    valid = {"version": "0.4.0", "sums": None, "timeout": 0, "world": "rehearsal"}
    parse_verification_parameters(**valid)
    with pytest.raises(RefusedError) as refusal:
        parse_verification_parameters(**valid | invalid)
    assert [(finding.status, finding.looked_at) for finding in refusal.value.findings] == [("failed", looked_at)]


@pytest.mark.rehearsal
def test_rehearsed_verification_needs_a_workflow_that_publishes(checkout, monkeypatch):
    monkeypatch.chdir(checkout.root)
    with pytest.raises(RefusedError) as refusal:
        start_verification("0.4.0", world="rehearsal")
    assert {(finding.check, finding.status) for finding in refusal.value.findings} == {("publication", "failed")}


@pytest.mark.parametrize(
    ("text", "given", "count"),
    [
        (f"{'a' * 64}  demo-0.4.0.tar.gz\n", None, 1),
        (f"{'a' * 64}  demo-0.3.0.tar.gz\n", None, 0),
        (f"{'a' * 64}  demo-0.3.0.tar.gz\n", "dist/SHA256SUMS", 1),
        (None, None, 0),
    ],
)
def test_checksums_of_the_last_build_are_used_if_they_are_of_this_version(checkout, monkeypatch, text, given, count):
    use_real_world(checkout, monkeypatch)
    if text is not None:
        checkout.write("dist/SHA256SUMS", text)
    assert len(start_verification("0.4.0", sums=given, world="real").sums) == count


@pytest.mark.parametrize("path", ["elsewhere", "CHANGELOG.md"])
def test_unreadable_checksums_are_refused(checkout, monkeypatch, path):
    use_real_world(checkout, monkeypatch)
    with pytest.raises(RefusedError) as refusal:
        start_verification("0.4.0", sums=path, world="real")
    (finding,) = refusal.value.findings
    assert (finding.check, finding.status, finding.looked_at) == ("sums", "failed", path)


def use_real_world(checkout, monkeypatch) -> None:
    """Allow the real world, which is not used before the first check."""
    monkeypatch.chdir(checkout.root)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, "ok"),
        ({"seconds": 11.0}, "failed"),
        ({"commit": None}, "failed"),
        ({"another": "key"}, "failed"),
        ({"digest": "0" * 64}, "failed"),
        ({"digest": None}, "warning"),
    ],
)
def test_filed_record_is_compared_with_its_digest(checkout, a_record, changes, status):
    record = a_record()
    checkout.write(RECORD, json.dumps(record | {"digest": digest_of(record)} | changes, indent=1))
    (finding,) = check_record(checkout.root, Version.parse("0.4.0"))
    assert (finding.check, finding.status, finding.looked_at) == ("records", status, RECORD)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_filed_record_that_cannot_be_read_fails(checkout, text):
    checkout.write(RECORD, text)
    (finding,) = check_record(checkout.root, Version.parse("0.4.0"))
    assert (finding.check, finding.status, finding.looked_at) == ("records", "failed", RECORD)


def test_release_without_a_filed_record_has_no_finding(checkout):
    assert not check_record(checkout.root, Version.parse("0.4.0"))
