"""Every fault of the catalogue is rehearsed: created, shown, diagnosed, fixed and released."""

from __future__ import annotations

import pytest

from binoc_runbook.cli.fault_rehearsal import rehearse_fault
from binoc_runbook.rehearsal.scenarios import SCENARIOS

REHEARSED = [scenario for scenario in SCENARIOS if scenario.create]


@pytest.mark.rehearsal
@pytest.mark.parametrize("scenario", REHEARSED, ids=lambda scenario: scenario.name)
def test_fault_is_shown_and_fixed(checkout, scenario, monkeypatch, local_registries):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    lines = []
    findings = rehearse_fault(checkout.root, scenario, lines.append)
    print("\n".join(lines))
    assert [finding for finding in findings if finding.status != "ok"] == []
