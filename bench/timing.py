"""Measurement of several operations alternately, so that other load on the machine affects all of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """A row of the table: an operation, its limit, the measured ratio or difference, and the times.

    `ok` is None if the operation was not measured.
    """

    operation: str
    limit: str
    result: str
    ok: bool | None
    detail: str

    @property
    def verdict(self) -> str:
        """Return what the table shows about the limit."""
        return {True: "ok", False: "**missed**", None: "–"}[self.ok]


def alternately(rounds: int, *operations: Callable[[], object]) -> list[float]:
    """Return the median time of each operation in seconds, measured alternately after a warm-up round."""
    times: list[list[float]] = [[] for _ in operations]
    for number in range(rounds + 1):
        for index, operation in enumerate(operations):
            start = time.perf_counter()
            operation()
            if number:
                times[index].append(time.perf_counter() - start)
    return list(map(statistics.median, times))


def command(*arguments: str | Path, cwd: Path) -> Callable[[], None]:
    """Return an operation that runs a process, which must succeed.

    Python writes bytecode; otherwise the time to compile our modules would be measured too.
    """
    hidden = ("PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}

    def run() -> None:
        process = subprocess.run(
            [str(argument) for argument in arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, arguments))} failed:\n{process.stderr[-2000:]}")

    return run


def sequence(operations: Sequence[Callable[[], object]]) -> Callable[[], None]:
    """Return an operation that runs several operations one after the other."""

    def run() -> None:
        for operation in operations:
            operation()

    return run


def ratio(operation: str, limit: float, seconds: float, reference: float, name: str) -> Row:
    """Return a row for an operation that takes at most `limit` times as long as its reference `name`."""
    result = seconds / reference
    return Row(operation, f"under {limit:g} x", f"{result:.2f} x", result < limit, _times(seconds, reference, name))


def overhead(operation: str, limit_ms: float, seconds: float, reference: float, name: str) -> Row:
    """Return a row for an operation that takes at most `limit_ms` milliseconds longer than its reference `name`."""
    result = (seconds - reference) * 1000
    detail = _times(seconds, reference, name)
    return Row(operation, f"under {limit_ms:g} ms more", f"{result:.0f} ms more", result < limit_ms, detail)


def _times(seconds: float, reference: float, name: str) -> str:
    return f"{seconds * 1000:.0f} ms against {reference * 1000:.0f} ms of {name}"
