"""Run all benchmarks and write the results to bench/README.md."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

import manifests
import product
import runbook
from timing import Row

README = Path(__file__).with_name("README.md")

_HEAD = """\
# Benchmarks

`./just bench` measures the speed of `binoc diff` and the overhead of the runbook, and writes this page. Most rows
compare two operations that were measured alternately in the same run, so that the speed of the machine affects both.
Compare ratios between machines, not times. Exceeding a limit does not fail a test.

"""
_PRODUCT = """\

## `binoc diff`

The command is compiled in release mode, and prints JSON. The data is generated with known differences. A result is the
ratio of two medians of at least three interleaved runs, including the start of each process; the memory is the peak of
all runs. A row is ok if the time and memory are within the limits and the result is correct. The full join of DuckDB
(`bench/peers/full_join.sql`) uses two threads.

"""
_TOOLS = """\

### What each tool reports

All tools of a pair were measured alternately. The ratio is the one of their time to that of `binoc`.

| pair | tool | time | ratio | peak memory | reports | does not report |
|---|---|---|---|---|---|---|
"""
_TABLE = "| operation | limit | result | | detail |\n|---|---|---|---|---|\n"


def main() -> int:
    """Print the rows and write them to the README; return 1 if a limit was exceeded."""
    measured, overhead = product.measure(), [*runbook.measure(), *manifests.measure()]
    tools = product.tools()
    product_page = f"{_PRODUCT}{_table(measured)}{_TOOLS}{_lines(tools)}"
    text = f"{_HEAD}{_machine()}\n{product_page}\n## The runbook\n\n{_table(overhead)}"
    README.write_text(text, "utf-8")
    print(text)
    return 1 if any(row.ok is False for row in [*measured, *overhead]) else 0


def _table(rows: list[Row]) -> str:
    lines = (f"| {row.operation} | {row.limit} | {row.result} | {row.verdict} | {row.detail} |" for row in rows)
    return _TABLE + _lines(lines)


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _machine() -> str:
    def output(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    system = f"{platform.system()} {platform.machine()}, {_processor()}{os.cpu_count()} cores, {_memory()}"
    tools = [f"Python {platform.python_version()}", output("cargo", "--version"), output("git", "version")]
    return f"Measured on {system}, with {', '.join([*tools, *product.versions()])}."


def _processor() -> str:
    """Return the name of the processor, if Linux reports it."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    return next((f"{line.partition(': ')[2]}, " for line in lines if line.startswith("model name")), "")


def _memory() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB of memory"


if __name__ == "__main__":
    raise SystemExit(main())
