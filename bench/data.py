"""Pairs of tables, databases and directories with known differences, from a seeded generator.

    python bench/data.py table|database|tree DIRECTORY [KEYWORDS AS JSON]

It writes the older version as `a` and the newer one as `b` into the directory, and prints the differences as JSON.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import string
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

COLUMNS = ("id", "name", "city", "category", "date", "amount", "quantity", "note")
CHUNK = 10_000
SCHEMA = (
    "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, city TEXT, category TEXT, date TEXT, amount REAL, "
    "quantity INTEGER, note TEXT)"
)

Row = list[str]


class Table:
    """A table of 8 columns and its newer version; the constructor takes the probabilities of changes of a row."""

    def __init__(
        self, rows: int, *, removed: float = 0.001, inserted: float = 0.001, edited: float = 0.077, appended: int = 0
    ) -> None:
        self.random = random.Random(20_000_101)
        self.rows, self.removed, self.inserted, self.edited, self.appended = rows, removed, inserted, edited, appended
        self.differences: Counter[str] = Counter()
        self.next_id = rows + 1
        words = ["".join(self.random.choices(string.ascii_lowercase, k=n)) for n in (4, 5, 6, 7, 8) for _ in range(200)]
        amounts = self.random.sample(range(1000, 1_000_000), 50_000)
        self.values = [
            words,
            [word.title() for word in words[:300]],
            [f"class {letter}" for letter in "ABCDEFGHIJKL"],
            [
                f"{year}-{month:02}-{day:02}"
                for year in range(2015, 2025)
                for month in range(1, 13)
                for day in (3, 12, 25)
            ],
            [f"{amount // 100}.{amount % 100:02}" for amount in amounts if amount % 10],
            [str(quantity) for quantity in range(1, 500)],
            [f"{first} {second}" for first, second in zip(words, reversed(words), strict=True)],
        ]

    def chunks(self) -> Iterator[tuple[list[Row], list[Row]]]:
        """Yield rows of the older version and the rows of the newer version at their place."""
        for start in range(0, self.rows, CHUNK):
            before = self._new(range(start + 1, min(start + CHUNK, self.rows) + 1))
            yield before, list(self._newer(before))
        yield [], self._added(self.appended)

    def _new(self, ids: range) -> list[Row]:
        columns = [self.random.choices(values, k=len(ids)) for values in self.values]
        return list(map(list, zip(map(str, ids), *columns, strict=True)))

    def _added(self, number: int) -> list[Row]:
        self.differences["added"] += number
        self.next_id += number
        return self._new(range(self.next_id - number, self.next_id))

    def _newer(self, rows: list[Row]) -> Iterator[Row]:
        for row in rows:
            event = self.random.random()
            if event < self.removed:
                self.differences["removed"] += 1
                continue
            if event < self.removed + self.inserted:
                yield from self._added(1)
            elif event < self.removed + self.inserted + self.edited:
                row = self._edit(row)
            yield row

    def _edit(self, row: Row) -> Row:
        """Return the row with one changed cell, or with two in 3 % of all cases."""
        row = row.copy()
        for column in self.random.sample(range(1, len(COLUMNS)), 2 if self.random.random() < 0.03 else 1):
            values = self.values[column - 1]
            value = row[column]
            while row[column] == value:
                row[column] = self.random.choice(values)
            self.differences[COLUMNS[column]] += 1
        self.differences["edited"] += 1
        return row


def write_table(directory: Path, rows: int, *, copy: bool = False, shuffled: bool = False, **changes: float) -> object:
    """Write `a.csv` and `b.csv`: with `copy` the same file, with `shuffled` rows in random order."""
    table = Table(rows, **changes)
    header = ",".join(COLUMNS) + "\n"
    moved: list[str] = []
    with (directory / "a.csv").open("w") as a, (directory / "b.csv").open("w") as b:
        a.write(header)
        b.write(header)
        for before, after in table.chunks():
            a.writelines([",".join(row) + "\n" for row in before])
            lines = [",".join(row) + "\n" for row in after]
            if shuffled:
                moved += lines
            else:
                b.writelines(lines)
        table.random.shuffle(moved)
        b.writelines(moved)
    if copy:
        shutil.copy(directory / "a.csv", directory / "b.csv")
        return {}
    return table.differences


def write_database(directory: Path, rows: int, **changes: float) -> object:
    """Write `a.db` and `b.db` with the same changes as a table of this size."""
    table = Table(rows, **changes)
    insert = f"INSERT INTO t VALUES ({', '.join('?' * len(COLUMNS))})"
    with closing(sqlite3.connect(directory / "a.db")) as a, closing(sqlite3.connect(directory / "b.db")) as b:
        a.execute(SCHEMA)
        b.execute(SCHEMA)
        for before, after in table.chunks():
            a.executemany(insert, before)
            b.executemany(insert, after)
        a.commit()
        b.commit()
    return table.differences


class _Tree:
    """Files of four types in 100 directories. Each content is random, so that only its newer version is similar."""

    def __init__(self) -> None:
        self.random = random.Random(20_000_102)
        self.words = ["".join(self.random.choices(string.ascii_lowercase, k=7)) for _ in range(20_000)]

    def content(self, name: str) -> list[bytes]:
        """Return the parts of a file; each can be changed."""
        if name.endswith(".bin"):
            return [self.random.randbytes(64) for _ in range(64)]
        numbers = self.random.choices(range(10**6), k=100)
        words = self.random.choices(self.words, k=300)
        groups = zip(*[iter(words)] * 3, strict=True)
        if name.endswith(".csv"):
            rows = (
                f"{n},{','.join(group)},{number}\n"
                for n, group, number in zip(range(1, 101), groups, numbers, strict=True)
            )
            return [b"id,one,two,three,value\n", *map(str.encode, rows)]
        if name.endswith(".json"):
            items = (f'  "{number}": "{" ".join(group)}",\n' for number, group in enumerate(groups))
            return [b"{\n", *map(str.encode, items), b'  "end": true\n}\n']
        return [" ".join(group).encode() + b"\n" for group in groups]

    def edit(self, name: str, parts: list[bytes]) -> list[bytes]:
        """Return the file with one changed cell, value, line or block of bytes."""
        part = self.random.randrange(1, len(parts) - 1)
        if name.endswith(".bin"):
            changed = self.random.randbytes(len(parts[part]))
        else:
            # Words consist of seven letters, which are not in other places.
            word = next(word for word in parts[part].replace(b'"', b" ").replace(b",", b" ").split() if word.isalpha())
            changed = parts[part].replace(word, b"changed", 1)
        return [*parts[:part], changed, *parts[part + 1 :]]


def write_tree(directory: Path, files: int) -> object:
    """Write `a` and `b`; of 10,000 files, 109 are edited, 53 moved, 24 renamed and edited, 47 removed and 50 added."""
    tree = _Tree()
    suffixes = ["csv"] * 6 + ["txt"] * 2 + ["json", "bin"]
    names = [f"part{n % 100:02}/file{n:05}.{suffixes[n // 100 % 10]}" for n in range(files)]
    changed = tree.random.sample(names, files * 233 // 10_000)
    edited, moved, renamed, removed = (
        changed[files * start // 10_000 : files * end // 10_000]
        for start, end in ((0, 109), (109, 162), (162, 186), (186, 233))
    )
    pairs = {name: name.replace("part", "moved") for name in moved}
    pairs |= {name: name.replace("file", "renamed") for name in renamed}
    added = [f"part{n % 100:02}/new{n:05}.{suffixes[n % 10]}" for n in range(files * 50 // 10_000)]
    edits, gone = {*edited, *renamed}, set(removed)
    for name in names:
        parts = tree.content(name)
        _write(directory / "a" / name, parts)
        if name not in gone:
            _write(directory / "b" / pairs.get(name, name), tree.edit(name, parts) if name in edits else parts)
    for name in added:
        _write(directory / "b" / name, tree.content(name))
    return {
        "edited": sorted(edited),
        "renamed": sorted(pairs.items()),
        "removed": sorted(removed),
        "added": sorted(added),
    }


def _write(path: Path, parts: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(parts))


KINDS = {"table": write_table, "database": write_database, "tree": write_tree}


if __name__ == "__main__":
    kind, place, keywords = sys.argv[1:]
    print(json.dumps(KINDS[kind](Path(place), **json.loads(keywords))))
