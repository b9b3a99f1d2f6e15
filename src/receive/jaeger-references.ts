/**
 * References of a span to others: which of them is its parent, and links for the rest.
 *
 *   reference := trace id[16] · span id[8] · type u8 · padding
 */
import { EngineError } from "../base/error.ts";
import { LINK, LINK_ATTRIBUTE, LINK_SPAN_ID, LINK_TRACE_ID } from "./otlp-tags.ts";
import type { OtlpWriter } from "./otlp-write.ts";
import { type Text, textOf } from "./text.ts";

/** Each is a link: as many as a span may have attributes. */
const REFERENCES_MAX = 65_535;
const FIRST_COUNT = 16;

const SPAN_ID = 16;
const TYPE = 24;
const SHIFT = 5;

const CHILD_OF = 0;
const FOLLOWS_FROM = 1;
const REF_TYPE = textOf("opentracing.ref_type");
const REF_TYPES = [textOf("child_of"), textOf("follows_from")] as const;

export class JaegerReferences {
  /** Where they lie; another array after add(). */
  bytes = new Uint8Array(FIRST_COUNT << SHIFT);
  #count = 0;
  readonly #id: Text = textOf("");

  clear(): void {
    this.#count = 0;
  }

  /** The place of the trace id; the span id follows it. Throws `too_large`. */
  add(): number {
    if (this.#count === REFERENCES_MAX) {
      throw new EngineError("too_large", `a span has more than ${REFERENCES_MAX} references`);
    }
    const at = this.#count << SHIFT;
    if (at === this.bytes.length) {
      const grown = new Uint8Array(2 * at);
      grown.set(this.bytes);
      this.bytes = grown;
    }
    this.bytes.fill(0, at, at + (1 << SHIFT));
    this.#count += 1;
    return at;
  }

  setType(at: number, type: number): void {
    this.bytes[at + TYPE] = type === CHILD_OF ? CHILD_OF : FOLLOWS_FROM;
  }

  /**
   * The place of the parent's span id: of the first CHILD_OF to a span of the trace whose id
   * `ids` begins with, else of the first FOLLOWS_FROM; -1 when there is none.
   */
  parent(ids: Uint8Array): number {
    let follows = -1;
    for (let i = 0; i < this.#count; i++) {
      const at = i << SHIFT;
      if (!this.#isOfTrace(at, ids)) continue;
      if (this.bytes[at + TYPE] === CHILD_OF) return at + SPAN_ID;
      if (follows < 0) follows = at + SPAN_ID;
    }
    return follows;
  }

  /** As links, without the CHILD_OF to the parent whose id stands at `parent`. */
  write(out: OtlpWriter, ids: Uint8Array, parent: number): void {
    for (let i = 0; i < this.#count; i++) {
      const at = i << SHIFT;
      const type = this.bytes[at + TYPE];
      if (type === CHILD_OF && this.#isOfSpan(at, ids, parent)) continue;
      const begun = out.begin(LINK, 1);
      out.bytes(LINK_TRACE_ID, this.#place(at, 16));
      out.bytes(LINK_SPAN_ID, this.#place(at + SPAN_ID, 8));
      out.stringAttribute(LINK_ATTRIBUTE, REF_TYPE, REF_TYPES[type]);
      out.end(begun);
    }
  }

  #place(from: number, length: number): Text {
    this.#id.bytes = this.bytes;
    this.#id.from = from;
    this.#id.to = from + length;
    return this.#id;
  }

  #isOfTrace(at: number, ids: Uint8Array): boolean {
    for (let i = 0; i < 16; i++) if (this.bytes[at + i] !== ids[i]) return false;
    return true;
  }

  #isOfSpan(at: number, ids: Uint8Array, from: number): boolean {
    for (let i = 0; i < 8; i++) if (this.bytes[at + SPAN_ID + i] !== ids[from + i]) return false;
    return true;
  }
}
