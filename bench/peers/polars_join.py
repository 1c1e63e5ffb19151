"""Compare two CSV files with joins of polars: `polars_join.py BEFORE AFTER`."""

import json
import sys

import polars as pl

before, after = (pl.scan_csv(path, infer_schema=False) for path in sys.argv[1:])
columns = [column for column in before.collect_schema().names() if column != "id"]
both = before.join(after, on="id", suffix=" after")
queries = [
    before.join(after, on="id", how="anti").select(removed=pl.len()),
    after.join(before, on="id", how="anti").select(added=pl.len()),
    both.select((pl.col(column) != pl.col(f"{column} after")).sum() for column in columns),
]
print(json.dumps(pl.concat(pl.collect_all(queries), how="horizontal").row(0, named=True)))
