"""The diagrams of the architecture page match the packages and functions in the code."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from pkgutil import resolve_name

import pytest

ROOT = Path(__file__).parents[2]
LAYOUT = runpy.run_path(str(ROOT / "tests/test_layout.py"))


@pytest.fixture
def boxes():
    """Return the boxes of both diagrams from top to bottom: the names in the heading of each, and its text."""
    page = (ROOT / "docs/explanation/architecture.md").read_text("utf-8")
    drawings = re.findall(r":::\{container\} flow\n(.*?)\n:::", page, re.DOTALL)
    lines = [re.findall(r"(?m)^\d+\. (.+)$", drawing) for drawing in drawings]
    return [[(re.findall("`([^`]+)`", line.partition(":")[0]), line) for line in drawing] for drawing in lines]


def test_boxes_are_the_packages_in_import_order(boxes):
    packages, _ = boxes
    assert [name for names, _ in reversed(packages) for name in names] == list(LAYOUT["ORDER"])


def test_packages_in_one_box_do_not_import_each_other(boxes):
    packages, _ = boxes
    for names in (set(names) for names, _ in packages):
        for path in (path for path in LAYOUT["FILES"] if LAYOUT["top_level"](path) in names):
            used = {module.split(".")[1] for module in LAYOUT["imports"](path) if module.startswith("binoc_runbook.")}
            assert used & names <= {LAYOUT["top_level"](path)}


def test_path_of_a_version_starts_in_the_notebook_and_names_existing_functions(boxes):
    _, ((cell, path), first), *rest = boxes[0], *boxes[1]
    cells = {item["id"]: "".join(item["source"]) for item in json.loads((ROOT / path).read_text("utf-8"))["cells"]}
    assert re.search(": `([^`]+)`", first)[1] in cells[cell]
    assert rest[0][0][0].rpartition(".")[2] in cells["open"]
    for names, _ in rest:
        for name in names:
            assert resolve_name(f"binoc_runbook.{name}")
