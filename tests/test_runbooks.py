"""What the runbooks are: prose first, no logic, stored without outputs, and made of the stages of the library."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from binoc_runbook.release.parameters import RELEASE_PARAMETERS, VERIFICATION_PARAMETERS
from binoc_runbook.release.verification import CHAPTERS
from binoc_runbook.stages import ACTS, STAGES

ROOT = Path(__file__).parents[1]
RUNBOOKS = sorted((ROOT / "runbooks").glob("*.ipynb"))


def cells(path: Path, kind: str) -> list[dict]:
    return [cell for cell in json.loads(path.read_text("utf-8"))["cells"] if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_a_runbook_is_stored_without_outputs(path):
    for cell in cells(path, "code"):
        assert cell["outputs"] == []
        assert cell["execution_count"] is None


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_no_cell_is_longer_than_five_lines_and_none_has_logic(path):
    for cell in cells(path, "code"):
        assert len(cell["source"]) <= 5
        assert not re.search(r"^\s*(if|for|while|def|class|try|with)\b", "".join(cell["source"]), re.MULTILINE)


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.name)
def test_building_the_site_never_executes_a_runbook(path):
    assert json.loads(path.read_text("utf-8"))["metadata"]["mystnb"] == {"execution_mode": "off"}


def test_the_release_runs_every_stage_once_in_order_with_the_line_before_the_acts():
    source = ["".join(cell["source"]) for cell in cells(ROOT / "runbooks/release.ipynb", "code")]
    ran = [re.findall(r'release\.(?:run\("([\w-]+)"\)|(line)\(\))', text) for text in source]
    names = [run or line for found in ran for run, line in found]
    expected = [stage.name for stage in STAGES]
    expected.insert(expected.index(ACTS[0].name), "line")
    assert names == expected


def test_every_stage_has_a_chapter_that_says_what_can_refuse():
    chapters = ["".join(cell["source"]) for cell in cells(ROOT / "runbooks/release.ipynb", "markdown")]
    for number, stage in enumerate(STAGES, 1):
        (chapter,) = [text for text in chapters if text.startswith(f"## {number}. ")]
        assert "**What can refuse, and what to do then.**" in chapter, stage.name


def test_the_verification_asks_every_chapter_once_in_order_and_says_what_can_refuse():
    source = "".join("".join(cell["source"]) for cell in cells(ROOT / "runbooks/verify.ipynb", "code"))
    assert re.findall(r"verification\.(\w+)\(\)", source) == [*(name.replace("-", "_") for name in CHAPTERS), "finish"]
    chapters = ["".join(cell["source"]) for cell in cells(ROOT / "runbooks/verify.ipynb", "markdown")]
    for number, name in enumerate(CHAPTERS, 1):
        (chapter,) = [text for text in chapters if text.lower().startswith(f"## {number}. {name.replace('-', ' ')}: ")]
        assert "**What can refuse, and what to do then.**" in chapter


def test_the_parameters_of_the_verification_are_those_that_the_library_knows():
    (parameters,) = [
        cell
        for cell in cells(ROOT / "runbooks/verify.ipynb", "code")
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert re.findall(r"^(\w+):", "".join(parameters["source"]), re.MULTILINE) == list(VERIFICATION_PARAMETERS)


def test_the_parameters_are_those_that_the_library_knows():
    (parameters,) = [
        cell
        for cell in cells(ROOT / "runbooks/release.ipynb", "code")
        if "parameters" in cell["metadata"].get("tags", [])
    ]
    assert re.findall(r"^(\w+):", "".join(parameters["source"]), re.MULTILINE) == list(RELEASE_PARAMETERS)
    assert parameters["metadata"]["nbmake"]["mock"] == {"world": "rehearsal:quick", "dry_run": False}
