"""Smoke test of an installed Binoc: the command, the plugin for SQLite, and plugins given by path.

    python smoke_test.py 0.4.0 [--plugin LIBRARY]...

This tests the `binoc` of the Python environment that runs it. It needs only the standard library.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
from contextlib import closing
from pathlib import Path

BINOC = Path(sysconfig.get_path("scripts")) / ("binoc.exe" if sys.platform == "win32" else "binoc")


def main() -> None:
    parser = argparse.ArgumentParser(description="Run a smoke test of an installed Binoc.")
    parser.add_argument("version", help="the expected version, as SemVer")
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="also load this shared library")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        version = binoc(root, "--version")
        expect(
            version == f"binoc {options.version}\n", f"`binoc --version` prints {version!r}, expected {options.version}"
        )
        write_snapshots(root)
        check_sqlite(root)
        for library in options.plugin:
            check_plugin(root, library)
    print(f"binoc {options.version} works on Python {sys.version.split()[0]}")


def write_snapshots(root: Path) -> None:
    rows = {"old": "(1, 20.0), (2, 19.0)", "new": "(1, 20.0), (2, 19.5), (3, 21.5)"}
    orders = {"old": "n,v\nc,1\na,2\nb,3\n", "new": "n,v\na,2\nb,3\nc,1\n"}
    for side in ("old", "new"):
        (root / side).mkdir()
        (root / side / "order.csv").write_text(orders[side], encoding="utf-8")
        with closing(sqlite3.connect(root / side / "lab.db")) as database, database:
            database.execute("CREATE TABLE reading (id INTEGER PRIMARY KEY, value REAL)")
            database.execute(f"INSERT INTO reading VALUES {rows[side]}")


def check_sqlite(root: Path) -> None:
    plugins = binoc(root, "plugins")
    expect("binoc-sqlite: loaded: " in plugins, f"`binoc plugins` did not load binoc-sqlite:\n{plugins}")
    report = binoc(root, "diff", "old", "new")
    for line in ("- changed `reading` (table)", "- 1 row added: `3, 21.5`", "column `value`: `19.0` → `19.5`"):
        expect(line in report, f"the report does not contain {line!r}:\n{report}")


def check_plugin(root: Path, library: Path) -> None:
    """Check that Binoc loads the example plugin and uses it for `order.csv`."""
    plugins = binoc(root, "plugins", "--plugin", str(library))
    expect("row-reorder" in plugins and "refused" not in plugins, f"{library.name} was not loaded:\n{plugins}")
    report = binoc(root, "diff", "old", "new", "--plugin", str(library))
    expect("now sorted by column" in report, f"{library.name} was loaded but not used:\n{report}")


def binoc(root: Path, *arguments: str) -> str:
    result = subprocess.run(
        [str(BINOC), *arguments], cwd=root, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120
    )
    expect(
        result.returncode == 0,
        f"`binoc {' '.join(arguments)}` failed with exit code {result.returncode}:\n{result.stderr}",
    )
    return result.stdout


def expect(condition: bool, message: str) -> None:
    if not condition:
        sys.exit(message)


if __name__ == "__main__":
    main()
