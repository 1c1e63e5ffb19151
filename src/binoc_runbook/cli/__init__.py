"""The command `binoc-runbook`: the library's questions and acts, each in one line to type.

Results go to standard output, talk to standard error. Exit codes: 0 every post-condition was observed, 1 refused with
findings, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from binoc_runbook.cli.build_commands import adr, dist, sums, verify_crate
from binoc_runbook.cli.ci_commands import check_tag, github_release
from binoc_runbook.cli.inspect_commands import check, inspect, plan, setup_check
from binoc_runbook.cli.options import Command, parse
from binoc_runbook.cli.output import INTERRUPTED, REFUSED, SCHEMA, print_json
from binoc_runbook.cli.release_commands import prepare, rehearse, release, set_version, verify
from binoc_runbook.files import root_of
from binoc_runbook.finding import Finding, RefusedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    parsed = parse(COMMANDS, sys.argv[1:] if arguments is None else arguments)
    try:
        command: Command = parsed.command
        return command(_root(parsed.root), parsed)
    except RefusedError as refused:
        return _refuse(refused, as_json=getattr(parsed, "json", False))
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the results has seen enough; closing here keeps Python from complaining about it at exit.
        sys.stderr.close()
        return REFUSED


def _refuse(refused: RefusedError, *, as_json: bool) -> int:
    if as_json:
        print_json({"schema": SCHEMA, "version": None, "findings": refused.findings.to_json()})
    else:
        print(refused, file=sys.stderr)
    return REFUSED


def _root(given: Path | None) -> Path:
    start = given or Path.cwd()
    if given is not None and not given.is_dir():
        finding = Finding.failed("root", f"--root {given}", "is no folder", "--root DIR, the root of a checkout")
        raise RefusedError("there is nothing to look at", [finding])
    # A folder that is no clone can still be inspected; its stage `tree` then says what is missing.
    return (given or root_of(start) or start).resolve()


#: What can be typed, in the order of the help.
COMMANDS: dict[str, Command] = {
    "inspect": inspect,
    "check": check,
    "check-tag": check_tag,
    "plan": plan,
    "dist": dist,
    "sums": sums,
    "verify-crate": verify_crate,
    "release": release,
    "rehearse": rehearse,
    "verify": verify,
    "set-version": set_version,
    "prepare": prepare,
    "setup-check": setup_check,
    "github-release": github_release,
    "adr": adr,
}
