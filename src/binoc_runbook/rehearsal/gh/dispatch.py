"""The accepted commands of the rehearsed `gh`, and its entry point."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

from binoc_runbook.rehearsal.gh import release_commands, runs
from binoc_runbook.rehearsal.gh.command import GhCommand
from binoc_runbook.rehearsal.gh.forge import Forge, GhError

#: All accepted commands.
COMMANDS: tuple[GhCommand, ...] = (*runs.COMMANDS, *release_commands.COMMANDS)


def main(arguments: Sequence[str]) -> int:
    """Run one command line of `gh` and return its exit code."""
    for command in COMMANDS:
        groups = command.match(arguments)
        if groups is None:
            continue
        try:
            output = command.run(Forge(os.environ), groups)
        except GhError as error:
            sys.stdout.buffer.write(error.output)
            print(error, file=sys.stderr)
            return error.code
        sys.stdout.buffer.write(output)
        return 0
    line = shlex.join(["gh", *arguments])
    print(f"gh: the rehearsal accepts only the commands of the publish workflow, not {line}", file=sys.stderr)
    return 1
