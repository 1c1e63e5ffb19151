"""Tests of the stored runbooks: no logic, no outputs, and one section for each stage of the library."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from binoc_runbook.release.parameters import RELEASE_PARAMETERS, VERIFICATION_PARAMETERS
from binoc_runbook.release.verification import CHAPTERS
from binoc_runbook.stages import ACTION_STAGES, STAGES

ROOT = Path(__file__).parents[1]
#: The paragraph of each section about failures and their fixes.
RECOVERY = "\n\n**How it fails, and how to recover.** "
RUNBOOKS = sorted((ROOT / "runbooks").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_runbook_is_stored_without_outputs(path):
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_cells_have_at_most_five_lines_and_no_logic(path):
    for cell in cells(path, "code"):
        # The cell of the parameters has one line for each.
        assert len(cell["source"]) <= 5 or "parameters" in cell["metadata"].get("tags", [])
        assert not re.search(r"^\s*(if|for|while|def|class|try|with)\b", "".join(cell["source"]), re.MULTILINE)


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_runbook_disables_execution_in_the_site(path):
    assert json.loads(path.read_text("utf-8"))["metadata"]["mystnb"] == {"execution_mode": "off"}


def test_release_runs_every_stage_in_order_with_the_point_of_no_return_before_the_actions():
    source = ["".join(cell["source"]) for cell in cells(ROOT / "runbooks/release.ipynb", "code")]
    calls = re.findall(r'release\.(?:run\("([\w-]+)"\)|(recheck)\(\))', "".join(source))
    names = [stage or recheck for stage, recheck in calls]
    expected = [stage.name for stage in STAGES]
    expected.insert(expected.index(ACTION_STAGES[0].name), "recheck")
    assert names == expected


def test_every_stage_has_a_section_about_recovery():
    sections = ["".join(cell["source"]) for cell in cells(ROOT / "runbooks/release.ipynb", "markdown")]
    for number, stage in enumerate(STAGES, 1):
        (section,) = [text for text in sections if text.startswith(f"## {number}. ")]
        assert RECOVERY in section, stage.name


def test_verification_runs_every_check_in_order_and_has_sections_about_recovery():
    source = "".join("".join(cell["source"]) for cell in cells(ROOT / "runbooks/verify.ipynb", "code"))
    assert re.findall(r"verification\.(\w+)\(\)", source) == [*(name.replace("-", "_") for name in CHAPTERS), "finish"]
    sections = ["".join(cell["source"]) for cell in cells(ROOT / "runbooks/verify.ipynb", "markdown")]
    for number, name in enumerate(CHAPTERS, 1):
        (section,) = [text for text in sections if text.lower().startswith(f"## {number}. {name.replace('-', ' ')}: ")]
        assert RECOVERY in section


def test_verification_parameters_match_the_library():
    (parameters,) = [
        cell
        for cell in cells(ROOT / "runbooks/verify.ipynb", "code")
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert re.findall(r"^(\w+):", "".join(parameters["source"]), re.MULTILINE) == list(VERIFICATION_PARAMETERS)


def test_release_parameters_match_the_library():
    (parameters,) = [
        cell
        for cell in cells(ROOT / "runbooks/release.ipynb", "code")
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert re.findall(r"^(\w+):", "".join(parameters["source"]), re.MULTILINE) == list(RELEASE_PARAMETERS)
    assert parameters["metadata"]["nbmake"]["mock"] == {"world": "rehearsal:quick", "dry_run": False}
