"""Tests that a damaged database is compared, or is reported as not compared."""

from __future__ import annotations

import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import binoc
import pytest


def content(path: Path) -> bytes:
    """Return a database with several pages of tables and indexes, and with a free page."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, value)")
        connection.execute("CREATE TABLE k (a TEXT, b INTEGER, c BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID")
        connection.execute("CREATE TABLE gone (x)")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(n, f"n{n}", "x" * n) for n in range(60)])
        connection.executemany("INSERT INTO k VALUES (?, ?, ?)", [(f"a{n % 7}", n, bytes(n)) for n in range(60)])
        connection.executemany("INSERT INTO gone VALUES (?)", [("y" * 400,)] * 5)
        connection.execute("DROP TABLE gone")
    return path.read_bytes()


def damage(data: bytes, seed: int) -> bytes:
    """Return the database with a few other bytes; an even seed selects bytes of headers, where damage does most."""
    choice, damaged = random.Random(seed), bytearray(data)
    for _ in range(choice.randint(1, 8)):
        page = 512 * choice.randrange(len(damaged) // 512)
        place = page + choice.randrange(16 if seed % 2 == 0 else 512)
        # The first bytes identify the format.
        damaged[max(place, 16)] = choice.choice([0, 1, 0x7F, 0x80, 0xFF, choice.randrange(256)])
    return bytes(damaged[: choice.randrange(16, len(damaged))] if seed % 10 == 9 else damaged)


@pytest.mark.parametrize("seeds", [range(start, start + 20) for start in range(0, 60, 20)], ids=str)
def test_damaged_database_is_compared_or_reported(tmp_path: Path, seeds: range) -> None:
    data = content(tmp_path / "data.db")
    for side in ("a", "b"):
        (tmp_path / side).mkdir()
    (tmp_path / "a/data.db").write_bytes(data)
    for seed in seeds:
        damaged = damage(data, seed)
        (tmp_path / "b/data.db").write_bytes(damaged)
        for older, newer in (("a", "b"), ("b", "a")):
            changes = binoc.diff(tmp_path / older, tmp_path / newer)
            assert bool(changes) == (damaged != data), seed
            document = json.loads(changes.to_json())
            errors = [finding for finding in document.get("diagnostics", []) if finding["severity"] == "error"]
            assert changes.complete == (not errors), seed
            # The rest of the file is compared by its bytes, and this is never reported as a comparison of its tables.
            assert errors or all(node["comparator"] == "sqlite" for node in document["changes"]), seed
