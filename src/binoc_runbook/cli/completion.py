"""Completion scripts of shells, written by shtab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from binoc_runbook.cli.parser import CommandParser


def completion_script(parser: CommandParser, shell: str) -> str:
    """Return the completion script of a parser with all subcommands, for bash, zsh or fish."""
    import shtab

    for command in (parser, *parser.subcommands()):
        for action in command._actions:
            if action.type is Path:
                action.complete = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE  # type: ignore[attr-defined]
    return str(shtab.complete(parser, shell))
