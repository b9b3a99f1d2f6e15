"""What pyarrow and DuckDB see in blocks: counts, sums, and the values of columns, as JSON.

Arguments: a JSON file with the paths of the blocks and the names of the columns. Integers are
printed as digits and bytes as hex, so that JSON carries them whole.
"""

import json
import sys

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq


def shown(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def by_pyarrow(path, columns):
    file = pq.ParquetFile(path, page_checksum_verification=True)
    table = file.read(columns=[*columns, "duration_nano"])
    return {
        "rows": file.metadata.num_rows,
        "durations": shown(pc.sum(table["duration_nano"]).as_py()),
        "columns": {
            name: [shown(value) for value in table[name].to_pylist()] for name in columns
        },
    }


def by_duckdb(connection, path, columns):
    rows, durations = connection.execute(
        "SELECT count(*), sum(duration_nano) FROM read_parquet(?)", [path]
    ).fetchone()
    names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
    found = connection.execute(f"SELECT {names} FROM read_parquet(?)", [path]).fetchall()
    return {
        "rows": rows,
        "durations": shown(int(durations)),
        "columns": {name: [shown(row[at]) for row in found] for at, name in enumerate(columns)},
    }


with open(sys.argv[1]) as file:
    asked = json.load(file)
connection = duckdb.connect()
connection.execute("SET threads = 1")
json.dump(
    [
        {
            "pyarrow": by_pyarrow(path, asked["columns"]),
            "duckdb": by_duckdb(connection, path, asked["columns"]),
        }
        for path in asked["paths"]
    ],
    sys.stdout,
)
