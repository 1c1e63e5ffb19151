"""Golden tests of databases. Each directory of `cases` contains two SQL scripts and the expected report."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import binoc
import pytest

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def create(database: Path, script: Path) -> None:
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as connection, connection:
        # The report has the size of the file; the default size of a page depends on how SQLite was built.
        connection.execute("PRAGMA page_size = 4096")
        connection.executescript(script.read_text(encoding="utf-8"))


def test_cases_were_collected() -> None:
    assert len(CASES) > 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_report_is_the_expected_one(case: Path, tmp_path: Path) -> None:
    for side in ("a", "b"):
        create(tmp_path / side / "data.db", case / f"{side}.sql")
    expected = (case / "expected.md").read_bytes().decode()
    assert binoc.diff(tmp_path / "a", tmp_path / "b").to_markdown() == expected
    command = [sys.executable, "-m", "binoc", "diff", "a", "b"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (result.stdout.decode(), result.returncode) == (expected, 2 if "\n- error: " in expected else 0)
