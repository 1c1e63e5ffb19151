"""Command `binoc-runbook`.

Results go to standard output, progress and messages to standard error. Exit codes: 0 every postcondition was observed,
1 refused with findings, 2 usage error, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from binoc_runbook.cli.options import Command, parse
from binoc_runbook.cli.output import INTERRUPTED, REFUSED, report, show_refusal
from binoc_runbook.finding import Finding, InterruptedRunError, RefusedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    parsed = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        command: Command = parsed.command
        return command(_root(parsed.root), parsed)
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


def _root(option: Path | None) -> Path:
    from binoc_runbook.files import root_of

    start = option or Path.cwd()
    if option is not None and not option.is_dir():
        finding = Finding.failed("root", f"--root {option}", "is not a directory", "--root DIR, the root of a checkout")
        raise RefusedError("no checkout to use", [finding])
    # A directory outside a clone can still be inspected; its stage `tree` reports what is missing.
    return (option or root_of(start) or start).resolve()
