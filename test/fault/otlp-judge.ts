/**
 * What must become of a request: the rules of the receiver, written again as plainly as possible.
 *
 * - Bytes that are not protobuf by the schema refuse the request as a whole; so does a known field
 *   of another wire type.
 * - A span with a bad id, invalid UTF-8, or values nested too deep is rejected alone; a bad
 *   resource or scope rejects the spans under it, those before it too.
 * - Of a singular field the last occurrence counts.
 */
import { type Field, type MessageName, SCHEMA, WIRE_TYPES } from "./otlp-schema.ts";

/** AnyValues nested deeper than this reject the span; its documented limit. */
const DEPTH_MAX = 32;
/** Groups nested deeper than this are taken for malformed. */
const GROUP_DEPTH_MAX = 64;

export type Refusal =
  | "truncated"
  | "past the end of its message"
  | "varint over 64 bits"
  | "field number"
  | "wire type"
  | "wire type of a known field"
  | "group";

export interface Judgement {
  /** Why the whole request is malformed. */
  readonly refusal: Refusal | undefined;
  /** Of the spans in the order of the wire: true when it must be stored. Empty after a refusal. */
  readonly spans: readonly boolean[];
  /** The fields of the outermost message could be told apart. */
  readonly outerParses: boolean;
}

class Malformed extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal);
    this.refusal = refusal;
  }
}

interface Part {
  readonly number: number;
  readonly wireType: number;
  readonly from: number;
  readonly to: number;
}

export function judge(bytes: Uint8Array): Judgement {
  const outerParses = tell(() => [...parts(bytes, 0, bytes.length)]) === undefined;
  const spans: boolean[] = [];
  const refusal = tell(() => judgeRequest(bytes, spans));
  return { refusal, spans: refusal === undefined ? spans : [], outerParses };
}

function tell(walk: () => unknown): Refusal | undefined {
  try {
    walk();
    return undefined;
  } catch (error) {
    if (error instanceof Malformed) return error.refusal;
    throw error;
  }
}

function judgeRequest(bytes: Uint8Array, spans: boolean[]): void {
  for (const [, resourceSpans] of known(bytes, "request", [0, bytes.length])) {
    let resourceGood = true;
    for (const [field, range] of known(bytes, "resourceSpans", resourceSpans)) {
      if (field.name === "scope_spans") continue;
      resourceGood = isGood(bytes, field, { range, depth: 0 }) && resourceGood;
    }
    for (const [field, scopeSpans] of known(bytes, "resourceSpans", resourceSpans)) {
      if (field.name === "scope_spans") judgeScope(bytes, scopeSpans, { resourceGood, spans });
    }
  }
}

function judgeScope(
  bytes: Uint8Array,
  scopeSpans: Range,
  { resourceGood, spans }: { resourceGood: boolean; spans: boolean[] },
): void {
  let scopeGood = resourceGood;
  for (const [field, range] of known(bytes, "scopeSpans", scopeSpans)) {
    if (field.name === "spans") continue;
    scopeGood = isGood(bytes, field, { range, depth: 0 }) && scopeGood;
  }
  for (const [field, range] of known(bytes, "scopeSpans", scopeSpans)) {
    if (field.name === "spans") spans.push(isGoodSpan(bytes, range) && scopeGood);
  }
}

function isGoodSpan(bytes: Uint8Array, span: Range): boolean {
  const ids = { trace_id: false, span_id: false, parent_span_id: true };
  let good = true;
  for (const [field, range] of known(bytes, "span", span)) {
    const right = isGood(bytes, field, { range, depth: 0 });
    if (field.name === "parent_span_id") ids.parent_span_id = right;
    else if (field.name === "trace_id" || field.name === "span_id") {
      ids[field.name] = right && bytes.subarray(...range).some((byte) => byte !== 0);
    } else good = good && right;
  }
  return good && ids.trace_id && ids.span_id && ids.parent_span_id;
}

