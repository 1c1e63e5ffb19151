"""Compare two CSV files with the full join of full_join.sql, with two threads: `duckdb_join.py BEFORE AFTER`."""

import json
import sys
from pathlib import Path

import duckdb

sql = Path(__file__).with_name("full_join.sql").read_text("utf-8")
connection = duckdb.connect(config={"threads": 2, "preserve_insertion_order": False})
result = connection.execute(sql, {"before": sys.argv[1], "after": sys.argv[2]})
print(json.dumps(dict(zip([column[0] for column in result.description], result.fetchone(), strict=True))))
