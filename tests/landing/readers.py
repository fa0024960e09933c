"""Reads a directory of Parquet files as pyarrow and DuckDB do by themselves, and prints the rows of each as JSON."""

import json
import sys

import duckdb
import pyarrow.dataset

def micros(time):
    return None if time is None else round(time.timestamp() * 1_000_000)


def shown(row):
    return {
        "number": int(row["number"]),
        "day": str(row["day"]),
        "shop": row["shop"],
        "at": micros(row["at"]),
        "end": micros(row["window"]["end"]),
        "tags": row["tags"],
        "mean": row["mean"],
        "label": row["inner"] and row["inner"]["label"],
    }


directory = sys.argv[1]
table = pyarrow.dataset.dataset(directory, format="parquet", partitioning="hive").to_table()
print(json.dumps([shown(row) for row in table.sort_by("number").to_pylist()]))

duckdb.sql("SET TimeZone = 'UTC'")
found = duckdb.sql(
    f"SELECT * FROM read_parquet('{directory}/**/*.parquet', hive_partitioning = true) ORDER BY number"
)
names = found.columns
print(json.dumps([shown(dict(zip(names, row))) for row in found.fetchall()]))