type Range = readonly [from: number, to: number];

/** False when the value is well-formed and yet unfit. Walks all of it, also when it is. */
function isGood(bytes: Uint8Array, field: Field, at: { range: Range; depth: number }): boolean {
  const { range, depth } = at;
  const [from, to] = range;
  if (field.text) return isUtf8(bytes.subarray(from, to));
  if (field.lengths !== undefined) return field.lengths.includes(to - from);
  if (field.message === undefined) return true;
  const isList = field.message === "array" || field.message === "kvlist";
  // What is nested too deep is not looked into.
  if (isList && depth >= DEPTH_MAX) return false;
  let good = true;
  for (const [inner, part] of known(bytes, field.message, range)) {
    good = isGood(bytes, inner, { range: part, depth: isList ? depth + 1 : depth }) && good;
  }
  return good;
}

/** The known fields of a message; all of its fields are checked for their form. */
function* known(bytes: Uint8Array, message: MessageName, range: Range): Generator<[Field, Range]> {
  const fields = SCHEMA[message];
  for (const { number, wireType, from, to } of parts(bytes, ...range)) {
    const field = fields[number];
    if (field === undefined) continue;
    if (WIRE_TYPES[field.wire] !== wireType) throw new Malformed("wire type of a known field");
    yield [field, [from, to]];
  }
}

function* parts(bytes: Uint8Array, from: number, end: number): Generator<Part> {
  let at = from;
  while (at < end) {
    const [tag, after] = readTag(bytes, at, end);
    const wireType = Number(tag & 7n);
    const [start, to] = skip(bytes, { at: after, end, tag, depth: 0 });
    yield { number: Number(tag >> 3n), wireType, from: start, to };
    at = to;
  }
}

interface Skip {
  readonly at: number;
  readonly end: number;
  readonly tag: bigint;
  readonly depth: number;
}

/** Where the field's value lies. */
function skip(bytes: Uint8Array, { at, end, tag, depth }: Skip): Range {
  const bounded = (from: number, length: bigint): Range => {
    if (length > BigInt(end - from)) throw new Malformed(cutOff(bytes, end));
    return [from, from + Number(length)];
  };
  switch (Number(tag & 7n)) {
    case 0:
      return [at, readVarint(bytes, at, end)[1]];
    case 1:
      return bounded(at, 8n);
    case 5:
      return bounded(at, 4n);
    case 2: {
      const [length, from] = readVarint(bytes, at, end);
      return bounded(from, length);
    }
    case 3: {
      if (depth >= GROUP_DEPTH_MAX) throw new Malformed("group");
      for (let from = at; ; ) {
        const [inner, after] = readTag(bytes, from, end);
        if ((inner & 7n) === 4n) {
          if (inner >> 3n !== tag >> 3n) throw new Malformed("group");
          return [at, after];
        }
        from = skip(bytes, { at: after, end, tag: inner, depth: depth + 1 })[1];
      }
    }
    default:
      throw new Malformed("wire type");
  }
}

function readTag(bytes: Uint8Array, at: number, end: number): [bigint, number] {
  const [tag, after] = readVarint(bytes, at, end);
  if (tag < 8n || tag > 0xffff_ffffn) throw new Malformed("field number");
  return [tag, after];
}

function readVarint(bytes: Uint8Array, at: number, end: number): [bigint, number] {
  let value = 0n;
  for (let i = 0; i < 10; i++) {
    if (at + i >= end) throw new Malformed(cutOff(bytes, end));
    const byte = BigInt(bytes[at + i]);
    value |= (byte & 127n) << BigInt(7 * i);
    if (byte < 128n) {
      if (value >> 64n !== 0n) throw new Malformed("varint over 64 bits");
      return [value, at + i + 1];
    }
  }
  throw new Malformed("varint over 64 bits");
}

function cutOff(bytes: Uint8Array, end: number): Refusal {
  return end === bytes.length ? "truncated" : "past the end of its message";
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
