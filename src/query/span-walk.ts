/**
 * Walks the spans of an encoded trace: where each lies, and where its ids do. One object for all
 * of them, as a trace may have a million.
 */
import { ProtoCursor, WIRE_BYTES, WIRE_VARINT } from "./proto-cursor.ts";

/** ResourceSpans in the trace, ScopeSpans in these, spans in those: the tags of their fields. */
export const DOWN_TAGS: readonly number[] = [
  (1 << 3) | WIRE_BYTES,
  (2 << 3) | WIRE_BYTES,
  (2 << 3) | WIRE_BYTES,
];
const SPAN_LEVEL = DOWN_TAGS.length - 1;

const SPAN_ID = 2;
const PARENT_SPAN_ID = 4;
const KIND = 6;
export const ID_BYTES = 8;

export class SpanWalk {
  readonly #cursor: ProtoCursor;
  /** Where the messages around the cursor end, from the trace down. */
  readonly #ends: number[];
  #level = 0;

  /** Of the span that next() came to. */
  kind = 0;
  /** Where the eight bytes of the ids lie; -1 when there are none. */
  idAt = -1;
  parentAt = -1;
  end = 0;

  constructor(trace: Uint8Array) {
    this.#cursor = new ProtoCursor(trace);
    this.#ends = [trace.length, 0, 0];
  }

  /** Goes to the next span; false when there is none. */
  next(): boolean {
    const cursor = this.#cursor;
    for (;;) {
      const end = this.#ends[this.#level];
      if (cursor.at >= end) {
        if (this.#level === 0) return false;
        this.#level--;
        continue;
      }
      const tag = cursor.tag(end);
      if (tag !== DOWN_TAGS[this.#level]) {
        cursor.skip(tag & 7, end);
        continue;
      }
      const innerEnd = cursor.length(end) + cursor.at;
      if (this.#level === SPAN_LEVEL) {
        this.#span(innerEnd);
        return true;
      }
      this.#level++;
      this.#ends[this.#level] = innerEnd;
    }
  }

  #span(end: number): void {
    const cursor = this.#cursor;
    this.kind = 0;
    this.idAt = -1;
    this.parentAt = -1;
    this.end = end;
    while (cursor.at < end) {
      const tag = cursor.tag(end);
      const field = tag >>> 3;
      cursor.skip(tag & 7, end);
      if (field === KIND && (tag & 7) === WIRE_VARINT) this.kind = cursor.low;
      if ((tag & 7) !== WIRE_BYTES || cursor.low !== ID_BYTES) continue;
      if (field === SPAN_ID) this.idAt = cursor.at - ID_BYTES;
      if (field === PARENT_SPAN_ID) this.parentAt = cursor.at - ID_BYTES;
    }
  }
}
