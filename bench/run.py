"""Measure everything and write the table of bench/README.md."""

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
# What the runbook costs

`./just bench` measures this and writes it. Each row is a ratio of two things that were measured in turns in the same
run, so that a slow machine slows both; only the order of magnitude of the times means anything elsewhere. Nothing here
is a test: a bound that is missed is shown as that.

"""


def main() -> int:
    """Print the rows and write them to the README; exit code 1 where a bound was missed."""
    rows = [*runbook.measure(), *manifests.measure()]
    table = ["| what | bound | seen | | detail |", "|---|---|---|---|---|", *map(_row, rows)]
    text = f"{_HEAD}{_machine()}\n\n" + "\n".join(table) + "\n"
    README.write_text(text, "utf-8")
    print(text)
    return 0 if all(row.holds for row in rows) else 1


def _row(row: Row) -> str:
    return f"| {row.what} | {row.bound} | {row.seen} | {'holds' if row.holds else '**missed**'} | {row.detail} |"


def _machine() -> str:
    def told(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    tools = [f"Python {platform.python_version()}", told("cargo", "--version"), told("git", "version")]
    return f"Measured on {system}, with {', '.join(tools)}."


if __name__ == "__main__":
    raise SystemExit(main())
