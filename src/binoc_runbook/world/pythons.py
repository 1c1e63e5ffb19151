"""The CPython versions of this machine for smoke tests: the newest patch of each minor version.

Each candidate is run, because its name is not reliable: `python3` can be any version, or a shim that is broken.
Pre-releases are skipped, and so are free-threaded builds, which cannot load wheels of the stable ABI (`abi3`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.world.processes import Processes

#: The oldest version that the wheels support.
OLDEST = (3, 10)

#: The timeout of one candidate, in seconds; a slower shim is treated as broken.
TIMEOUT = 20.0

# `_base_executable` is the Python from which a virtual environment was created.
_IDENTIFY = """
import sys, sysconfig
plain = sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
if plain and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    print(*sys.version_info[:3], getattr(sys, "_base_executable", "") or sys.executable)
"""

_NAME = re.compile(r"python(?:3(?:\.\d+)?)?(?:\.exe)?")


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """An interpreter: its version, such as (3, 12, 1), and its path."""

    version: tuple[int, int, int]
    path: Path

    def __str__(self) -> str:
        return f"CPython {'.'.join(map(str, self.version))}"


def find_pythons(processes: Processes, oldest: tuple[int, int] = OLDEST) -> list[Python]:
    """Return the newest CPython of each minor version since `oldest`, on PATH and in pyenv, oldest first.

    Candidates run through `processes`. The pyenv of the user is used even if `processes` have another home directory.
    """
    newest: dict[tuple[int, int], Python] = {}
    tried = set()
    for path in _candidates(processes):
        # Many links can point to one file.
        if (real := path.resolve()) in tried:
            continue
        tried.add(real)
        python = _identify(processes, path)
        if python is None or python.version[:2] < oldest:
            continue
        known = newest.get(python.version[:2])
        if known is None or known.version < python.version:
            newest[python.version[:2]] = python
    return sorted(newest.values())


def _candidates(processes: Processes) -> Iterator[Path]:
    for directory in _directories(processes):
        if directory.is_dir():
            yield from (path for path in sorted(directory.glob("python*")) if _NAME.fullmatch(path.name))


def _directories(processes: Processes) -> Iterator[Path]:
    """Return the directories on PATH without the shims of pyenv, and those of the versions that pyenv has installed.

    A shim starts one of these versions, and takes ten times as long.
    """
    on_path = [Path(directory) for directory in processes.inherits("PATH").split(os.pathsep) if directory]
    pyenvs = [path.parent for path in on_path if path.name == "shims" and (path.parent / "versions").is_dir()]
    yield from (path for path in on_path if path.name != "shims" or path.parent not in pyenvs)
    root = processes.inherits("PYENV_ROOT")
    for pyenv in [Path(root)] if root else dict.fromkeys([*pyenvs, _real_home() / ".pyenv"]):
        if (pyenv / "versions").is_dir():
            yield from (path / "bin" for path in sorted((pyenv / "versions").iterdir()))


def _identify(processes: Processes, path: Path) -> Python | None:
    result = processes.run([str(path), "-I", "-c", _IDENTIFY], timeout=TIMEOUT)
    match = re.fullmatch(r"(\d+) (\d+) (\d+) (.+)", result.stdout.strip())
    if result.returncode != 0 or match is None:
        return None
    return Python((int(match[1]), int(match[2]), int(match[3])), Path(match[4]))


def _real_home() -> Path:
    """Return the home directory of the account; in a rehearsal HOME is another directory."""
    if os.name == "posix":
        import pwd

        try:
            return Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            pass
    return Path.home()
