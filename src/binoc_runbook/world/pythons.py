"""The CPythons of this machine that what is published is tried on: the newest patch of each minor version.

They are tried by running them, because a name says little: `python3` may be anything, and a shim of pyenv may lead
nowhere. Free-threaded builds are left out, which load no wheel of the stable ABI (`abi3`), and so are pre-releases.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from binoc_runbook.world.processes import Processes

#: The oldest that the wheels promise to run on.
OLDEST = (3, 10)

#: How long one of them may take to say what it is, in seconds; a shim that is slower is taken for a broken one.
TIMEOUT = 20.0

# `_base_executable`: the Python that an environment was made from, when it is one of an environment that is tried.
_IDENTIFY = """
import sys, sysconfig
plain = sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
if plain and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    print(*sys.version_info[:3], getattr(sys, "_base_executable", "") or sys.executable)
"""

_NAME = re.compile(r"python(?:3(?:\.\d+)?)?(?:\.exe)?")


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """An interpreter: its version, such as (3, 12, 1), and where it is."""

    version: tuple[int, int, int]
    path: Path

    def __str__(self) -> str:
        return f"CPython {'.'.join(map(str, self.version))}"


def find_pythons(processes: Processes, oldest: tuple[int, int] = OLDEST) -> list[Python]:
    """Find one for each minor version from `oldest` up, on PATH and among those that pyenv has installed; oldest first.

    What is tried runs through `processes`; that the home directory of theirs is another one hides no Python of pyenv's.
    """
    newest: dict[tuple[int, int], Python] = {}
    tried = set()
    for path in _candidates(processes):
        # Links lead to one place by many names; a shim is a file of its own.
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
    directories = [Path(directory) for directory in processes.inherits("PATH").split(os.pathsep) if directory]
    versions = Path(processes.inherits("PYENV_ROOT") or _real_home() / ".pyenv") / "versions"
    if versions.is_dir():
        directories += [path / "bin" for path in sorted(versions.iterdir())]
    for directory in directories:
        if directory.is_dir():
            yield from (path for path in sorted(directory.glob("python*")) if _NAME.fullmatch(path.name))


def _identify(processes: Processes, path: Path) -> Python | None:
    result = processes.run([str(path), "-I", "-c", _IDENTIFY], timeout=TIMEOUT)
    match = re.fullmatch(r"(\d+) (\d+) (\d+) (.+)", result.stdout.strip())
    if result.returncode != 0 or match is None:
        return None
    return Python((int(match[1]), int(match[2]), int(match[3])), Path(match[4]))


def _real_home() -> Path:
    """The home directory of the account, which HOME does not name in a rehearsal."""
    if os.name == "posix":
        import pwd

        try:
            return Path(pwd.getpwuid(os.getuid()).pw_dir)
        except KeyError:
            pass
    return Path.home()
