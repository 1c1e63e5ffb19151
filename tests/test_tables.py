"""The tables of the pages say what the code says: each artifact, check and text of a registry, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import binoc_runbook
from binoc_runbook.checks.published import COMMIT, PROVENANCE, PUBLISHED
from binoc_runbook.environ import VARIABLES
from binoc_runbook.rehearsal.runner.failure_diagnosis import KNOWN_FAILURES, FailedJob, diagnose
from binoc_runbook.stages import STAGES
from binoc_runbook.workspace.policy_table import read_policy

DOCS = Path(__file__).parents[1] / "docs"
SOURCE = Path(binoc_runbook.__file__).parent
#: What the pages call a registry.
AT = {"pypi": "PyPI", "crates.io": "crates.io"}


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, each as its cells."""
    _, found, below = (DOCS / page).read_text("utf-8").partition(f"\n{heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    lines = below[below.index("\n|") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_what_is_released():
    promise = read_policy(DOCS.parent)
    rows = table("index.md", "## Published artifacts")
    assert [row[:2] for row in rows] == [[f"`{each.name}`", AT[each.registry]] for each in promise.artifacts]


def test_the_values_that_the_registries_ask_for():
    promise = read_policy(DOCS.parent)
    values = dict(table("how-to/set-up-the-registries.md", "## The four values"))
    assert f"{values['owner']}/{values['repository']}".replace("`", "") == promise.repository
    assert values["workflow"].startswith(f"`{promise.workflow}`,")
    rows = table("how-to/set-up-the-registries.md", "The environments of this repository:")
    assert rows == [[f"`{each.name}`", AT[each.registry], f"`{each.environment}`"] for each in promise.artifacts]


def test_the_environment_variables():
    rows = table("reference/command.md", "## Environment variables")
    assert rows == [[f"`{name}`", meaning] for name, meaning in VARIABLES.items()]


def names_of_checks() -> set[str]:
    """Every name that stands first in a finding: a word there, the `CHECK` of a module, or a stage's own."""
    names = {PUBLISHED, COMMIT, PROVENANCE, *(stage.name for stage in STAGES)}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Assign(targets=[ast.Name(id="CHECK")], value=ast.Constant(value=str(name))):
                    names.add(name)
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="Finding")) | ast.Name(id="Finding" | "_verdict"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    names.add(name)
    return names


def test_the_checks():
    rows = table("reference/findings.md", "## Checks")
    listed = {row[0].strip("`") for row in rows}
    assert listed == names_of_checks()
    assert all(len(row) == 3 and all(row) for row in rows)


def test_the_symptoms_are_what_is_printed():
    """Each quotation in a heading of the page is in a message of the library, piece by piece."""
    page = (DOCS / "how-to/finish-a-broken-release.md").read_text("utf-8")
    printed = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py"))
    quoted = [each for line in page.splitlines() if line.startswith("### ") for each in re.findall('"([^"]+)"', line)]
    assert len(quoted) > 10
    assert [piece for each in quoted for piece in each.split("…") if piece.strip() not in printed] == []


def test_what_the_registries_say():
    job = FailedJob("OWNER", "NAME", "publish.yml", "pypi-demo", "VERSION")
    rows = table("how-to/finish-a-broken-release.md", "### A publish job failed")
    for texts, meaning, remedy in rows:
        for text in texts.split("; "):
            assert (meaning, remedy.replace("the four values", job.publisher)) == diagnose([text], job)
    assert [row[1] for row in rows] == [failure.meaning for failure in KNOWN_FAILURES]
