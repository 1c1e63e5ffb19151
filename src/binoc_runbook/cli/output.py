"""What the commands print: results on standard output, everything else on standard error; and their exit codes."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from binoc_runbook.finding import Findings

OK, REFUSED, INTERRUPTED = 0, 1, 130

#: The number of the layout of what `--json` prints.
SCHEMA = 1


def show_line(line: str) -> None:
    """Print a line of progress, which is not a result."""
    print(line, file=sys.stderr)


def report(findings: Findings, *, stream: TextIO | None = None, as_json: bool = False, **facts: object) -> None:
    """Print findings to a stream, by default standard output; as JSON to standard output, after these facts."""
    if as_json:
        print_json({"schema": SCHEMA, **facts, "findings": findings.to_json()})
        return
    from binoc_runbook.display import terminal

    terminal.show_findings(stream or sys.stdout, findings)


def exit_code(findings: Findings) -> int:
    """Return the exit code of a check: what is unknown does not fail it."""
    return REFUSED if findings.status == "failed" else OK


def gate_code(findings: Findings) -> int:
    """Return the exit code of a gate before something permanent: what is unknown fails it too."""
    return OK if findings.status in ("ok", "warning") else REFUSED


def verdict(findings: Findings, version: str) -> str:
    """Summarise findings about a version in one line."""
    count = {status: len(findings.having(status)) for status in ("failed", "unknown", "warning")}
    summary = ", ".join(f"{number} {status}" for status, number in count.items() if number) or "everything holds"
    stops = "; a real release stops here" if count["failed"] or count["unknown"] else ""
    return f"{version}: {summary}{stops}"


def print_json(value: Any) -> None:
    """Print one JSON value on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()
