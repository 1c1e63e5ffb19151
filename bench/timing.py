"""Measuring two things in one run: alternately, so that whatever else the machine does touches both."""

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
    """One line of the table: what was measured, its bound, the ratio (or difference) that was seen, and both times."""

    what: str
    bound: str
    seen: str
    holds: bool
    detail: str


def alternately(rounds: int, *things: Callable[[], object]) -> list[float]:
    """The median time of each thing in seconds, measured in turns after one round that does not count."""
    times: list[list[float]] = [[] for _ in things]
    for turn in range(rounds + 1):
        for index, thing in enumerate(things):
            began = time.perf_counter()
            thing()
            if turn:
                times[index].append(time.perf_counter() - began)
    return [statistics.median(each) for each in times]


def command(*arguments: str | Path, cwd: Path) -> Callable[[], None]:
    """A process to measure; it must succeed.

    Python may keep its bytecode: without that, what is measured of our modules is the compiler.
    """
    hidden = ("PYTHONDONTWRITEBYTECODE", "PYTEST_CURRENT_TEST")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}

    def run() -> None:
        done = subprocess.run(
            [str(argument) for argument in arguments],
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, arguments))} failed:\n{done.stderr[-2000:]}")

    return run


def together(things: Sequence[Callable[[], object]]) -> Callable[[], None]:
    """Several things, one after the other."""

    def run() -> None:
        for thing in things:
            thing()

    return run


def ratio(what: str, bound: float, ours: float, reference: float, named: str) -> Row:
    """A row for something that may take at most `bound` times its reference."""
    seen = ours / reference
    detail = f"{ours * 1000:.0f} ms against {reference * 1000:.0f} ms of {named}"
    return Row(what, f"under {bound:g} x", f"{seen:.2f} x", seen < bound, detail)


def added(what: str, bound_ms: float, ours: float, reference: float, named: str) -> Row:
    """A row for something that may add at most so many milliseconds to its reference."""
    seen = (ours - reference) * 1000
    detail = f"{ours * 1000:.0f} ms against {reference * 1000:.0f} ms of {named}"
    return Row(what, f"under {bound_ms:g} ms more", f"{seen:.0f} ms more", seen < bound_ms, detail)
