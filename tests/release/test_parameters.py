"""Tests of the parameters of a release."""

from __future__ import annotations

import pytest

from binoc_runbook.finding import RefusedError
from binoc_runbook.release.parameters import parse_release_parameters


@pytest.mark.parametrize(
    ("invalid", "looked_at"),
    [
        ({"dry_run": "no"}, "-p dry_run"),
        ({"retest": 1}, "-p retest"),
        ({"remote": "", "world": "real"}, "-p remote"),
        ({"remote": "origin"}, "-p remote"),
        ({"version": None, "dry_run": False, "world": "real"}, "-p version"),
        ({"injected": ["verison"]}, "-p verison"),
        ({"injected": ["colour"]}, "-p colour"),
    ],
)
def test_invalid_parameter_is_refused(invalid, looked_at, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # so that the real world is allowed
    valid = {"version": "0.4.0", "world": "rehearsal"}
    parse_release_parameters(**valid)
    with pytest.raises(RefusedError) as refusal:
        parse_release_parameters(**valid | invalid)
    assert [(finding.status, finding.looked_at) for finding in refusal.value.findings] == [("failed", looked_at)]


@pytest.mark.parametrize(
    ("invalid", "remedy"),
    [
        ({"dry_run": "False"}, "-p dry_run False"),  # papermill's `-r` passes text
        ({"dry_run": "no"}, "-p dry_run False"),
        ({"retest": 1}, "-p retest True"),
        ({"dry_run": "maybe"}, "-p dry_run True, or -p dry_run False"),
        ({"injected": ["dryrun"]}, "use `-p dry_run`"),
        ({"version": "1.10"}, "type `1.10.0`"),
        ({"version": "v0.4.0"}, "type `0.4.0`"),
    ],
)
def test_remedy_is_the_nearest_valid_parameter(invalid, remedy):
    with pytest.raises(RefusedError) as refusal:
        parse_release_parameters(**{"version": "0.4.0", "world": "rehearsal"} | invalid)
    assert [finding.remedy for finding in refusal.value.findings] == [remedy]
