"""What can be typed after `binoc-runbook`: each command with its options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import binoc_runbook.cli.subcommands as subcommands
from binoc_runbook.rehearsal.faults import FAULTS, QUICK

Command = Callable[[Path, argparse.Namespace], int]


class _RenamedOption(argparse.Action):
    """An option under its former name: a usage error that says the present one."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        parser.error(f"{self.option_strings[0]} is now {self.const}")


def parse(typed: Sequence[str]) -> argparse.Namespace:
    """Read a command line; the function of the command that was typed is its `command`.

    Exits with 2 for a line that is wrong, and with 0 for one that asks for help, as argparse does.
    """
    parser = argparse.ArgumentParser("binoc-runbook", description="Cut a release from the runbook, or ask about one.")
    parser.set_defaults(root=None)
    parser.add_argument("--root", type=Path, metavar="DIR", help="the checkout to act on; else the one you are in")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    # The parsers of all commands take longer to make than the fastest of them takes to answer.
    meant = next((word for word in typed if word in COMMANDS), None)
    plain = meant is not None and typed[0] in (meant, "--root")
    for name in [meant] if plain and meant else COMMANDS:
        command, add_options = COMMANDS[name]
        about = (command.__doc__ or "").strip()
        sub = subparsers.add_parser(name, help=about[0].lower() + about[1:].rstrip("."), description=about)
        # After the command too, where people type it; SUPPRESS keeps what was given before the command.
        sub.add_argument("--root", type=Path, metavar="DIR", default=argparse.SUPPRESS, help="the checkout to act on")
        sub.set_defaults(command=command)
        add_options(sub)
    return parser.parse_args(typed)


def _renamed(sub: argparse.ArgumentParser, former: str, present: str) -> None:
    sub.add_argument(
        former, action=_RenamedOption, nargs="?", const=present, default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )


def _json(sub: argparse.ArgumentParser, about: str = "the answer as JSON on standard output") -> None:
    sub.add_argument("--json", action="store_true", help=about)


def _version(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("version", metavar="VERSION", help="such as 0.5.0")


def _optional_version(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("version", nargs="?", metavar="VERSION", help="such as 0.4.0; else what the manifests say")


def _remote(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--remote", metavar="NAME", help="the git remote; else the one of the policy")


def _plan(sub: argparse.ArgumentParser) -> None:
    _optional_version(sub)
    _remote(sub)
    _json(sub)


def _check(sub: argparse.ArgumentParser) -> None:
    _plan(sub)
    about = "exit with 1 also where something is unknown, such as what a tool that is missing would report"
    sub.add_argument("--strict", action="store_true", help=about)
    sub.add_argument("--dists", type=Path, metavar="DIR", help="ask about the files in this directory instead")
    about = "the wheels to expect in DIR: those that this host can install (the default), all of the policy, or one's"
    sub.add_argument("--platforms", metavar="host|all|TAG", default="host", help=about)


def _check_tag(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("ref", metavar="REF", help="the full name, such as refs/tags/v0.4.0")
    _json(sub)


def _sums(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--out", type=Path, metavar="DIR", default=Path("dist"), help="the directory; else `dist`")


def _dist(sub: argparse.ArgumentParser) -> None:
    _sums(sub)
    about = "only the sdists and crates, or only wheels, built from the sdists in DIR; else both"
    sub.add_argument("--part", choices=("sources", "wheels"), help=about)
    about = "the platform to build wheels for, one of the policy; else the first that this host can install"
    sub.add_argument("--platform", metavar="TAG", help=about)


def _verify_crate(sub: argparse.ArgumentParser) -> None:
    about = "the directory that holds the `.crate`s; else `dist`"
    sub.add_argument("--dists", type=Path, metavar="DIR", default=Path("dist"), help=about)
    about = "where a release is to be compared with, compile the tool that does it if there is none (some minutes)"
    sub.add_argument("--install", action="store_true", help=about)


def _release(sub: argparse.ArgumentParser) -> None:
    _version(sub)
    _remote(sub)
    sub.add_argument("--retest", action="store_true", help="run the tests even where they are known to have passed")
    sub.add_argument("--yes", action="store_true", help="do not ask for the version to be typed")


def _rehearse(sub: argparse.ArgumentParser) -> None:
    _optional_version(sub)
    told = "; ".join(f"{name}: {sentence}" for name, sentence in FAULTS.items())
    either = sub.add_mutually_exclusive_group()
    about = "without the tests and the workflow: some seconds instead of minutes"
    either.add_argument("--quick", action="store_const", const=QUICK, dest="option", help=about)
    about = f"inject a fault: {told}"
    _renamed(sub, "--trouble", "--fault")
    either.add_argument("--fault", choices=list(FAULTS), dest="option", help=about)


def _verify(sub: argparse.ArgumentParser) -> None:
    _optional_version(sub)
    sub.add_argument("--sums", type=Path, metavar="FILE", help="the digests to compare with; else dist/SHA256SUMS")
    about = "how long to wait for what may be on its way; else 600"
    _renamed(sub, "--patience", "--timeout")
    sub.add_argument("--timeout", type=float, metavar="SECONDS", help=about)
    _json(sub, "the record as JSON on standard output")


def _github_release(sub: argparse.ArgumentParser) -> None:
    about = "files of the release, or directories of them"
    sub.add_argument("--assets", type=Path, metavar="FILE", nargs="+", action="extend", default=[], help=about)


def _adr(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("title", metavar="TITLE", help='what was decided, such as "Wheels for one more platform"')


#: What can be typed, in the order of the help: the function of each command, and the one that adds its options.
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
    "set-version": (subcommands.set_version, _version),
    "prepare": (subcommands.prepare, _version),
    "setup-check": (subcommands.setup_check, _json),
    "github-release": (subcommands.github_release, _github_release),
    "adr": (subcommands.adr, _adr),
}
