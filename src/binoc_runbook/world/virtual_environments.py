"""Clean environments, made with uv and filled with pip as a user fills them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.pythons import Python

#: How long an installation may take, in seconds; an sdist that has to be compiled takes minutes.
TIMEOUT = 900.0

# What would bring packages of somebody else's into an environment that is meant to be empty.
_EMPTY = {"PYTHONPATH": "", "PYTHONHOME": ""}


@dataclass(frozen=True, slots=True)
class VirtualEnvironment:
    """A virtual environment in a directory, and the Python that it was made from."""

    directory: Path
    python: Python

    @property
    def scripts(self) -> Path:
        """The directory of its commands."""
        return self.directory / ("Scripts" if os.name == "nt" else "bin")

    def inside(self, processes: Processes) -> Processes:
        """The same processes as they run when this environment is activated; nothing else adds packages to it."""
        environment = {**processes.environment, **_EMPTY, "VIRTUAL_ENV": str(self.directory)}
        return replace(processes, environment=environment, first=(self.scripts,))


def create(processes: Processes, python: Python, directory: Path) -> VirtualEnvironment | str:
    """Make an environment with nothing in it, or say why it could not be made; `directory` must not be there yet."""
    alone = ["--no-config", "--no-project", "--offline"]
    done = processes.run(["uv", "venv", "--quiet", *alone, "--python", str(python.path), str(directory)], timeout=60.0)
    return VirtualEnvironment(directory, python) if done.returncode == 0 else done.reason


def install(
    processes: Processes, environment: VirtualEnvironment, requirements: Sequence[str], *, files: Path | None = None
) -> ProcessResult:
    """Install into an environment with pip: from files of a directory alone, else from the index that is configured.

    Nothing comes from pip's cache. From a directory only wheels are taken: an sdist would be compiled there, with tools
    that the directory does not hold.
    """
    command = [
        "python",
        "-m",
        "pip",
        "--python",
        str(environment.directory),
        "--no-input",
        "--disable-pip-version-check",
    ]
    if files is not None:
        # `--isolated`: neither configuration nor variables, which might name another index or more directories.
        command += ["--isolated"]
    command += ["install", "--quiet", "--no-cache-dir"]
    if files is not None:
        command += ["--no-index", "--only-binary", ":all:", "--find-links", str(files)]
    cleaned = replace(processes, environment={**processes.environment, **_EMPTY})
    return cleaned.run([*command, *requirements], timeout=TIMEOUT)
