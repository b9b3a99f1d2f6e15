/** A call of emitBatch as Jaeger's clients send it, for a receiver to try itself on. */
import { assert } from "../base/assert.ts";
import { BOOL, I32, I64, LIST, STOP, STRING, STRUCT } from "./thrift.ts";

/** A string, an i32, an i64, a bool, a list of structs, a struct. */
type Value = string | number | bigint | boolean | readonly Struct[] | Struct;
/** By the number of the field, which is small and ascends. */
interface Struct {
  readonly [field: number]: Value;
}

const SPANS = 4;
const TRACE_LOW = 0x5f0c_91d2_7a3b_4e68n;
const TRACE_HIGH = 0x1c44_b0a9_0d62_f317n;
const STARTED_US = 1_790_000_000_000_000n;

export function samplePacket(protocol: "compact" | "binary"): Uint8Array {
  const out: number[] = [];
  const isCompact = protocol === "compact";
  if (isCompact) out.push(0x82, (4 << 5) | 1, 0);
  else out.push(0x80, 1, 0, 4);
  put(out, "emitBatch", isCompact);
  if (!isCompact) put(out, 0, isCompact);
  put(out, { 1: batch() }, isCompact);
  return Uint8Array.from(out);
}

function batch(): Struct {
  const process = { 1: "checkout", 2: [text("host.name", "shop-7"), integer("pid", 4711n)] };
  return { 1: process, 2: Array.from({ length: SPANS }, (_, at) => span(BigInt(at))) };
}

function span(at: bigint): Struct {
  const start = STARTED_US + at;
  const cause = { 1: 1, 2: TRACE_LOW, 3: TRACE_HIGH, 4: TRACE_LOW >> 1n };
  const tags = [
    ...[text("http.method", "GET"), text("http.route", "/cart/{id}"), text("url.path", "/cart/17")],
    ...[integer("http.status_code", 200n + at), { 1: "sampled", 2: 2, 5: true }],
    text("span.kind", "server"),
  ];
  return {
    ...{ 1: TRACE_LOW, 2: TRACE_HIGH, 3: TRACE_LOW + at, 4: TRACE_HIGH >> 1n, 5: "GET /cart/{id}" },
    ...(at === 0n && { 6: [cause] }),
    ...{ 7: 1, 8: start, 9: 1234n * (at + 1n), 10: tags },
    ...(at === 1n && { 11: [{ 1: start, 2: [text("event", "cache miss")] }] }),
  };
}

const text = (key: string, value: string): Struct => ({ 1: key, 2: 0, 3: value });
const integer = (key: string, value: bigint): Struct => ({ 1: key, 2: 3, 6: value });

// ---- Thrift, as far as it takes; thrift-compact.ts and thrift-binary.ts say what is written

function put(out: number[], value: Value, isCompact: boolean): void {
  if (typeof value === "string") {
    const bytes = Buffer.from(value);
    if (isCompact) putVarint(out, BigInt(bytes.length));
    else putNumber(out, BigInt(bytes.length), 4);
    out.push(...bytes);
  } else if (typeof value === "number" || typeof value === "bigint") {
    const wide = BigInt(value);
    if (isCompact) putVarint(out, BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n)));
    else putNumber(out, wide, typeof value === "number" ? 4 : 8);
  } else if (typeof value === "boolean") {
    if (!isCompact) out.push(value ? 1 : 0); // there its field says it
  } else if (isList(value)) {
    assert(value.length < LIST_SHORT_MAX, "sample: a long list");
    if (isCompact) out.push((value.length << 4) | COMPACT.struct);
    else {
      out.push(STRUCT);
      putNumber(out, BigInt(value.length), 4);
    }
    for (const one of value) put(out, one, isCompact);
  } else {
    let last = 0;
    for (const [name, one] of Object.entries(value)) {
      const id = Number(name);
      if (isCompact) out.push(((id - last) << 4) | compactType(one));
      else {
        out.push(binaryType(one));
        putNumber(out, BigInt(id), 2);
      }
      put(out, one, isCompact);
      last = id;
    }
    out.push(STOP);
  }
}

const LIST_SHORT_MAX = 15;
const COMPACT = { true: 1, false: 2, i32: 5, i64: 6, string: 8, list: 9, struct: 12 } as const;

function compactType(value: Value): number {
  if (typeof value === "boolean") return value ? COMPACT.true : COMPACT.false;
  if (typeof value === "string") return COMPACT.string;
  if (typeof value === "number") return COMPACT.i32;
  if (typeof value === "bigint") return COMPACT.i64;
  return isList(value) ? COMPACT.list : COMPACT.struct;
}

function binaryType(value: Value): number {
  if (typeof value === "boolean") return BOOL;
  if (typeof value === "string") return STRING;
  if (typeof value === "number") return I32;
  if (typeof value === "bigint") return I64;
  return isList(value) ? LIST : STRUCT;
}

function isList(value: Struct | readonly Struct[]): value is readonly Struct[] {
  return Array.isArray(value);
}

function putVarint(out: number[], value: bigint): void {
  let rest = value;
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

/** Big-endian. */
function putNumber(out: number[], value: bigint, bytes: number): void {
  for (let at = bytes - 1; at >= 0; at--) out.push(Number((value >> BigInt(8 * at)) & 255n));
}
