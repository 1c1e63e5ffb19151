"""The `gh` of rehearsed jobs: it accepts exactly the commands of the publish workflow.

Each command sends the requests of the real `gh` to the rehearsed GitHub, with the token of the job.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from binoc_runbook.rehearsal.runner.gh.command import GhCommand, GhError, GhRepository, arguments_of
from binoc_runbook.rehearsal.runner.gh.release_commands import RELEASE_COMMANDS

__all__ = ["COMMANDS", "run"]

#: The supported commands.
COMMANDS: tuple[GhCommand, ...] = RELEASE_COMMANDS


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Run a command, and return its output.

    Raises:
        GhError: The command is not supported, or failed.
    """
    for command in COMMANDS:
        values = arguments_of(command.pattern, arguments)
        if values is not None:
            return command.run(values, GhRepository.of(environment))
    raise GhError(f"a rehearsal does not support the command `gh {shlex.join(arguments)}`")
