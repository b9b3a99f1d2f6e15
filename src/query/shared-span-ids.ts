/**
 * Gives a server span that shares its id with a client span, as Zipkin's tracers have it, an id of
 * its own: the client becomes its parent, and the children of the shared id become its children.
 *
 * Ids are eight bytes and are changed where they lie; only a server span without a parent grows,
 * and the lengths around it with it. A trace without shared ids is handed back as it is, after one
 * walk over its tags.
 */
import {
  joined,
  ProtoCursor,
  putVarint,
  varintBytes,
  WIRE_BYTES,
  WIRE_VARINT,
} from "./proto-cursor.ts";

const TRACE_RESOURCE_SPANS = 1;
const RESOURCE_SCOPE_SPANS = 2;
const SCOPE_SPANS = 2;
/** Which field of each level holds the next one, from the trace down to its spans. */
const DOWN = [TRACE_RESOURCE_SPANS, RESOURCE_SCOPE_SPANS, SCOPE_SPANS] as const;
const SPAN_ID = 2;
const PARENT_SPAN_ID = 4;
const KIND = 6;
const KIND_SERVER = 2;
const KIND_CLIENT = 3;
const ID_BYTES = 8;

interface FoundSpan {
  id: bigint;
  parent: bigint | undefined;
  kind: number;
  /** Where the eight bytes of the ids lie; -1 when there are none. */
  idAt: number;
  parentAt: number;
  readonly end: number;
}

export function splitSharedSpanIds(trace: Uint8Array): Uint8Array {
  const spans = [...spansOf(new ProtoCursor(trace), trace.length, 0)];
  const clients = new Set(spans.filter(isClient).map((span) => span.id));
  const shared = spans.filter((span) => isServer(span) && clients.has(span.id));
  if (shared.length === 0) return trace;
  const renamed = rename(shared, new Set(spans.map((span) => span.id)));
  for (const span of spans) {
    if (span.parent === undefined) continue;
    const moved = renamed.get(span.parent);
    if (moved !== undefined && moved !== span.id) span.parent = moved;
  }
  return written(trace, spans);
}

const isClient = (span: FoundSpan) => span.kind === KIND_CLIENT && span.idAt >= 0;
const isServer = (span: FoundSpan) => span.kind === KIND_SERVER && span.idAt >= 0;

/** New ids count up from 1, past those in use. Returns the last new id of each shared one. */
function rename(shared: readonly FoundSpan[], used: ReadonlySet<bigint>): Map<bigint, bigint> {
  const renamed = new Map<bigint, bigint>();
  let next = 1n;
  for (const span of shared) {
    while (used.has(next)) next++;
    renamed.set(span.id, next);
    span.parent = span.id;
    span.id = next++;
  }
  return renamed;
}

function* spansOf(cursor: ProtoCursor, end: number, level: number): Generator<FoundSpan> {
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    if (tag !== ((DOWN[level] << 3) | WIRE_BYTES)) {
      cursor.skip(tag & 7, end);
      continue;
    }
    const innerEnd = cursor.length(end) + cursor.at;
    if (level === DOWN.length - 1) yield spanAt(cursor, innerEnd);
    else yield* spansOf(cursor, innerEnd, level + 1);
  }
}

function spanAt(cursor: ProtoCursor, end: number): FoundSpan {
  const span: FoundSpan = { id: 0n, parent: undefined, kind: 0, idAt: -1, parentAt: -1, end };
  while (cursor.at < end) {
    const tag = cursor.tag(end);
    const field = tag >>> 3;
    cursor.skip(tag & 7, end);
    if (field === KIND && (tag & 7) === WIRE_VARINT) span.kind = cursor.low;
    if ((tag & 7) !== WIRE_BYTES || cursor.low !== ID_BYTES) continue;
    if (field === SPAN_ID) span.idAt = cursor.at - ID_BYTES;
    if (field === PARENT_SPAN_ID) span.parentAt = cursor.at - ID_BYTES;
  }
  if (span.idAt >= 0) span.id = cursor.view.getBigUint64(span.idAt);
  if (span.parentAt >= 0) span.parent = cursor.view.getBigUint64(span.parentAt);
  return span;
}

function written(trace: Uint8Array, spans: readonly FoundSpan[]): Uint8Array {
  const changed = trace.slice();
  const view = new DataView(changed.buffer);
  const grown = new Map<number, bigint>();
  for (const span of spans) {
    if (span.idAt >= 0) view.setBigUint64(span.idAt, span.id);
    if (span.parent === undefined) continue;
    if (span.parentAt >= 0) view.setBigUint64(span.parentAt, span.parent);
    else grown.set(span.end, span.parent);
  }
  return grown.size === 0 ? changed : new Growth(changed, grown).whole();
}

/** Copies a trace with parent ids added at the ends of some spans, keyed by where these end. */
class Growth {
  readonly #cursor: ProtoCursor;
  readonly #parents: ReadonlyMap<number, bigint>;
  readonly #ends: readonly number[];
  readonly #parts: Uint8Array[] = [];
  #next = 0;

  constructor(trace: Uint8Array, parents: ReadonlyMap<number, bigint>) {
    this.#cursor = new ProtoCursor(trace);
    this.#parents = parents;
    this.#ends = [...parents.keys()];
  }

  whole(): Uint8Array {
    this.#level(this.#cursor.bytes.length, 0);
    return joined(this.#parts);
  }

  /** Adds the parts of one message from the cursor to `end`; returns their bytes. */
  #level(end: number, level: number): number {
    const cursor = this.#cursor;
    let bytes = 0;
    let copied = cursor.at;
    while (cursor.at < end && this.#grows(end)) {
      const tag = cursor.tag(end);
      const lengthAt = cursor.at;
      cursor.skip(tag & 7, end);
      const innerEnd = cursor.at;
      if (tag !== ((DOWN[level] << 3) | WIRE_BYTES) || !this.#grows(innerEnd)) continue;
      bytes += this.#copy(copied, lengthAt);
      cursor.at = innerEnd - cursor.low;
      bytes += this.#inner(innerEnd, level);
      copied = innerEnd;
      cursor.at = innerEnd;
    }
    return bytes + this.#copy(copied, end);
  }

  #inner(end: number, level: number): number {
    const place = this.#parts.push(new Uint8Array()) - 1;
    const bytes = level === DOWN.length - 1 ? this.#span(end) : this.#level(end, level + 1);
    const length = new Uint8Array(varintBytes(bytes));
    putVarint(length, 0, bytes);
    this.#parts[place] = length;
    return length.length + bytes;
  }

  #span(end: number): number {
    const field = new Uint8Array(2 + ID_BYTES);
    field.set([(PARENT_SPAN_ID << 3) | WIRE_BYTES, ID_BYTES]);
    new DataView(field.buffer).setBigUint64(2, this.#parents.get(end) as bigint);
    const bytes = this.#copy(this.#cursor.at, end);
    this.#next++;
    this.#parts.push(field);
    return bytes + field.length;
  }

  /** Whether the next span that grows ends at or before `end`. */
  #grows(end: number): boolean {
    return this.#next < this.#ends.length && this.#ends[this.#next] <= end;
  }

  #copy(from: number, to: number): number {
    if (to > from) this.#parts.push(this.#cursor.bytes.subarray(from, to));
    return to - from;
  }
}
