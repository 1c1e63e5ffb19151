"""Tests that the JSON of a changeset is valid against the published schema."""

from __future__ import annotations

import json
from pathlib import Path

import binoc
import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[3]
CASES = sorted((ROOT / "crates/binoc-cli/tests/cases").iterdir())
SCHEMA = json.loads((ROOT / "docs/reference/schemas/changeset.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_changeset_is_valid(case: Path) -> None:
    Draft202012Validator(SCHEMA).validate(json.loads(binoc.diff(case / "a", case / "b").to_json()))


def test_changeset_with_diagnostics_is_valid(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "link").symlink_to(name)
    changes = json.loads(binoc.diff(tmp_path / "a", tmp_path / "b").to_json())
    assert changes["diagnostics"]
    Draft202012Validator(SCHEMA).validate(changes)
