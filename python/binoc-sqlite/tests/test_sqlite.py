"""Tests of the installed plugin with the installed command."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import binoc


def run(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "binoc", *args]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, encoding="utf-8", check=False)


def database(path: Path, *statements: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def snapshots(root: Path) -> Path:
    database(
        root / "a" / "lab.db",
        "CREATE TABLE reading (id INTEGER PRIMARY KEY, value REAL, place TEXT)",
        "INSERT INTO reading VALUES (1, 20.0, 'north'), (2, 19.0, 'south'), (4, 1.0, NULL)",
        "CREATE TABLE draft (note TEXT)",
        "INSERT INTO draft VALUES ('x'), ('y')",
    )
    database(
        root / "b" / "lab.db",
        "CREATE TABLE reading (id INTEGER PRIMARY KEY, value REAL, place TEXT, unit TEXT)",
        "INSERT INTO reading VALUES (1, 20.0, 'north', 'C'), (2, 19.5, 'south', 'C'), (3, 21.5, '`', 'C')",
        "CREATE TABLE station (name TEXT PRIMARY KEY)",
        "CREATE INDEX by_place ON reading (place)",
    )
    return root


def test_plugin_is_loaded(tmp_path: Path) -> None:
    result = run("plugins", cwd=tmp_path)
    assert result.returncode == 0, result.stdout
    assert "binoc-sqlite: loaded: binoc-sqlite " in result.stdout
    assert "  comparator `sqlite` (by content)\n" in result.stdout


def test_report_has_tables_rows_and_cells(tmp_path: Path) -> None:
    result = run("diff", "a", "b", cwd=snapshots(tmp_path))
    assert (result.returncode, result.stderr) == (0, "")
    body = result.stdout.split("- changed `lab.db` (database", 1)[1].split("\n", 1)[1]
    assert body == (
        "  - 1 index added: `by_place`\n"
        "  - removed `draft` (table)\n"
        "    - 2 rows × 1 column\n"
        "    - 2 rows removed\n"
        "  - changed `reading` (table)\n"
        "    - 3 rows × 3 columns → 3 rows × 4 columns\n"
        "    - 1 column added: `unit`\n"
        "    - rows matched by primary key: `id`\n"
        "    - 1 row removed: `4, 1.0, NULL`\n"
        "    - 1 row added: ``3, 21.5, '`', 'C'``\n"
        "    - 1 cell changed in 1 row: key `2`, column `value`: `19.0` → `19.5`\n"
        "  - added `station` (table)\n"
        "    - 0 rows × 1 column\n"
        "    - 0 rows added\n"
    )


def test_python_function_uses_the_plugin(tmp_path: Path) -> None:
    snapshots(tmp_path)
    node = json.loads(binoc.diff(tmp_path / "a", tmp_path / "b").to_json())["changes"][0]
    assert (node["comparator"], node["item_type"]) == ("sqlite", "database")
    assert node["tags"] == ["content", "schema"]


def test_renamed_table_and_column(tmp_path: Path) -> None:
    rows = "(1, 'north'), (2, 'south'), (3, 'east')"
    database(
        tmp_path / "a" / "lab.db",
        "CREATE TABLE site (id INTEGER PRIMARY KEY, name TEXT)",
        f"INSERT INTO site VALUES {rows}",
    )
    database(
        tmp_path / "b" / "lab.db",
        "CREATE TABLE place (id INTEGER PRIMARY KEY, name TEXT)",
        f"INSERT INTO place VALUES {rows}, (4, 'west')",
    )
    result = run("diff", "a", "b", cwd=tmp_path)
    assert "  - renamed `site` → `place` (table, 75 % alike)\n" in result.stdout
    assert "    - 1 row added: `4, 'west'`\n" in result.stdout


def test_snapshot_is_not_modified(tmp_path: Path) -> None:
    snapshots(tmp_path)
    connection = sqlite3.connect(tmp_path / "b" / "lab.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("DELETE FROM reading")
    connection.commit()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    result = run("diff", "a", "b", cwd=tmp_path)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    connection.close()
    assert before == after
    assert "a log next to the database is not applied" in result.stdout
    assert result.returncode == 2
    assert "binoc: `lab.db`: a log next to the database is not applied" in result.stderr
    # Row 1 is still in the database file; only the log contains its deletion.
    assert "- 1 row removed: `4, 1.0, NULL`" in result.stdout


def test_corrupt_database_is_an_error_and_is_compared_by_bytes(tmp_path: Path) -> None:
    for side, end in (("a", b"1"), ("b", b"2")):
        (tmp_path / side).mkdir()
        (tmp_path / side / "x.db").write_bytes(b"SQLite format 3\0" + bytes(300) + end)
    result = run("diff", "a", "b", "--exit-code", cwd=tmp_path)
    assert result.returncode == 2
    assert "binoc: `x.db`: comparator `sqlite`: sqlite: " in result.stderr
    assert "- changed `x.db` (binary, 317 bytes)" in result.stdout
