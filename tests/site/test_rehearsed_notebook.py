"""A page shows one value of each parameter, and names chapters by their stages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from binoc_runbook.site.runbooks.rehearsed_notebook import chapter_of, read_runbook, settle_parameters
from binoc_runbook.stages import STAGES

RUNBOOK = Path(__file__).parents[2] / "runbooks/release.ipynb"

DEFAULT = """\
version: str = None  # the version — e.g. 0.4.0
dry_run: bool = True  # False performs the acts
remote: str = None
"""


def notebook(default, *injected):
    cells = [{"cell_type": "code", "id": "parameters", "metadata": {"tags": ["parameters"]}, "source": default}]
    for source in injected:
        tagged = {"tags": ["injected-parameters"]}
        cells.append({"cell_type": "code", "id": "x", "metadata": tagged, "source": source.splitlines(keepends=True)})
    return {"cells": cells, "metadata": {"binoc_runbook": {}}, "nbformat": 4, "nbformat_minor": 5}


def settled(default, *injected):
    told = notebook(default, *injected)
    settle_parameters(told)
    return ["".join(cell["source"]) for cell in told["cells"]]


def test_a_value_that_was_given_stands_in_the_place_of_the_default():
    (shown,) = settled(DEFAULT, '# Parameters\nversion = "0.4.0"\ndry_run = False\n')
    assert shown == DEFAULT.replace("str = None  # the version", 'str = "0.4.0"  # the version').replace(
        "True", "False"
    )


def test_defaults_alone_stay_as_they_are():
    assert settled(DEFAULT) == [DEFAULT]


def test_the_last_value_that_was_given_counts():
    (shown,) = settled(DEFAULT, "# Parameters\ndry_run = False\n", "# Parameters\ndry_run = True\nremote = 'there'\n")
    assert "dry_run: bool = True" in shown
    assert "remote: str = 'there'" in shown


def test_a_value_without_a_default_is_not_lost():
    assert settled(DEFAULT, "# Parameters\nverison = '0.4.0'\n") == [f"{DEFAULT}\nverison = '0.4.0'"]


@pytest.mark.parametrize("damaged", ["dry_run = = True", "dry_run = ("])
def test_what_is_no_python_is_shown_as_it_is(damaged):
    assert settled(DEFAULT, damaged) == [DEFAULT, damaged]


def test_a_cell_that_was_damaged_by_hand_is_no_obstacle():
    told = notebook(DEFAULT, "# Parameters\ndry_run = False\n")
    told["cells"].append({"cell_type": "code", "id": "empty"})
    del told["cells"][1]["source"]
    settle_parameters(told)
    assert [cell.get("source") for cell in told["cells"]] == [DEFAULT, None]


def test_each_stage_is_a_chapter_of_the_runbook():
    cells = json.loads(RUNBOOK.read_text("utf-8"))["cells"]
    chapters = [chapter_of(cell) for cell in cells]
    assert {stage.name for stage in STAGES} | {"plan", "line", "follow", "end"} <= set(chapters)
    assert all(chapter is None for chapter, cell in zip(chapters, cells, strict=True) if cell["cell_type"] != "code")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": [], "metadata": {}, "nbformat": 4}'])
def test_what_is_no_runbook_of_ours_is_left_alone(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text, "utf-8")
    assert read_runbook(tmp_path / "x.ipynb") is None
