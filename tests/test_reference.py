"""The reference of the command says what the command really prints: each field of its JSON, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from binoc_runbook.cli import main
from binoc_runbook.finding import Findings

PAGE = (Path(__file__).parents[1] / "docs/reference/command.md").read_text("utf-8")


def documented(heading: str) -> set[str]:
    """The names in the first column of the table below a heading line, list signs removed."""
    table = PAGE.split(heading, 1)[1].split("\n\n")[1]
    columns = (line.split("|")[1] for line in table.splitlines()[2:])
    return {name.replace("[]", "") for column in columns for name in re.findall(r"`([^`]+)`", column)}


@pytest.fixture
def told(checkout, capsys):
    def run(*arguments):
        main(["--root", str(checkout.root), *arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    return run


def test_check(told):
    answer = told("check")
    assert documented("`check --json`:") == set(answer)
    assert documented("A **finding** is the same everywhere:") == set(answer["findings"][0])


def test_check_tag(told):
    assert documented("`check-tag --json`:") == set(told("check-tag", "refs/tags/v0.4.0"))


def test_inspect(told):
    answer = told("inspect")
    fields = {f"packages.{name}" for name in answer["packages"][0]} | set(answer)
    assert documented("`inspect --json`:") == fields
    assert set(answer["orphans"][0]) == {"manifest", "reason"}


def test_plan(told):
    answer = told("plan")
    assert documented("`plan --json`:") == set(answer)
    assert set(answer["stages"][0]) == {"name", "sentence", "reach", "commands"}


def test_setup_check(told, monkeypatch):
    monkeypatch.setattr("binoc_runbook.setup.ask_setup", lambda world, policy: Findings())  # asks registries otherwise
    assert documented("`setup-check --json`:") == set(told("setup-check"))


def test_the_record(checkout):
    from binoc_runbook.opening import open_target
    from binoc_runbook.release import Release
    from binoc_runbook.world import World

    class Silent:
        def __getattr__(self, name):
            return lambda *arguments: None

    release = Release(open_target(World.real(checkout.root), "0.4.0"), Silent(), checkout.root / "runs", dry_run=True)
    release.run("tree")
    record = release.record.to_json()
    assert documented("The **record** of a run, beside its executed notebook:") == set(record)
    row = next(line for line in PAGE.splitlines() if line.startswith("| `stages[]`"))
    assert set(re.findall(r"`(\w+)`", row.split("|")[3])) == set(record["stages"][0])


def test_the_verification(checkout):
    from binoc_runbook.opening import open_target
    from binoc_runbook.verification import Verification
    from binoc_runbook.world import World

    class Silent:
        def __getattr__(self, name):
            return lambda *arguments: None

    target = open_target(World.real(checkout.root), "0.4.0")
    record = Verification(target, Silent(), checkout.root / "runs", sums={}).to_json()
    assert documented("`runs/verify-VERSION.json`:") == set(record)
