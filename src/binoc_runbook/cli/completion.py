"""Completion scripts of shells, written by shtab."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from binoc_runbook.cli.parser import CommandParser


def completion_script(parser: CommandParser, shell: str) -> str:
    """Return the completion script of a parser with all subcommands, for bash, zsh or fish."""
    import shtab

    for command in (parser, *parser.subcommands()):
        for action in command._actions:
            if action.type is Path:
                _complete(action, shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE)
            elif not (action.option_strings or action.choices):
                # Without the guard, zsh completes no options in the place of an argument with any text.
                _complete(action, {"zsh": f"_guard '^-*' {action.metavar}"})
    return str(shtab.complete(parser, shell))


def _complete(action: argparse.Action, completion: Mapping[str, object]) -> None:
    action.complete = completion  # type: ignore[attr-defined]  # shtab reads it
