/** Decoded rows of a block's rarer columns as values: lists, and ids of links. */
import { assert } from "../base/assert.ts";
import { dataValue } from "../block/block-dictionary.ts";
import type { ColumnRows } from "../block/parquet-decode.ts";
import type { DataScalar, DataValue } from "../model/data-value.ts";
import type { CodesVector, Vector } from "../vector/vector.ts";

export function codesIn(vector: Vector): CodesVector {
  assert(vector.kind === "codes", "block: a column of texts");
  return vector;
}

type Valued = readonly [entry: number, value: DataValue];

/** Of a column of lists, an entry a row. */
export function* listValues({ starts, values }: ColumnRows): Generator<Valued> {
  for (let row = 0; row + 1 < starts.length; row++) {
    const list: DataScalar[] = [];
    for (let at = starts[row]; at < starts[row + 1]; at++) {
      const stored = values[at];
      const value = stored === undefined ? undefined : dataValue(stored);
      if (value !== undefined && value.type !== "nil" && value.type !== "list") list.push(value);
    }
    if (list.length === 1) yield [row, list[0]];
    else if (list.length > 1) yield [row, { type: "list", values: list }];
  }
}

export function* hexValues({ values }: ColumnRows): Generator<Valued> {
  for (const [entry, bytes] of values.entries()) {
    if (!(bytes instanceof Uint8Array)) continue;
    yield [entry, { type: "string", value: Buffer.from(bytes).toString("hex") }];
  }
}
