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
    ],
)
def test_invalid_parameter_is_refused(invalid, looked_at, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # so that the real world is allowed
    valid = {"version": "0.4.0", "world": "rehearsal"}
    parse_release_parameters(**valid)
    with pytest.raises(RefusedError) as refusal:
        parse_release_parameters(**valid | invalid)
    assert [(finding.status, finding.looked_at) for finding in refusal.value.findings] == [("failed", looked_at)]
