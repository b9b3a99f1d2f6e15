"""Writes a data file of a block's columns with pyarrow, and what is in it as JSON.

Arguments: path, seed, rows, "dictionary" or "plain", codec, bytes of a page, format version.
"""

import json
import random
import sys

import pyarrow as pa
import pyarrow.parquet as pq

path, seed, rows, mode, codec, page_bytes, version = sys.argv[1:8]
rng = random.Random(int(seed))
rows = int(rows)

INTS = [0, 1, -1, 2**31, -(2**31), 2**63 - 1, -(2**63)]


def big():
    return rng.choice(INTS) if rng.random() < 0.2 else rng.randrange(-(2**40), 2**40)


def maybe(value, chance=0.3):
    return value() if rng.random() < chance else None


def run_of_nulls(count, value):
    """Long runs of both kinds, for levels as runs and as packed bits."""
    out = []
    while len(out) < count:
        length = rng.choice([1, 2, 7, 8, 9, 60, 500])
        present = rng.random() < 0.5
        out += [value() if present else None for _ in range(length)]
    return out[:count]


trace_ids = sorted(rng.randbytes(16) for _ in range(max(1, rows // 30)))
ids = sorted(rng.choice(trace_ids) for _ in range(rows))
words = [f"word {i} " + "x" * (i % 40) for i in range(200)]


def required(name, kind):
    return pa.field(name, kind, nullable=False)


def listed(kind):
    return pa.list_(pa.field("element", kind, nullable=False))


event = pa.struct(
    [
        required("time_unix_nano", pa.int64()),
        required("name", pa.string()),
        # Version 1.0 of the format has no unsigned integers and would widen them.
        pa.field("dropped_attributes_count", pa.int32() if version == "1.0" else pa.uint32()),
        pa.field("attribute_order", pa.binary()),
        pa.field("event.n:int", pa.int64()),
    ]
)


def make_event():
    n = maybe(big, 0.5)
    return {
        "time_unix_nano": big(),
        "name": rng.choice(words),
        "dropped_attributes_count": maybe(lambda: rng.randrange(1, 2**31)),
        "attribute_order": None if n is None else b"\x01",
        "event.n:int": n,
    }


columns = {
    "text": run_of_nulls(rows, lambda: rng.choice(words)),
    "number:int": run_of_nulls(rows, big),
    "ratio:double": run_of_nulls(rows, lambda: rng.choice([0.5, -1.25, 3e300])),
    "flag:bool": run_of_nulls(rows, lambda: rng.random() < 0.5),
    "list:int[]": run_of_nulls(rows, lambda: [big() for _ in range(rng.randrange(4))]),
    "list:string[]": run_of_nulls(
        rows, lambda: [rng.choice(words) for _ in range(rng.randrange(4))]
    ),
}
kinds = [pa.string(), pa.int64(), pa.float64(), pa.bool_(), listed(pa.int64()), listed(pa.string())]
orders = []
for row in range(rows):
    present = [k + 1 for k, values in enumerate(columns.values()) if values[row] is not None]
    rng.shuffle(present)
    orders.append(bytes(present) or None)

fields = [
    (required("trace_id", pa.binary(16)), ids),
    (required("span_id", pa.binary(8)), [rng.randbytes(8) for _ in ids]),
    (pa.field("parent_span_id", pa.binary(8)), [maybe(lambda: rng.randbytes(8)) for _ in ids]),
    (required("name", pa.string()), [rng.choice(words) for _ in ids]),
    (required("kind", pa.int32()), [rng.randrange(6) for _ in ids]),
    (required("start_unix_nano", pa.int64()), [big() for _ in ids]),
    (required("duration_nano", pa.int64()), [big() for _ in ids]),
    (required("status_code", pa.int32()), [rng.randrange(3) for _ in ids]),
    (pa.field("status_message", pa.string()), run_of_nulls(rows, lambda: rng.choice(words))),
    (required("resource", pa.string()), ['{"service.name":"s%d"}' % rng.randrange(3) for _ in ids]),
    (pa.field("attribute_order", pa.binary()), orders),
    *[
        (pa.field(f"span.{key}", kind), values)
        for (key, values), kind in zip(columns.items(), kinds)
    ],
    (
        required("events", pa.list_(pa.field("element", event, nullable=False))),
        [[make_event() for _ in range(rng.choice([0, 0, 0, 1, 5]))] for _ in ids],
    ),
]
schema = pa.schema([field for field, _ in fields])
table = pa.table([pa.array(values, field.type) for field, values in fields], schema=schema)

deltas = ["start_unix_nano", "duration_nano", "kind"]
options = {"use_dictionary": True}
if mode == "plain":
    options = {
        "use_dictionary": False,
        "column_encoding": {
            **{name: "DELTA_BINARY_PACKED" for name in deltas},
            "span.number:int": "DELTA_BINARY_PACKED",
            "events.list.element.time_unix_nano": "DELTA_BINARY_PACKED",
            "span.list:int[].list.element": "DELTA_BINARY_PACKED",
        },
    }
pq.write_table(
    table,
    path,
    row_group_size=rows,
    compression=codec,
    data_page_size=int(page_bytes),
    write_batch_size=64,
    version=version,
    data_page_version="1.0",
    write_page_index=True,
    **options,
)


def shown(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool) or value is None or isinstance(value, (float, str)):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return [shown(item) for item in value]
    return {key: shown(item) for key, item in value.items()}


print(json.dumps([shown(row) for row in table.to_pylist()]))
