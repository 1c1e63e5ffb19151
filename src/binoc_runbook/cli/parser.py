"""Argument parser: help in groups of commands, and usage errors that suggest the nearest spelling."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NoReturn

Rows = Mapping[str, str]

#: The widest help text, in columns; a wider terminal would make the lines hard to read.
_WIDEST = 100


class CommandParser(argparse.ArgumentParser):
    """A parser of the command or of one subcommand.

    `commands` has the rows of each group of subcommands, `variables` the environment variables, `examples` command
    lines; all are shown in the help. `documentation` is the address of the page.
    """

    def __init__(self, prog: str, *, documentation: str = "", **options: Any) -> None:
        # An abbreviation of an option becomes ambiguous when a later version adds an option.
        super().__init__(prog, allow_abbrev=False, add_help=False, formatter_class=_Formatter, **options)
        self._positionals.title, self._optionals.title = "Arguments", "Options"
        self.commands: Mapping[str, Rows] = {}
        self.variables: Rows = {}
        self.examples: Sequence[str] = ()
        self.documentation = documentation

    def subcommands(self) -> list[CommandParser]:
        """Return the parsers of the subcommands."""
        groups = (item.choices for item in self._actions if isinstance(item, argparse._SubParsersAction))
        return [parser for group in groups for parser in group.values()]

    def format_usage(self) -> str:
        """Return the usage line."""
        # A subcommand has one action without option strings for each argument.
        arguments = [] if self.commands else [item for item in self._actions if not item.option_strings]
        shown = (f"[{item.metavar}]" if item.nargs == "?" else str(item.metavar) for item in arguments)
        before = ["[-C DIR] COMMAND"] if self.commands else []
        return f"Usage: {' '.join([self.prog, *before, '[OPTIONS]', *shown])}\n"

    def format_help(self) -> str:
        """Return the help: usage, description, commands, options, environment variables, examples and address."""
        formatter = _Formatter(self.prog)
        formatter.add_text(self.description)
        for title, rows in self.commands.items():
            _add_rows(formatter, title, rows)
        for group in self._action_groups:
            actions = [item for item in group._group_actions if not isinstance(item, argparse._SubParsersAction)]
            formatter.start_section(group.title)
            formatter.add_arguments(actions)
            formatter.end_section()
        _add_rows(formatter, "Environment variables", self.variables)
        parts = [self.format_usage(), formatter.format_help()]
        if self.examples:
            parts.append("\n".join(["Examples:", *(f"  {example}" for example in self.examples), ""]))
        return "\n".join([*parts, f"Documentation: {self.documentation}\n"])

    def parse_known_args(  # type: ignore[override]  # the overloads of typeshed
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse arguments; an unknown one is an error here, so that the usage is that of the subcommand."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(self._about_unknown(unknown))
        return parsed, []

    def error(self, message: str) -> NoReturn:
        """Print a usage error with the usage of this command, and exit with 2."""
        from binoc_runbook.redaction import mask

        command = self.prog.partition(" ")[2]
        more = self.prog.replace(command, f"help {command}") if command else f"{self.prog} --help"
        self.exit(2, mask(f"error: {message}\n\n{self.format_usage()}\nFor more information, run `{more}`.\n"))

    def _about_unknown(self, unknown: Sequence[str]) -> str:
        option = next((word for word in unknown if word.startswith("-")), None)
        if option is None:
            return f"unexpected argument {_quoted(unknown[0])}"
        name = option.partition("=")[0]
        known = [name for item in self._actions if item.help != argparse.SUPPRESS for name in item.option_strings]
        return f"unknown option {_quoted(name)}{suggestion(name, known)}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean …?` with the nearest known word, or an empty text if none is similar."""
    import difflib

    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean `{near[0]}`?" if near else ""


def one_of(known: Sequence[str]) -> Callable[[str], str]:
    """Return the `type` of an argument that accepts only known words, and suggests the nearest one."""

    def convert(word: str) -> str:
        if word in known:
            return word
        near = suggestion(word, known) or f"; use {', '.join(known)}"
        raise argparse.ArgumentTypeError(f"unknown value {_quoted(word)}{near}")

    return convert


def _quoted(word: str) -> str:
    from binoc_runbook.version import shortened

    return f"`{shortened(word)}`"


def _add_rows(formatter: argparse.HelpFormatter, title: str, rows: Rows) -> None:
    formatter.start_section(title)
    formatter.add_arguments([argparse.Action([], name, metavar=name, help=about) for name, about in rows.items()])
    formatter.end_section()


class _Formatter(argparse.HelpFormatter):
    """Help with paragraphs, and with the value of an option once: `-C, --root DIR`."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, max_help_position=26, **options)
        self._width = min(self._width, _WIDEST)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        import textwrap

        paragraphs = (" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
        return "\n\n".join(textwrap.fill(paragraph, width) for paragraph in paragraphs)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"
