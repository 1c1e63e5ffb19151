"""Tries an installed Binoc as a user does: the command, its plugin for SQLite, and plugins given by their path.

    python smoke_test.py 0.4.0 [--plugin LIBRARY]...

The `binoc` that is tried is the one beside the Python that runs this. Nothing but the standard library is used.
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
    parser = argparse.ArgumentParser(description="Try an installed Binoc.")
    parser.add_argument("version", help="the version that it must be, in Cargo's spelling")
    parser.add_argument("--plugin", type=Path, action="append", default=[], help="a library to be loaded as well")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        told = binoc(root, "--version")
        expect(told == f"binoc {given.version}\n", f"`binoc --version` says {told!r}, not {given.version}")
        write_snapshots(root)
        try_sqlite(root)
        for library in given.plugin:
            try_plugin(root, library)
    print(f"binoc {given.version} works on Python {sys.version.split()[0]}")


def write_snapshots(root: Path) -> None:
    rows = {"old": "(1, 20.0), (2, 19.0)", "new": "(1, 20.0), (2, 19.5), (3, 21.5)"}
    orders = {"old": "n,v\nc,1\na,2\nb,3\n", "new": "n,v\na,2\nb,3\nc,1\n"}
    for side in ("old", "new"):
        (root / side).mkdir()
        (root / side / "order.csv").write_text(orders[side], encoding="utf-8")
        with closing(sqlite3.connect(root / side / "lab.db")) as database, database:
            database.execute("CREATE TABLE reading (id INTEGER PRIMARY KEY, value REAL)")
            database.execute(f"INSERT INTO reading VALUES {rows[side]}")


def try_sqlite(root: Path) -> None:
    plugins = binoc(root, "plugins")
    expect("binoc-sqlite: loaded: " in plugins, f"`binoc plugins` does not load binoc-sqlite:\n{plugins}")
    report = binoc(root, "diff", "old", "new")
    for line in ("- changed `reading` (table)", "- 1 row added: `3, 21.5`", "column `value`: `19.0` → `19.5`"):
        expect(line in report, f"the report does not say {line!r}:\n{report}")


def try_plugin(root: Path, library: Path) -> None:
    """The model plugin for authors, which says of `order.csv` what Binoc by itself would not."""
    plugins = binoc(root, "plugins", "--plugin", str(library))
    expect("row-reorder" in plugins and "refused" not in plugins, f"{library.name} is not loaded:\n{plugins}")
    report = binoc(root, "diff", "old", "new", "--plugin", str(library))
    expect("now sorted by column" in report, f"{library.name} is loaded, and was not used:\n{report}")


def binoc(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [str(BINOC), *arguments], cwd=root, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120
    )
    expect(done.returncode == 0, f"`binoc {' '.join(arguments)}` ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def expect(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(otherwise)


if __name__ == "__main__":
    main()
