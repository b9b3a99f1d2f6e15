"""Reads a Parquet file with pyarrow and with DuckDB and prints what each of them sees, as JSON."""
import json
import sys

import duckdb
import pyarrow.parquet as pq


def shown(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "0x" + bytes(value).hex()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if isinstance(value, dict):
        return {key: shown(item) for key, item in value.items()}
    return value


def chunk(column):
    stats = column.statistics
    bounds = stats is not None and stats.has_min_max
    return {
        "path": column.path_in_schema,
        "codec": column.compression,
        "encodings": sorted(column.encodings),
        "nulls": stats.null_count if stats is not None else None,
        "min": shown(stats.min_raw) if bounds else None,
        "max": shown(stats.max_raw) if bounds else None,
        "columnIndex": column.has_column_index,
        "offsetIndex": column.has_offset_index,
        "plainBytes": column.total_uncompressed_size,
        "storedBytes": column.total_compressed_size,
    }


path, queries = sys.argv[1], sys.argv[2:]
file = pq.ParquetFile(path, page_checksum_verification=True)
group = file.metadata.row_group(0)
rows = file.read().to_pylist()
connection = duckdb.connect()
connection.execute("SET threads = 1")
found = connection.execute(f"SELECT * FROM read_parquet('{path}')")
names = [column[0] for column in found.description]
json.dump(
    {
        "createdBy": file.metadata.created_by,
        "rows": file.metadata.num_rows,
        "chunks": [chunk(group.column(i)) for i in range(group.num_columns)],
        "sorting": [[s.column_index, s.descending, s.nulls_first] for s in group.sorting_columns],
        "pyarrow": [shown(row) for row in rows],
        "duckdb": [shown(dict(zip(names, row))) for row in found.fetchall()],
        "queries": [
            shown(connection.execute(query.replace("FILE", f"'{path}'")).fetchall())
            for query in queries
        ],
    },
    sys.stdout,
)
