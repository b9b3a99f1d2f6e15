/** The ArrayValue message of a list attribute, from its elements. */
import { blockCorrupt } from "./block-error.ts";
import type { ElementType } from "./block-layout.ts";
import type { ColumnRows, ColumnValue } from "./parquet-decode.ts";
import { ByteWriter } from "./resource-bytes.ts";

const VALUES = 0x0a;
// Fields of AnyValue, with their wire type.
const STRING = 0x0a;
const BOOL = 0x10;
const INT = 0x18;
const DOUBLE = 0x21;

const PRESENT = 2;

/** `rows` are those of a list column; `row` must have a list. */
export function arrayMessage(rows: ColumnRows, row: number, type: ElementType): Uint8Array {
  const first = rows.starts[row];
  const end = rows.starts[row + 1];
  // The list itself is optional: 0 none, 1 without elements, 2 an element.
  if (rows.definitions[first] === 0) throw blockCorrupt("attribute that its column does not have");
  const out = new ByteWriter();
  if (end - first === 1 && rows.definitions[first] === 1) return out.finish();
  for (let entry = first; entry < end; entry++) {
    const value = rows.values[entry];
    if (rows.definitions[entry] !== PRESENT || value === undefined) {
      throw blockCorrupt("list has a place without an element");
    }
    out.bytes(VALUES, anyValue(value, type));
  }
  return out.finish();
}

function anyValue(value: ColumnValue, type: ElementType): Uint8Array {
  const out = new ByteWriter();
  if (type === "string" && value instanceof Uint8Array) out.bytes(STRING, value);
  else if (type === "bool" && typeof value === "boolean") out.varint(BOOL, value ? 1n : 0n);
  else if (type === "int" && typeof value === "bigint") out.varint(INT, value);
  else if (type === "double" && typeof value === "number") out.double(DOUBLE, value);
  else throw blockCorrupt("list element of another type");
  return out.finish();
}
