"""Every fault of the catalogue is created, shown, diagnosed, fixed and released; the list has all of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from binoc_runbook.cli import main
from binoc_runbook.cli.fault_rehearsal import rehearse_fault
from binoc_runbook.rehearsal.faults import FAULTS
from binoc_runbook.rehearsal.scenarios import REHEARSED, SCENARIOS

ROOT = Path(__file__).parents[2]
CREATED = [scenario for scenario in SCENARIOS if scenario.create]


@pytest.mark.rehearsal
@pytest.mark.parametrize("scenario", CREATED, ids=lambda scenario: scenario.name)
def test_fault_is_shown_and_fixed(checkout, scenario, monkeypatch, local_registries):
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    before = checkout.remote_refs(), checkout.head()
    lines = []
    findings = rehearse_fault(checkout.root, scenario, lines.append)
    assert findings.having("failed", "unknown", "warning") == (), "\n".join(lines)
    assert len(findings) > 4
    assert (checkout.remote_refs(), checkout.head()) == before


@pytest.mark.rehearsal
def test_fault_with_another_version_is_created_in_this_repository(monkeypatch, local_registries):
    """Its packages require each other with an upper limit, which allows no much older version."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    command = [sys.executable, "-m", "binoc_runbook.cli", "rehearse", "--fault", "tag-before-the-bump"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.rehearsal
def test_fault_that_is_not_fixed_fails(checkout, monkeypatch, local_registries):
    from dataclasses import replace

    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)
    (scenario,) = [item for item in SCENARIOS if item.name == "modified-file"]
    unfixed = replace(scenario, fix=lambda sandbox: ())
    findings = rehearse_fault(checkout.root, unfixed, lambda line: None)
    assert findings.having("failed") != ()


def test_list_has_every_fault(capsys):
    assert main(["--root", str(ROOT), "rehearse", "--list-faults"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[1] for row in rows] == [scenario.name for scenario in SCENARIOS]
    assert {row[0] for row in rows} == {f"F{number}" for number in range(1, 33)}
    assert {row[1] for row in rows if not row[3]} == set(REHEARSED)


def test_faults_of_the_registries_are_in_the_catalogue():
    assert set(FAULTS) <= {scenario.name for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_fault_is_rehearsed_or_has_a_reason(scenario):
    assert bool(scenario.create) != bool(scenario.reason)
    assert all((ROOT / path).is_file() for path in re.findall(r"`(tests/[\w/]+\.py)`", scenario.reason))
