"""Parameters and chapters of a rehearsed runbook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from binoc_runbook.site.runbooks.rehearsed_notebook import chapter_of, read_runbook, settle_parameters
from binoc_runbook.stages import STAGES

RUNBOOK = Path(__file__).parents[2] / "runbooks/release.ipynb"

DEFAULT = """\
version: str = None  # the version — e.g. 0.4.0
dry_run: bool = True  # False releases
remote: str = None
"""


def notebook(default, *injected):
    cells = [{"cell_type": "code", "id": "parameters", "metadata": {"tags": ["parameters"]}, "source": default}]
    for source in injected:
        tagged = {"tags": ["injected-parameters"]}
        cells.append({"cell_type": "code", "id": "x", "metadata": tagged, "source": source.splitlines(keepends=True)})
    return {"cells": cells, "metadata": {"binoc_runbook": {}}, "nbformat": 4, "nbformat_minor": 5}


def settled(default, *injected):
    runbook = notebook(default, *injected)
    settle_parameters(runbook)
    return ["".join(cell["source"]) for cell in runbook["cells"]]


def test_value_of_the_run_replaces_the_default():
    (source,) = settled(DEFAULT, '# Parameters\nversion = "0.4.0"\ndry_run = False\n')
    assert source == DEFAULT.replace("str = None  # the version", 'str = "0.4.0"  # the version').replace(
        "True", "False"
    )


def test_defaults_without_values_are_unchanged():
    assert settled(DEFAULT) == [DEFAULT]


def test_last_value_of_the_run_is_shown():
    (source,) = settled(DEFAULT, "# Parameters\ndry_run = False\n", "# Parameters\ndry_run = True\nremote = 'there'\n")
    assert "dry_run: bool = True" in source
    assert "remote: str = 'there'" in source


def test_value_without_a_default_is_added():
    assert settled(DEFAULT, "# Parameters\nverison = '0.4.0'\n") == [f"{DEFAULT}\nverison = '0.4.0'"]


@pytest.mark.parametrize("damaged", ["dry_run = = True", "dry_run = ("])
def test_invalid_python_is_unchanged(damaged):
    assert settled(DEFAULT, damaged) == [DEFAULT, damaged]


def test_damaged_cell_is_ignored():
    runbook = notebook(DEFAULT, "# Parameters\ndry_run = False\n")
    runbook["cells"].append({"cell_type": "code", "id": "empty"})
    del runbook["cells"][1]["source"]
    settle_parameters(runbook)
    assert [cell.get("source") for cell in runbook["cells"]] == [DEFAULT, None]


def test_every_stage_is_a_chapter_of_the_runbook():
    cells = json.loads(RUNBOOK.read_text("utf-8"))["cells"]
    chapters = [chapter_of(cell) for cell in cells]
    assert {stage.name for stage in STAGES} | {"plan", "recheck", "follow", "end"} <= set(chapters)
    assert all(chapter is None for chapter, cell in zip(chapters, cells, strict=True) if cell["cell_type"] != "code")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": [], "metadata": {}, "nbformat": 4}'])
def test_other_notebooks_are_not_runbooks(tmp_path, text):
    (tmp_path / "x.ipynb").write_text(text, "utf-8")
    assert read_runbook(tmp_path / "x.ipynb") is None
