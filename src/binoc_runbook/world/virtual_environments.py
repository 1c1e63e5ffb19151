"""Virtual environments that are created with uv, with packages that are installed with pip."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from binoc_runbook.checks.observations import ProcessResult
from binoc_runbook.world.processes import Processes
from binoc_runbook.world.pythons import Python

#: The timeout of an installation, in seconds; compiling an sdist takes minutes.
TIMEOUT = 900.0

# These variables could add packages to an empty environment.
_EMPTY = {"PYTHONPATH": "", "PYTHONHOME": ""}


@dataclass(frozen=True, slots=True)
class VirtualEnvironment:
    """A virtual environment in a directory, and its base Python."""

    directory: Path
    python: Python

    @property
    def scripts(self) -> Path:
        """Return the directory of its commands."""
        return self.directory / ("Scripts" if os.name == "nt" else "bin")

    def inside(self, processes: Processes) -> Processes:
        """Return the same processes with this environment activated, and without variables that add packages."""
        environment = {**processes.environment, **_EMPTY, "VIRTUAL_ENV": str(self.directory)}
        return replace(processes, environment=environment, first=(self.scripts,))


def create(processes: Processes, python: Python, directory: Path) -> VirtualEnvironment | str:
    """Create an empty environment in a new directory, or return the error."""
    alone = ["--no-config", "--no-project", "--offline"]
    result = processes.run(
        ["uv", "venv", "--quiet", *alone, "--python", str(python.path), str(directory)], timeout=60.0
    )
    return VirtualEnvironment(directory, python) if result.returncode == 0 else result.reason


def install(
    processes: Processes, environment: VirtualEnvironment, requirements: Sequence[str], *, files: Path | None = None
) -> ProcessResult:
    """Install into an environment with pip, from the directory `files` only or from the configured index.

    The cache of pip is not used. From a directory only wheels are installed, because it has no build tools for an
    sdist.
    """
    command = [
        "python",
        "-P",  # Python would import a module `pip` from the current directory
        "-m",
        "pip",
        "--python",
        str(environment.directory),
        "--no-input",
        "--disable-pip-version-check",
    ]
    if files is not None:
        # `--isolated`: ignore configuration and variables, which could add another index or more directories.
        command += ["--isolated"]
    command += ["install", "--quiet", "--no-cache-dir"]
    if files is not None:
        command += ["--no-index", "--only-binary", ":all:", "--find-links", str(files)]
    cleaned = replace(processes, environment={**processes.environment, **_EMPTY})
    return cleaned.run([*command, *requirements], timeout=TIMEOUT)
