"""The Pythons of a machine, identified by running them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from binoc_runbook.world.processes import Processes
from binoc_runbook.world.pythons import find_pythons


@pytest.fixture
def machine(tmp_path):
    """Return a function that adds a shell script as a Python to PATH or to pyenv."""

    def add(directory: str, name: str, script: str) -> Path:
        path = tmp_path / directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return add


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    # The Python that runs the tests is always first on PATH.
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python-of-the-tests"))
    return Processes(tmp_path, {"PATH": f"{tmp_path / 'bin'}{os.pathsep}/bin", "PYENV_ROOT": str(tmp_path / "pyenv")})


def added(pythons) -> list[str]:
    return [f"{python}, {python.path}" for python in pythons if python.path.is_relative_to("/of")]


def test_newest_patch_of_each_minor_version_is_returned(machine, here):
    machine("bin", "python3.98", 'echo "3 98 1 /of/path"')
    machine("bin", "python3", 'echo "3 99 0 /of/python3"')
    machine("pyenv/versions/3.98.4/bin", "python", 'echo "3 98 4 /of/pyenv"')
    machine("pyenv/versions/3.9.18/bin", "python", 'echo "3 9 18 /of/too-old"')
    assert added(find_pythons(here)) == ["CPython 3.98.4, /of/pyenv", "CPython 3.99.0, /of/python3"]


def test_broken_shims_and_other_programs_are_skipped(machine, here, tmp_path):
    machine("bin", "python3.97", "exit 127")
    machine("bin", "python3.98", "")
    machine("bin", "python3-config", 'echo "3 99 0 /of/config"')
    (tmp_path / "bin/python3.99").write_text("not executable")
    assert added(find_pythons(here)) == []


def test_versions_of_a_pyenv_on_path_are_run_without_its_shims(machine, here, tmp_path, monkeypatch):
    machine("other/versions/3.98.4/bin", "python", 'echo "3 98 4 /of/version"')
    machine("other/shims", "python3.99", 'echo "3 99 0 /of/shim"')
    machine("shims", "python3.97", 'echo "3 97 0 /of/path"')  # not of pyenv
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    here.environment.pop("PYENV_ROOT")
    here.environment["PATH"] += f"{os.pathsep}{tmp_path / 'other/shims'}{os.pathsep}{tmp_path / 'shims'}"
    assert added(find_pythons(here)) == ["CPython 3.97.0, /of/path", "CPython 3.98.4, /of/version"]


def test_base_python_of_the_current_environment_is_returned(tmp_path):
    pythons = {python.version: python for python in find_pythons(Processes(tmp_path))}
    newer = [version for version in pythons if version[:2] == sys.version_info[:2] and version >= sys.version_info[:3]]
    assert newer
    assert not pythons[newer[0]].path.is_relative_to(sys.prefix) or sys.prefix == sys.base_prefix
