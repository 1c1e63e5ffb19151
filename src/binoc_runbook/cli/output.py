"""Output and exit codes of the commands: results on standard output, everything else on standard error.

Everything that a command prints passes through this module or `display.terminal`, where secrets are masked.
"""

from __future__ import annotations

import sys
from typing import Any, TextIO

from binoc_runbook.environ import verbosity
from binoc_runbook.finding import Findings, RefusedError
from binoc_runbook.redaction import each_string, mask

OK, REFUSED, INTERRUPTED = 0, 1, 130

#: The version of the JSON format.
SCHEMA = 1


def show_line(line: str) -> None:
    """Print a line of progress on standard error, unless `-q` was given."""
    if verbosity() >= 0:
        show_outcome(line)


def show_outcome(line: str) -> None:
    """Print how a command ended on standard error."""
    from binoc_runbook.display import terminal

    terminal.show_lines(sys.stderr, [line])


def show_refusal(refused: RefusedError) -> None:
    """Print why a command was refused on standard error."""
    from binoc_runbook.display import terminal

    terminal.show_refusal(sys.stderr, refused)


def report(findings: Findings, *, stream: TextIO | None = None, as_json: bool = False, **facts: object) -> None:
    """Print findings to `stream` (default: standard output), or as JSON to standard output, preceded by `facts`."""
    if as_json:
        print_json({"schema": SCHEMA, **facts, "findings": findings.to_json()})
        return
    from binoc_runbook.display import terminal

    terminal.show_findings(stream or sys.stdout, findings)


def exit_code(findings: Findings) -> int:
    """Return the exit code of a check, which *unknown* findings do not fail."""
    return REFUSED if findings.status == "failed" else OK


def gate_code(findings: Findings) -> int:
    """Return the exit code of a gate before a permanent step, which *unknown* findings fail."""
    return OK if findings.status in ("ok", "warning") else REFUSED


def verdict(findings: Findings, version: str) -> str:
    """Return a one-line summary of the findings about a version."""
    from binoc_runbook.checks.named_programs import TRUST

    count = {status: len(findings.having(status)) for status in ("failed", "unknown", "warning")}
    summary = ", ".join(f"{number} {status}" for status, number in count.items() if number) or "all checks passed"
    stopping = [finding for finding in findings.having("failed", "unknown") if finding.remedy != TRUST]
    stops = "; a real release stops here" if stopping else ""
    return f"{version}: {summary}{stops}"


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    import json

    json.dump(each_string(value, mask), sys.stdout, indent=2, ensure_ascii=False)
    print()
