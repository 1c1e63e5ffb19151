"""Benchmarks of `binoc diff` on generated data, compared with other tools in the same run.

    python bench/product.py [NAME]...

The names are those of `BENCHMARKS` and "tools", the table of what each tool reports. The other tools are in the
environment that `./just bench` creates.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from counts import Counts, Tool, of_binoc, of_csv_diff, of_diff, of_git, of_join, of_published, of_sqldiff
from timing import Row

BENCH = Path(__file__).parent
ROOT = BENCH.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
PINS = ROOT / "requirements/bench.txt"
TOOLS = TARGET / "bench/bin"
BINOC = TARGET / "release/binoc"
PLUGIN = TARGET / "release" / ("libbinoc_sqlite.dylib" if sys.platform == "darwin" else "libbinoc_sqlite.so")
#: The options of the published version that declare the key of the table.
KEY = '{"dataset": {"tables": [{"path": "t.csv", "row_identity": {"columns": ["id"]}}]}}'
INSTALL_SQLDIFF = "`sqldiff` not found; Debian, Ubuntu: apt-get install sqlite3-tools; others: the tools of SQLite"

ROUNDS = 5
LARGE, SMALL = 2_000_000, 200_000


@dataclass(frozen=True)
class Result:
    """The median times in seconds, the largest peak memory in MiB and the last standard output of several runs."""

    seconds: float
    cpu: float
    memory: float
    output: str


def interleaved(rounds: int, *commands: Sequence[str | Path], codes: Sequence[int] = (0, 1)) -> list[Result]:
    """Run the commands alternately, after a round that is not measured; exit code 1 is for differences."""
    runs: list[list[tuple[float, float, float]]] = [[] for _ in commands]
    outputs = [""] * len(commands)
    # The tools must not read the configuration of the user.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
    environment.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory(prefix="binoc-bench-") as name:
        report, output, errors = (Path(name) / stream for stream in ("report", "output", "errors"))
        measured = [sys.executable, "-I", "-S", str(BENCH / "peers/measured.py"), str(report)]
        for number in range(rounds + 1):
            for index, command in enumerate(commands):
                arguments = [*measured, *map(str, command)]
                with output.open("wb") as out, errors.open("wb") as err:
                    subprocess.run(
                        arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environment, check=True
                    )
                code, seconds, cpu, memory = report.read_text().split()
                if int(code) not in codes:
                    text = errors.read_text("utf-8", "replace")[-2000:]
                    raise SystemExit(f"{' '.join(map(str, command))} failed with exit code {code}:\n{text}")
                outputs[index] = output.read_text("utf-8", "replace")
                if number:
                    runs[index].append((float(seconds), float(cpu), float(memory) / 1024))
    columns = [list(zip(*measurements, strict=True)) for measurements in runs]
    return [
        Result(statistics.median(seconds), statistics.median(cpu), max(memory), text)
        for (seconds, cpu, memory), text in zip(columns, outputs, strict=True)
    ]


@contextmanager
def generated(kind: str, **keywords: object) -> Iterator[tuple[Path, dict[str, object]]]:
    """Return a temporary directory with generated data, and the differences of its two versions."""
    with tempfile.TemporaryDirectory(prefix="binoc-bench-") as name:
        command = [sys.executable, str(BENCH / "data.py"), kind, name, json.dumps(keywords)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True)
        yield Path(name), json.loads(done.stdout)


def binoc(before: Path, after: Path, *options: str | Path) -> list[str | Path]:
    return [BINOC, "diff", "--format", "json", *options, before, after]


def row(
    operation: str, limit: float, result: Result, reference: Result, name: str, *, memory: int | None, error: str
) -> Row:
    """Return a row with limits of time, as a ratio, and of peak memory in MiB; an incorrect result exceeds them all."""
    times = result.seconds / reference.seconds
    within = f", within {memory} MiB" if memory else ""
    detail = f"{_usage(result)}, {result.memory:.0f} MiB against {_usage(reference)} of {name}"
    passed = not error and times <= limit and (memory is None or result.memory <= memory)
    return Row(operation, f"{limit:g} x{within}", f"{times:.2f} x", passed, f"{detail}; {error or 'result correct'}")


def _usage(result: Result) -> str:
    return f"{result.seconds:.2f} s ({result.cpu:.2f} s of CPU)"


def join(before: Path, after: Path, library: str = "duckdb") -> list[str | Path]:
    return [TOOLS / "python", BENCH / f"peers/{library}_join.py", before, after]


def _table(operation: str, limit: float, memory: int, *options: str, **changes: object) -> list[Row]:
    with generated("table", rows=LARGE, **changes) as (directory, differences):
        a, b = directory / "a.csv", directory / "b.csv"
        result, reference = interleaved(ROUNDS, binoc(a, b, *options), join(a, b))
    truth = Counts.generated(differences)
    if problem := of_join(reference.output).difference(truth):
        raise SystemExit(f"the full join of DuckDB does not agree with the generator: {problem}")
    error = of_binoc(result.output).difference(truth)
    return [row(operation, limit, result, reference, "the full join of DuckDB", memory=memory, error=error)]


def _big() -> list[Row]:
    return _table("2,000,000 x 8, rows edited, removed and inserted", 0.9, 256)


def _appended() -> list[Row]:
    return _table("the same, rows edited and 2,000 appended", 0.75, 256, removed=0, inserted=0, appended=2000)


def _shuffled() -> list[Row]:
    return _table("the same, rows edited and all shuffled", 2, 512, "--memory", "512MiB", shuffled=True)


def _identical() -> list[Row]:
    with generated("table", rows=LARGE, copy=True) as (directory, _):
        a, b = directory / "a.csv", directory / "b.csv"
        result, reference = interleaved(2 * ROUNDS, binoc(a, b), ["cmp", a, b])
    error = of_binoc(result.output).difference(Counts())
    return [row("the same, identical copies", 1.2, result, reference, "`cmp`", memory=None, error=error)]


def _growth() -> list[Row]:
    with generated("table", rows=LARGE) as (small, few), generated("table", rows=5 * LARGE) as (large, many):
        commands = [binoc(place / "a.csv", place / "b.csv") for place in (large, small)]
        result, reference = interleaved(3, *commands)
    error = of_binoc(result.output).difference(Counts.generated(many))
    error = error or of_binoc(reference.output).difference(Counts.generated(few))
    name = f"2,000,000 rows, {reference.memory:.0f} MiB"
    return [row("10,000,000 x 8, changed in the same way", 5.5, result, reference, name, memory=256, error=error)]


def _tree() -> list[Row]:
    with generated("tree", files=10_000) as (directory, differences):
        a, b = directory / "a", directory / "b"
        git = ["git", "diff", "--no-index", "-M"]
        # binoc exits with 2, because it does not compare the content of JSON documents.
        result, reference = interleaved(ROUNDS, binoc(a, b), [*git, "--stat", a, b], codes=(0, 1, 2))
        names = subprocess.run([*git, "--name-status", a, b], capture_output=True, text=True, check=False).stdout
    actual: dict[str, list[object]] = {"edited": [], "renamed": [], "removed": [], "added": []}
    keys = {"changed": "edited", "moved": "renamed"}
    for node in json.loads(result.output)["changes"]:
        pair = [node["source"], node["path"]] if "source" in node else node["path"]
        actual[keys.get(node["action"], node["action"])].append(pair)
    renames, other = actual["renamed"], sum(line.startswith("R") for line in names.splitlines())
    expected = differences["renamed"]
    wrong = [key for key, value in actual.items() if sorted(map(str, value)) != sorted(map(str, differences[key]))]
    correct = sum(rename in expected for rename in renames)
    name = f"`git diff --no-index -M --stat`; {correct} and {other} of {len(expected)} renames"
    error = f"incorrect: {', '.join(wrong)}" if wrong else ""
    return [row("10,000 files in 100 directories", 0.6, result, reference, name, memory=None, error=error)]


def _sqlite() -> list[Row]:
    operation, limit = "SQLite, 1,000,000 x 8", 1.2
    if not shutil.which("sqldiff"):
        return [Row(operation, f"{limit:g} x", "not measured", None, INSTALL_SQLDIFF)]
    with generated("database", rows=LARGE // 2) as (directory, differences):
        a, b = directory / "a.db", directory / "b.db"
        result, reference = interleaved(ROUNDS, binoc(a, b, "--plugin", PLUGIN), ["sqldiff", a, b])
    error = of_binoc(result.output).difference(Counts.generated(differences))
    return [row(operation, limit, result, reference, "`sqldiff`", memory=256, error=error)]


#: The benchmarks by name.
BENCHMARKS: dict[str, Callable[[], list[Row]]] = {
    "big": _big,
    "appended": _appended,
    "shuffled": _shuffled,
    "identical": _identical,
    "growth": _growth,
    "tree": _tree,
    "sqlite": _sqlite,
}


def measure(*names: str) -> list[Row]:
    """Return the rows of the benchmarks with these names, or all rows."""
    _prepare()
    return [row for name in names or BENCHMARKS for row in BENCHMARKS[name]()]


def tools(rows: int = LARGE, small: int = SMALL) -> list[str]:
    """Return the table of the time and memory of each tool, and of what it reports."""
    _prepare()
    text = f"{rows:,} x 8"
    with generated("table", rows=rows) as (directory, differences):
        a, b = directory / "a.csv", directory / "b.csv"
        lines = _compared(
            text,
            Counts.generated(differences),
            Tool("`binoc`", binoc(a, b), of_binoc, ""),
            Tool("DuckDB", join(a, b), of_join, "any table for which no query was written"),
            Tool("polars", join(a, b, "polars"), of_join, "any table for which no script was written"),
            Tool("GNU diff", ["diff", a, b], of_diff, "columns, cells, which lines are edited rows, moved rows"),
            Tool("git diff", ["git", "diff", "--no-index", "--stat", a, b], of_git, "the same"),
            Tool(
                "csv-diff",
                [TOOLS / "csv-diff", a, b, "--key=id", "--json"],
                of_csv_diff,
                "tables without a single declared key, renamed columns, moved rows",
            ),
        )
    if shutil.which("sqldiff"):
        with generated("database", rows=rows // 2) as (directory, differences):
            a, b = directory / "a.db", directory / "b.db"
            lines += _compared(
                f"SQLite, {rows // 2:,} x 8",
                Counts.generated(differences),
                Tool("`binoc`", binoc(a, b, "--plugin", PLUGIN), of_binoc, ""),
                Tool("sqldiff", ["sqldiff", a, b], of_sqldiff, "counts, cells by column, old values"),
            )
    if (TOOLS / "binoc").exists():
        with generated("table", rows=small) as (directory, differences):
            for side in "ab":
                (directory / side).mkdir()
                (directory / f"{side}.csv").rename(directory / side / "t.csv")
            a, b, config = directory / "a", directory / "b", directory / "key.yml"
            config.write_text(KEY)
            lines += _compared(
                f"{small:,} x 8",
                Counts.generated(differences),
                Tool("`binoc`", binoc(a, b), of_binoc, ""),
                Tool(
                    "published `binoc` with a declared key",
                    [TOOLS / "binoc", "diff", "--config", config, "--format", "json", a, b],
                    of_published,
                    "large tables, and the correct result without a declared key",
                ),
            )
    return lines


def _compared(pair: str, truth: Counts, *tools: Tool) -> list[str]:
    results = interleaved(3, *(tool.command for tool in tools))
    first = results[0].seconds
    return [
        f"| {pair} | {tool.name} | {result.seconds:.2f} s | {result.seconds / first:.1f} x | {result.memory:.0f} MiB "
        f"| {tool.read(result.output).report(truth)} | {tool.missing} |"
        for tool, result in zip(tools, results, strict=True)
    ]


def _prepare() -> None:
    """Build the command and the plugin, and check that the other tools are installed."""
    if not (TOOLS / "csv-diff").exists():
        raise SystemExit(f"`{TOOLS}` has no tools to compare with; run ./just bench-tools")
    # Like a wheel, each consists of one library or program, so that cargo compiles the same dependencies for all.
    cargo = ["--release", "--locked", "--quiet", "--package"]
    subprocess.run(["cargo", "build", *cargo, "binoc-cli", "--bin", "binoc"], cwd=ROOT, check=True)
    subprocess.run(["cargo", "rustc", *cargo, "binoc-sqlite", "--lib", "--crate-type", "cdylib"], cwd=ROOT, check=True)


def versions() -> list[str]:
    """Return the names and versions of the tools in the environment of the benchmarks."""
    pins = re.findall(r"^(binoc|csv-diff|duckdb|polars)==(\S+)", PINS.read_text("utf-8"), re.MULTILINE)
    return [f"{name} {version}" for name, version in pins]


if __name__ == "__main__":
    names = sys.argv[1:]
    if unknown := {*names} - {*BENCHMARKS, "tools"}:
        raise SystemExit(f"unknown: {', '.join(sorted(unknown))}; use {', '.join([*BENCHMARKS, 'tools'])}")
    selected = [name for name in names or BENCHMARKS if name != "tools"]
    for line in measure(*selected) if selected else []:
        print(f"{line.operation:50} {line.result:>8}  {line.limit:24} {line.verdict:10} {line.detail}", flush=True)
    if "tools" in names:
        print("\n".join(tools()))
