"""Subcommands of `binoc-runbook` and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import binoc_runbook.cli.subcommands as subcommands
from binoc_runbook.cli.parser import CommandParser, one_of, suggestion

Command = Callable[[Path, argparse.Namespace], int]

PROGRAM = "binoc-runbook"
#: The page of the commands on the site.
DOCUMENTATION = "https://harvard-lil.github.io/binoc/reference/command.html"

_ABOUT = "Rehearse, perform and verify releases of Cargo and Python workspaces."
_EXAMPLES = ("binoc-runbook check", "binoc-runbook rehearse 0.5.0 --quick", "binoc-runbook help release")
_COLOURS = {
    "NO_COLOR": "print no colours, like `--color never`",
    "FORCE_COLOR": "print colours to a pipe or file too, like `--color always`",
}
_TOKEN = {
    "GH_TOKEN, GITHUB_TOKEN": "token for reading from GitHub's API; without it, results of GitHub are unknown",
    "GITHUB_API_URL": "address of the API [default: that of github.com]",
}
_STATE = {"XDG_STATE_HOME": "directory of the list of trusted checkouts [default: ~/.local/state]"}

_SUMS = "checksums to compare with [default: dist/SHA256SUMS]"
#: Global options with a value.
_WITH_VALUE = ("-C", "--root", "--color")


class Subcommand(NamedTuple):
    """A subcommand: its function, the function that adds its options, examples, and its environment variables.

    `anywhere` is whether it also runs in a directory that is not in a checkout.
    """

    run: Command
    add_options: Callable[[CommandParser], None]
    examples: tuple[str, ...]
    variables: Mapping[str, str] = MappingProxyType({})
    anywhere: bool = False

    @property
    def summary(self) -> str:
        """The first sentence of its documentation, without the period."""
        return (self.run.__doc__ or "").strip().partition("\n")[0].rstrip(".")


class _RenamedOption(argparse.Action):
    """A former option name: a usage error that names the current one."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        parser.error(f"{self.option_strings[0]} is now {self.const}")


class _Version(argparse.Action):
    """Print the version of the library and exit."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib import metadata

        try:
            version = metadata.version(PROGRAM)
        except metadata.PackageNotFoundError:
            version = "(not installed)"
        print(PROGRAM, version)
        parser.exit()


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; `command` of the result is the function of its subcommand.

    Exits as argparse does: with 2 for a usage error, with 0 after `--help`. Without a command, prints the help.
    """
    name = _command_in(arguments)
    # Creating the parsers of all commands takes longer than the fastest command takes to run.
    parser = build_parser([name] if name in COMMANDS else [])
    if name is not None and name not in COMMANDS:
        parser.error(f"unknown command `{name}`{suggestion(name, COMMANDS)}")
    parsed = parser.parse_args(arguments)
    if name is None:
        parser.print_help()
        parser.exit()
    return parsed


def build_parser(names: Iterable[str]) -> CommandParser:
    """Return the parser of the command, with these subcommands; its help lists all of them."""
    parser = CommandParser(PROGRAM, description=_ABOUT, documentation=DOCUMENTATION)
    parser.commands = {
        title: {name: subcommand.summary for name, subcommand in group.items()} for title, group in GROUPS.items()
    }
    parser.examples, parser.variables = _EXAMPLES, _COLOURS
    parser.set_defaults(root=None, color="auto", verbosity=None)
    subparsers = parser.add_subparsers(prog=PROGRAM, metavar="COMMAND")
    for name in names:
        subcommand = COMMANDS[name]
        about = subcommand.run.__doc__ or ""
        sub = subparsers.add_parser(name, help=subcommand.summary, description=about, documentation=DOCUMENTATION)
        sub.examples, sub.variables = subcommand.examples, {**subcommand.variables, **_COLOURS}
        sub.set_defaults(command=subcommand.run, name=name, anywhere=subcommand.anywhere)
        subcommand.add_options(sub)
        _global_options(sub)
    group = _global_options(parser)
    group.add_argument("-V", "--version", action=_Version, nargs=0, help="print the version")
    return parser


def _command_in(arguments: Sequence[str]) -> str | None:
    """Return the word in the place of the command, or `None`."""
    words = iter(arguments)
    for word in words:
        if not word.startswith("-"):
            return word
        if word in _WITH_VALUE:
            next(words, None)
    return None


def _global_options(parser: CommandParser) -> argparse._ArgumentGroup:
    """Add the options that are accepted before and after the command, and return their group."""
    group = parser.add_argument_group("Global options")

    def add(*names: str, **options: Any) -> None:
        # SUPPRESS keeps the value that was given before the command.
        group.add_argument(*names, default=argparse.SUPPRESS, **options)

    about = "checkout to use [default: that of the working directory]"
    add("-C", "--root", type=Path, metavar="DIR", help=about)
    choices = ("auto", "always", "never")
    about = "print colours: auto, always or never [default: auto]"
    add("--color", type=one_of(choices), choices=choices, metavar="WHEN", help=about)
    about = "print only results and problems"
    add("-q", "--quiet", action="store_const", const=-1, dest="verbosity", help=about)
    about = "print also what is ok, and the output of programs"
    add("-v", "--verbose", action="store_const", const=1, dest="verbosity", help=about)
    add("-h", "--help", action="help", help="print this help")
    return group


