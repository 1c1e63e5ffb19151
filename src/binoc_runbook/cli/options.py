"""Subcommands of `binoc-runbook` and their options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import binoc_runbook.cli.subcommands as subcommands

Command = Callable[[Path, argparse.Namespace], int]

_SUMS = "checksums to compare with [default: dist/SHA256SUMS]"
_ROOT = "checkout to use [default: the one that contains the current directory]"


class _RenamedOption(argparse.Action):
    """A former option name: a usage error that names the current one."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        parser.error(f"{self.option_strings[0]} is now {self.const}")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; `command` of the result is the function of its subcommand.

    Exits as argparse does: with 2 for a usage error, with 0 after `--help`.
    """
    about = "Check, rehearse, perform and verify the releases of a Cargo and Python workspace."
    parser = argparse.ArgumentParser("binoc-runbook", description=about)
    parser.set_defaults(root=None)
    parser.add_argument("--root", type=Path, metavar="DIR", help=_ROOT)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    # Creating the parsers of all commands takes longer than the fastest command takes to run. A list of all commands
    # does not need their options.
    first = next((word for word in arguments if word in COMMANDS), None)
    for name in [first] if first and arguments[0] in (first, "--root") else COMMANDS:
        command, add_options = COMMANDS[name]
        about = (command.__doc__ or "").strip()
        sub = subparsers.add_parser(name, help=about[0].lower() + about[1:].rstrip("."), description=about)
        # Also accepted after the command; SUPPRESS keeps the value that was given before the command.
        sub.add_argument("--root", type=Path, metavar="DIR", default=argparse.SUPPRESS, help=_ROOT)
        sub.set_defaults(command=command)
        if name in arguments:
            add_options(sub)
    return parser.parse_args(arguments)


def _renamed(sub: argparse.ArgumentParser, former: str, current: str) -> None:
    sub.add_argument(
        former, action=_RenamedOption, nargs="?", const=current, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def _json(sub: argparse.ArgumentParser, about: str = "print the result as JSON") -> None:
    sub.add_argument("--json", action="store_true", help=about)


def _strict(sub: argparse.ArgumentParser) -> None:
    about = "exit with 1 if any finding is unknown, for example because a tool is missing"
    sub.add_argument("--strict", action="store_true", help=about)


def _version(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("version", metavar="VERSION", help="the version, for example 0.5.0")


def _prepare(sub: argparse.ArgumentParser) -> None:
    _version(sub)
    about = "also prepare a version that is tagged, published, or lower than a tagged version"
    sub.add_argument("--any-version", action="store_true", help=about)


def _optional_version(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("version", nargs="?", metavar="VERSION", help="the version [default: from the manifests]")


def _remote(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--remote", metavar="NAME", help="git remote [default: from policy]")


def _plan(sub: argparse.ArgumentParser) -> None:
    _optional_version(sub)
    _remote(sub)
    _json(sub)


def _check(sub: argparse.ArgumentParser) -> None:
    _plan(sub)
    _strict(sub)
    sub.add_argument("--dists", type=Path, metavar="DIR", help="check the built files in this directory instead")
    about = "platforms whose wheels must be in DIR: this host, all in the policy, or one tag [default: host]"
    sub.add_argument("--platforms", metavar="host|all|TAG", default="host", help=about)


def _check_tag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("ref", metavar="REF", help="full ref name, for example refs/tags/v0.4.0")
    _json(sub)


def _out(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--out", type=Path, metavar="DIR", default=Path("dist"), help="output directory [default: dist]")


def _sums(sub: argparse.ArgumentParser) -> None:
    _out(sub)
    about = "append the checksums to the outputs of a workflow step, of each artifact and of all files"
    sub.add_argument("--outputs", type=Path, metavar="FILE", help=about)
    about = "lines of checksums that must be among those in DIR, such as those of an independent build"
    sub.add_argument("--expect", metavar="TEXT", help=about)


def _dist(sub: argparse.ArgumentParser) -> None:
    _out(sub)
    about = "build only sdists and crates, or only wheels from the sdists in DIR [default: both]"
    sub.add_argument("--part", choices=("sources", "wheels"), help=about)
    about = "platform in the policy to build wheels for [default: the first that this host can install]"
    sub.add_argument("--platform", metavar="TAG", help=about)


def _verify_crate(sub: argparse.ArgumentParser) -> None:
    about = "directory with the .crate files [default: dist]"
    sub.add_argument("--dists", type=Path, metavar="DIR", default=Path("dist"), help=about)
    about = "compile cargo-semver-checks if it is missing and an earlier release exists (about 3 minutes)"
    sub.add_argument("--install", action="store_true", help=about)


def _release(sub: argparse.ArgumentParser) -> None:
    _version(sub)
    _remote(sub)
    sub.add_argument("--retest", action="store_true", help="run the tests again, even if they passed for this tree")
    about = "follow the workflow run until it has ended, and then verify the published artifacts"
    sub.add_argument("--wait", action="store_true", help=about)
    sub.add_argument("--yes", action="store_true", help="skip the confirmation prompt")


def _rehearse(sub: argparse.ArgumentParser) -> None:
    from binoc_runbook.rehearsal.faults import QUICK
    from binoc_runbook.rehearsal.scenarios import REHEARSED

    _optional_version(sub)
    either = sub.add_mutually_exclusive_group()
    about = "skip the tests and the publish workflow (about 5 seconds)"
    either.add_argument("--quick", action="store_const", const=QUICK, dest="option", help=about)
    about = "create a fault, and fix it as a person would; --list-faults shows the names"
    _renamed(sub, "--trouble", "--fault")
    either.add_argument("--fault", choices=REHEARSED, metavar="NAME", dest="option", help=about)
    about = "list the faults, with the reason for each one that is not rehearsed"
    either.add_argument("--list-faults", action="store_true", help=about)


def _doctor(sub: argparse.ArgumentParser) -> None:
    _plan(sub)
    sub.add_argument("--sums", type=Path, metavar="FILE", help=_SUMS)


def _verify(sub: argparse.ArgumentParser) -> None:
    _optional_version(sub)
    sub.add_argument("--sums", type=Path, metavar="FILE", help=_SUMS)
    about = "how long to wait for registries and the workflow [default: 600]"
    _renamed(sub, "--patience", "--timeout")
    sub.add_argument("--timeout", type=float, metavar="SECONDS", help=about)
    _strict(sub)
    _json(sub, "print the record as JSON")


def _release_notes(sub: argparse.ArgumentParser) -> None:
    about = "files to attach to the release"
    sub.add_argument("--assets", type=Path, metavar="FILE", nargs="+", action="extend", default=[], help=about)
    about = "also append the outputs to this file, such as $GITHUB_OUTPUT"
    sub.add_argument("--outputs", type=Path, metavar="FILE", help=about)


def _adr(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("title", metavar="TITLE", help='the decision in a few words, for example "Wheels for musllinux"')


#: The subcommands in the order of `--help`: the function of each, and the function that adds its options.
COMMANDS: dict[str, tuple[Command, Callable[[argparse.ArgumentParser], None]]] = {
    "inspect": (subcommands.inspect, _json),
    "check": (subcommands.check, _check),
    "check-tag": (subcommands.check_tag, _check_tag),
    "plan": (subcommands.plan, _plan),
    "dist": (subcommands.dist, _dist),
    "sums": (subcommands.sums, _sums),
    "verify-crate": (subcommands.verify_crate, _verify_crate),
    "release": (subcommands.release, _release),
    "rehearse": (subcommands.rehearse, _rehearse),
    "verify": (subcommands.verify, _verify),
    "doctor": (subcommands.doctor, _doctor),
    "set-version": (subcommands.set_version, _version),
    "prepare": (subcommands.prepare, _prepare),
    "trust": (subcommands.trust, lambda sub: None),
    "setup-check": (subcommands.setup_check, _json),
    "release-notes": (subcommands.release_notes, _release_notes),
    "adr": (subcommands.adr, _adr),
}
