"""Tests that `binoc.diff` returns the reports that the tests of the command expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import binoc
import pytest

CASES = sorted((Path(__file__).parents[3] / "crates/binoc-cli/tests/cases").iterdir())


def options(arguments: list[str]) -> dict[str, Any]:
    """Return the keyword arguments that the arguments of the command mean."""
    result: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        match argument:
            case "--key":
                result.setdefault("key", []).append(next(rest))
            case "--key-of":
                result.setdefault("key", {}).setdefault(next(rest), []).append(next(rest))
            case "--examples":
                result["examples"] = int(next(rest))
            case "--memory":
                result["memory"] = next(rest)
            case _:
                raise AssertionError(argument)
    return result


def test_cases_were_collected() -> None:
    assert len(CASES) > 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_report_is_the_expected_one(case: Path) -> None:
    arguments = case / "args"
    keywords = options(arguments.read_text(encoding="utf-8").split()) if arguments.exists() else {}
    changes = binoc.diff(case / "a", case / "b", **keywords)
    # Without `newline`, Python would replace the line endings in the expected report.
    report = (case / "expected.md").read_bytes().decode()
    assert changes.to_markdown() == report
    assert changes.complete == ("\n- error: " not in report)
