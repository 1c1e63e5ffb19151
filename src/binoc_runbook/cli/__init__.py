"""Command `binoc-runbook`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 every postcondition was observed,
1 refused with findings, 2 usage error, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from binoc_runbook.cli.options import Command, parse
from binoc_runbook.cli.output import INTERRUPTED, REFUSED, report, show_refusal
from binoc_runbook.environ import set_color, set_verbosity
from binoc_runbook.finding import Finding, InterruptedRunError, RefusedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    parsed = parse(sys.argv[1:] if arguments is None else arguments)
    set_color(parsed.color)
    if parsed.verbosity is not None:
        set_verbosity(parsed.verbosity)
    try:
        command: Command = parsed.command
        return command(_root(parsed), parsed)
    except RefusedError as refused:
        if getattr(parsed, "json", False):
            report(refused.findings, as_json=True, version=None)
        else:
            show_refusal(refused)
        return INTERRUPTED if isinstance(refused, InterruptedRunError) else REFUSED
    except KeyboardInterrupt:
        print("interrupted; run the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe. Without this, Python reports the error again at exit.
        sys.stderr.close()
        return REFUSED


def _root(parsed: argparse.Namespace) -> Path:
    """Return the root of the checkout that contains the directory of `--root`, or else the working directory.

    Raises:
        RefusedError: The directory does not exist, or the command needs a checkout, and it is not in one. The
            checks would otherwise read everything below it, for minutes if it is a home directory.
    """
    from binoc_runbook.files import root_of

    directory: Path = parsed.root or Path.cwd()
    if not directory.is_dir():
        finding = Finding.failed(
            "root", f"--root {directory}", "is not a directory", "--root DIR, the root of a checkout"
        )
        raise RefusedError("no checkout to use", [finding])
    root = root_of(directory)
    if root is None and not parsed.anywhere:
        import shlex

        clones = sorted(path.parent.name for path in directory.glob("*/.git"))
        example = clones[0] if clones else "DIR"
        remedy = f"cd into a checkout, or `binoc-runbook -C {shlex.quote(example)} {parsed.name}`"
        finding = Finding.failed(
            "root", str(parsed.root or "the working directory"), "is not in a git repository", remedy
        )
        raise RefusedError("no checkout to use", [finding])
    return (root or directory).resolve()
