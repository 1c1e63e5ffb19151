"""Which Pythons are found: what they say when they are run, not what they are called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from binoc_runbook.world.processes import Processes
from binoc_runbook.world.pythons import find_pythons


@pytest.fixture
def machine(tmp_path):
    """A PATH and a pyenv of which the test decides; a Python there says what the test lets it say."""

    def says(directory: str, name: str, words: str) -> Path:
        place = tmp_path / directory / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"#!/bin/sh\n{words}\n")
        place.chmod(0o755)
        return place

    return says


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    # What runs the tests is put before every PATH, so it is always among those that are found.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python-of-the-tests"))
    return Processes(tmp_path, {"PATH": f"{tmp_path / 'bin'}{os.pathsep}/bin", "PYENV_ROOT": str(tmp_path / "pyenv")})


def mine(found, tmp_path) -> list[str]:
    return [f"{each}, {each.path}" for each in found if each.path.is_relative_to("/of")]


def test_the_newest_patch_of_each_minor_version_is_taken_from_path_and_pyenv(machine, here, tmp_path):
    machine("bin", "python3.98", 'echo "3 98 1 /of/path"')
    machine("bin", "python3", 'echo "3 99 0 /of/python3"')
    machine("pyenv/versions/3.98.4/bin", "python", 'echo "3 98 4 /of/pyenv"')
    machine("pyenv/versions/3.9.18/bin", "python", 'echo "3 9 18 /of/too-old"')
    assert mine(find_pythons(here), tmp_path) == ["CPython 3.98.4, /of/pyenv", "CPython 3.99.0, /of/python3"]


def test_a_broken_shim_and_whatever_is_no_python_of_ours_is_passed_over(machine, here, tmp_path):
    machine("bin", "python3.97", "exit 127")
    machine("bin", "python3.98", "")
    machine("bin", "python3-config", 'echo "3 99 0 /of/config"')
    (tmp_path / "bin/python3.99").write_text("not executable")
    assert mine(find_pythons(here), tmp_path) == []


def test_the_python_that_runs_this_is_found_by_what_it_was_made_from(tmp_path):
    found = {each.version: each for each in find_pythons(Processes(tmp_path))}
    newer = [version for version in found if version[:2] == sys.version_info[:2] and version >= sys.version_info[:3]]
    assert newer
    assert not found[newer[0]].path.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
