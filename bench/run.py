"""Run all benchmarks and write the results to bench/README.md."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import manifests
import runbook
from timing import Row

README = Path(__file__).with_name("README.md")

_HEAD = """\
# Benchmarks

`./just bench` measures the overhead of the runbook and writes this page. Most rows compare two operations that were
measured alternately in the same run, so that the speed of the machine affects both. Compare ratios between machines,
not times. Exceeding a limit does not fail a test.

"""


def main() -> int:
    """Print the rows and write them to the README; return 1 if a limit was exceeded."""
    rows = [*runbook.measure(), *manifests.measure()]
    table = ["| operation | limit | result | | detail |", "|---|---|---|---|---|", *map(_row, rows)]
    text = f"{_HEAD}{_machine()}\n\n" + "\n".join(table) + "\n"
    README.write_text(text, "utf-8")
    print(text)
    return 0 if all(row.ok for row in rows) else 1


def _row(row: Row) -> str:
    return f"| {row.operation} | {row.limit} | {row.result} | {'ok' if row.ok else '**missed**'} | {row.detail} |"


def _machine() -> str:
    def output(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    tools = [f"Python {platform.python_version()}", output("cargo", "--version"), output("git", "version")]
    return f"Measured on {system}, with {', '.join(tools)}."


if __name__ == "__main__":
    raise SystemExit(main())
