"""The executable file `gh`, which precedes an installed GitHub CLI on PATH."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import binoc_runbook


def write_program(directory: Path) -> None:
    """Write the executable file `gh` into a directory; it runs this library with this Python."""
    library = Path(binoc_runbook.__file__).parents[1]
    # A checkout of the project can be in PYTHONPATH, so that the library is found by its path.
    code = (
        f"import sys; sys.path.insert(0, {str(library)!r}); "
        "from binoc_runbook.rehearsal.gh.dispatch import main; sys.exit(main(sys.argv[1:]))"
    )
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "gh"
    program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, "-I", "-c", code])} "$@"\n', "utf-8")
    program.chmod(0o755)
