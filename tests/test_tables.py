"""The tables of the pages have the artifacts, checks and texts of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from binoc_runbook.checks.release_state import PLACES, STATES
from binoc_runbook.cli.options import COMMANDS
from binoc_runbook.environ import HIDDEN, INHERITED, VARIABLES
from binoc_runbook.rehearsal.runner.failure_diagnosis import KNOWN_FAILURES, FailedJob, diagnose
from binoc_runbook.version import Version, VersionError
from binoc_runbook.workspace.policy_table import read_policy

from .message_files import read

DOCS = Path(__file__).parents[1] / "docs"
#: Checks whose findings are only made in processes that the tests start, where no golden message is recorded.
IN_PROCESSES = {"runbook"}
#: Messages that are printed at the end of such a process; tests/rehearsals/test_release_notebook.py brings them about.
INTERRUPTED_OR_DONE = ("this stage was interrupted", "0.4.0 is already released as v0.4.0; this run changed nothing")
#: The names of the registries on the pages.
AT = {"pypi": "PyPI", "crates.io": "crates.io"}


def table(page: str, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, as lists of cells."""
    _, separator, below = (DOCS / page).read_text("utf-8").partition(f"\n{heading}\n")
    assert separator, f"{page} has no heading {heading!r}"
    lines = below[below.index("\n|") + 1 :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_released_artifacts():
    policy = read_policy(DOCS.parent)
    rows = table("index.md", "## Published artifacts")
    assert [row[:2] for row in rows] == [[f"`{item.name}`", AT[item.registry]] for item in policy.artifacts]


def test_values_for_the_registries():
    policy = read_policy(DOCS.parent)
    values = dict(table("how-to/set-up-the-registries.md", "## The four values"))
    assert f"{values['owner']}/{values['repository']}".replace("`", "") == policy.repository
    assert values["workflow"].startswith(f"`{policy.workflow}`,")
    rows = table("how-to/set-up-the-registries.md", "The environments of this repository:")
    assert rows == [[f"`{item.name}`", AT[item.registry], f"`{item.environment}`"] for item in policy.artifacts]


def test_environment_variables():
    rows = table("reference/command.md", "## Environment variables")
    assert rows == [[f"`{name}`", meaning] for name, meaning in VARIABLES.items()]


def test_variables_that_tests_do_not_get():
    rows = table("reference/command.md", "## Variables that tests do not get")
    assert rows == [[f"`{pattern}`", examples] for pattern, examples in HIDDEN.items()]


def test_variables_that_jobs_inherit():
    rows = table("explanation/what-is-executed.md", "## Environment of jobs and smoke tests")
    assert rows == [[", ".join(f"`{name}`" for name in names), what] for what, names in INHERITED.items()]


def test_what_each_command_executes():
    rows = table("explanation/what-is-executed.md", "## Commands")
    assert [row[0] for row in rows] == [f"`{name}`" for name in COMMANDS]
    assert all(row[1] for row in rows)


def test_checks():
    rows = table("reference/findings.md", "## Checks")
    listed = [row[0].strip("`") for row in rows]
    assert len(listed) == len(set(listed))
    assert {entry["check"] for entry in read().values()} - {""} == set(listed) - IN_PROCESSES
    assert all(len(row) == 3 and all(row) for row in rows)


def test_quoted_messages_exist():
    """Check that each quotation in a heading of the page is part of a golden message."""
    page = (DOCS / "how-to/finish-a-broken-release.md").read_text("utf-8")
    with pytest.raises(VersionError) as error:
        Version.parse("0.4")
    texts = [str(error.value), *INTERRUPTED_OR_DONE]
    texts += [entry[key] for entry in read().values() for key in ("looked_at", "saw", "remedy")]
    headings = [line for line in page.splitlines() if line.startswith("### ")]
    quoted = [quotation for heading in headings for quotation in re.findall('"([^"]+)"', heading)]
    assert len(quoted) > 10
    parts = [part.strip() for quotation in quoted for part in quotation.split("…")]
    assert [part for part in parts if not any(part in text for text in texts)] == []


def test_errors_of_the_registries():
    job = FailedJob("OWNER", "NAME", "publish.yml", "pypi-demo", "VERSION")
    rows = table("how-to/finish-a-broken-release.md", "### A publish job failed")
    for texts, meaning, remedy in rows:
        for text in texts.split("; "):
            assert (meaning, remedy.replace("the four values", job.publisher)) == diagnose([text], job)
    assert [row[1] for row in rows] == [failure.meaning for failure in KNOWN_FAILURES]


def test_release_states():
    rows = table("reference/release-states.md", "## States")
    assert [row[:2] for row in rows] == [[state.name, state.meaning] for state in STATES]
    assert all(row[2] for row in rows)
    assert [row[0] for row in table("reference/release-states.md", "## Places")] == list(PLACES)
