"""What the commands print: results on standard output, everything else on standard error; and their exit codes."""

from __future__ import annotations

import json
import sys
from typing import Any

from binoc_runbook.finding import Findings

OK, REFUSED, INTERRUPTED = 0, 1, 130

#: The number of the layout of what `--json` prints.
SCHEMA = 1


def show_line(line: str) -> None:
    """Show a line of what goes on, which is no result."""
    print(line, file=sys.stderr)


def exit_code(findings: Findings) -> int:
    """The exit code of a question: what is unknown does not fail it."""
    return REFUSED if findings.status == "failed" else OK


def report(findings: Findings) -> int:
    """Show what an act found, and whether it may be called done."""
    from binoc_runbook.display import terminal

    terminal.show_findings(sys.stderr, findings)
    return exit_code(findings)


def verdict(findings: Findings, version: str) -> str:
    count = {status: len(findings.having(status)) for status in ("failed", "unknown", "warning")}
    told = ", ".join(f"{number} {status}" for status, number in count.items() if number) or "everything holds"
    stops = "; a real release stops here" if count["failed"] or count["unknown"] else ""
    return f"{version}: {told}{stops}"


def print_json(told: Any) -> None:
    json.dump(told, sys.stdout, indent=2, ensure_ascii=False)
    print()
