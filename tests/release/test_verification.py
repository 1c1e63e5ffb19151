"""Tests of the parameters and checksums of a verification."""

from __future__ import annotations

import pytest

from binoc_runbook import start_verification
from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import parse_verification_parameters


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