def _renamed(sub: CommandParser, former: str, current: str) -> None:
    sub.add_argument(
        former, action=_RenamedOption, nargs="?", const=current, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def _json(sub: CommandParser, about: str = "print the result as JSON") -> None:
    sub.add_argument("--json", action="store_true", help=about)


def _strict(sub: CommandParser) -> None:
    about = "exit with 1 if any finding is unknown, for example because a tool is missing"
    sub.add_argument("--strict", action="store_true", help=about)


def _version(sub: CommandParser) -> None:
    sub.add_argument("version", metavar="VERSION", help="the version, for example 0.5.0 or 0.5.0-rc.1")


def _set_version(sub: CommandParser) -> None:
    _version(sub)
    _json(sub)


def _prepare(sub: CommandParser) -> None:
    _set_version(sub)
    about = "also prepare a version that is tagged, published, or lower than a tagged version"
    sub.add_argument("--any-version", action="store_true", help=about)


def _optional_version(sub: CommandParser) -> None:
    sub.add_argument("version", nargs="?", metavar="VERSION", help="the version [default: from the manifests]")


def _remote(sub: CommandParser) -> None:
    sub.add_argument("--remote", metavar="NAME", help="git remote [default: from policy]")


def _plan(sub: CommandParser) -> None:
    _optional_version(sub)
    _remote(sub)
    _json(sub)


def _check(sub: CommandParser) -> None:
    _plan(sub)
    _strict(sub)
    sub.add_argument("--dists", type=Path, metavar="DIR", help="check the built files in this directory instead")
    about = "platforms whose wheels must be in DIR: this host, all in the policy, or one tag [default: host]"
    sub.add_argument("--platforms", metavar="host|all|TAG", default="host", help=about)


def _check_tag(sub: CommandParser) -> None:
    sub.add_argument("ref", metavar="REF", help="full ref name, for example refs/tags/v0.4.0")
    _json(sub)


def _out(sub: CommandParser) -> None:
    sub.add_argument("--out", type=Path, metavar="DIR", default=Path("dist"), help="output directory [default: dist]")


def _sums(sub: CommandParser) -> None:
    _out(sub)
    about = "append the checksums to the outputs of a workflow step, of each artifact and of all files"
    sub.add_argument("--outputs", type=Path, metavar="FILE", help=about)
    about = "lines of checksums that must be among those in DIR, such as those of an independent build"
    sub.add_argument("--expect", metavar="TEXT", help=about)


def _dist(sub: CommandParser) -> None:
    _out(sub)
    about = "sources: only sdists and crates; wheels: only wheels from the sdists in DIR [default: both]"
    parts = ("sources", "wheels")
    sub.add_argument("--part", choices=parts, type=one_of(parts), metavar="PART", help=about)
    about = "platform in the policy to build wheels for [default: the first that this host can install]"
    sub.add_argument("--platform", metavar="TAG", help=about)


def _verify_crate(sub: CommandParser) -> None:
    about = "directory with the .crate files [default: dist]"
    sub.add_argument("--dists", type=Path, metavar="DIR", default=Path("dist"), help=about)
    about = "compile cargo-semver-checks if it is missing and an earlier release exists (about 3 minutes)"
    sub.add_argument("--install", action="store_true", help=about)
    _json(sub)


def _release(sub: CommandParser) -> None:
    _version(sub)
    _remote(sub)
    sub.add_argument("--retest", action="store_true", help="run the tests again, even if they passed for this tree")
    about = "follow the workflow run until it has ended, and then verify the published artifacts"
    sub.add_argument("--wait", action="store_true", help=about)
    about = "stop before the first push; also runs the tests, and needs no confirmation"
    sub.add_argument("--dry-run", action="store_true", help=about)
    sub.add_argument("-y", "--yes", action="store_true", help="skip the confirmation prompt")
    _json(sub, "print the record as JSON")


def _rehearse(sub: CommandParser) -> None:
    from binoc_runbook.rehearsal.faults import QUICK
    from binoc_runbook.rehearsal.scenarios import REHEARSED

    _optional_version(sub)
    either = sub.add_mutually_exclusive_group()
    about = "skip the tests and the publish workflow (about 5 seconds)"
    either.add_argument("--quick", action="store_const", const=QUICK, dest="option", help=about)
    about = "create a fault, and fix it as a person would; --list-faults shows the names"
    _renamed(sub, "--trouble", "--fault")
    either.add_argument("--fault", choices=REHEARSED, type=one_of(REHEARSED), metavar="NAME", dest="option", help=about)
    about = "list the faults, with the reason for each one that is not rehearsed"
    either.add_argument("--list-faults", action="store_true", help=about)
    _json(sub, "print the record as JSON, or the findings about a fault; not with --quick, which keeps no record")


def _doctor(sub: CommandParser) -> None:
    _plan(sub)
    sub.add_argument("--sums", type=Path, metavar="FILE", help=_SUMS)


def _verify(sub: CommandParser) -> None:
    _optional_version(sub)
    sub.add_argument("--sums", type=Path, metavar="FILE", help=_SUMS)
    about = "how long to wait for registries and the workflow [default: 600]"
    _renamed(sub, "--patience", "--timeout")
    sub.add_argument("--timeout", type=float, metavar="SECONDS", help=about)
    _strict(sub)
    _json(sub, "print the record as JSON")


def _release_notes(sub: CommandParser) -> None:
    about = "files to attach to the release"
    sub.add_argument("--assets", type=Path, metavar="FILE", nargs="+", action="extend", default=[], help=about)
    about = "also append the outputs to this file, such as $GITHUB_OUTPUT"
    sub.add_argument("--outputs", type=Path, metavar="FILE", help=about)


def _adr(sub: CommandParser) -> None:
    sub.add_argument("title", metavar="TITLE", help='the decision in a few words, for example "Wheels for musllinux"')


def _help(sub: CommandParser) -> None:
    sub.set_defaults(parse=parse)
    names = tuple(COMMANDS)
    about = "the command [default: list all commands]"
    sub.add_argument("topic", nargs="?", choices=names, type=one_of(names), metavar="COMMAND", help=about)


def _completion(sub: CommandParser) -> None:
    sub.set_defaults(build_parser=lambda: build_parser(COMMANDS))
    shells = ("bash", "zsh", "fish")
    sub.add_argument("shell", choices=shells, type=one_of(shells), metavar="SHELL", help="bash, zsh or fish")


#: The subcommands in the order of `--help`, in groups.
GROUPS: dict[str, dict[str, Subcommand]] = {
    "Release": {
        "check": Subcommand(
            subcommands.check, _check, ("binoc-runbook check", "binoc-runbook check 0.5.0 --strict --json")
        ),
        "plan": Subcommand(subcommands.plan, _plan, ("binoc-runbook plan 0.5.0",)),
        "prepare": Subcommand(subcommands.prepare, _prepare, ("binoc-runbook prepare 0.5.0",)),
        "rehearse": Subcommand(
            subcommands.rehearse,
            _rehearse,
            ("binoc-runbook rehearse 0.5.0 --quick", "binoc-runbook rehearse --fault lost-answer"),
        ),
        "release": Subcommand(
            subcommands.release,
            _release,
            ("binoc-runbook release 0.5.0 --dry-run", "binoc-runbook release 0.5.0 --wait"),
            _TOKEN,
        ),
        "verify": Subcommand(subcommands.verify, _verify, ("binoc-runbook verify 0.5.0 --sums SHA256SUMS",), _TOKEN),
        "doctor": Subcommand(subcommands.doctor, _doctor, ("binoc-runbook doctor 0.5.0",), _TOKEN),
    },
    "Inspect": {
        "inspect": Subcommand(subcommands.inspect, _json, ("binoc-runbook inspect",), anywhere=True),
        "set-version": Subcommand(subcommands.set_version, _set_version, ("binoc-runbook set-version 0.5.0-rc.1",)),
        "setup-check": Subcommand(subcommands.setup_check, _json, ("binoc-runbook setup-check",), _TOKEN),
        "trust": Subcommand(subcommands.trust, lambda sub: None, ("binoc-runbook -C OTHER trust",), _STATE),
    },
    "Build and CI": {
        "dist": Subcommand(subcommands.dist, _dist, ("binoc-runbook dist", "binoc-runbook dist --part sources")),
        "sums": Subcommand(subcommands.sums, _sums, ("binoc-runbook sums",), anywhere=True),
        "check-tag": Subcommand(subcommands.check_tag, _check_tag, ("binoc-runbook check-tag refs/tags/v0.5.0",)),
        "verify-crate": Subcommand(subcommands.verify_crate, _verify_crate, ("binoc-runbook verify-crate --install",)),
        "release-notes": Subcommand(
            subcommands.release_notes, _release_notes, ("binoc-runbook release-notes --assets dist/SHA256SUMS",)
        ),
        "adr": Subcommand(subcommands.adr, _adr, ('binoc-runbook adr "Wheels for musllinux"',)),
    },
    "Help": {
        "help": Subcommand(subcommands.show_help, _help, ("binoc-runbook help check",), anywhere=True),
        "completion": Subcommand(
            subcommands.completion,
            _completion,
            (
                'eval "$(binoc-runbook completion bash)"',
                'eval "$(binoc-runbook completion zsh)"',
                "binoc-runbook completion fish | source",
            ),
            anywhere=True,
        ),
    },
}

#: All subcommands by name.
COMMANDS: dict[str, Subcommand] = {name: command for group in GROUPS.values() for name, command in group.items()}
