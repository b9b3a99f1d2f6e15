/**
 * The field names of one message, found by their bytes: no string is made of a key. Each field
 * has its name of JSON and, where that differs, its name of protobuf (traceId and trace_id).
 *
 * Encoders write the fields of a message in one order. So the name that followed the last time is
 * looked at first, with its quotes and its colon, which is one comparison and nothing else.
 */
import { assert } from "../base/assert.ts";
import { isSameText, type Text, textOf } from "./text.ts";

/** What find() returns for a key that is none of them. */
export const UNKNOWN_KEY = 0;

interface Entry {
  readonly name: Text;
  /** As encoders write it: `"name":`. */
  readonly written: Uint8Array;
  readonly field: number;
  /** What came behind it the last time. */
  next: Entry | undefined;
}

export class JsonKeys {
  /** A power of two, at least twice the names: most keys are found at the first look. */
  readonly #slots: (Entry | undefined)[];
  readonly #mask: number;
  #last: Entry | undefined;

  /** From name to any number but UNKNOWN_KEY and negative ones. */
  constructor(fields: Readonly<Record<string, number>>) {
    const names = Object.entries(fields).flatMap(([name, field]) => {
      assert(field > UNKNOWN_KEY, "json keys: a field needs a positive number");
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      return [...new Set([name, snake])].map((one): Entry => {
        const written = textOf(`${JSON.stringify(one)}:`).bytes;
        return { name: textOf(one), written, field, next: undefined };
      });
    });
    const slots = 2 ** Math.ceil(Math.log2(2 * names.length + 1));
    this.#mask = slots - 1;
    this.#slots = Array.from({ length: slots }, () => undefined);
    for (const entry of names) {
      let at = hash(entry.name) & this.#mask;
      while (this.#slots[at] !== undefined) at = (at + 1) & this.#mask;
      this.#slots[at] = entry;
    }
  }

  find(key: Text): number {
    for (let at = hash(key) & this.#mask; ; at = (at + 1) & this.#mask) {
      const entry = this.#slots[at];
      if (entry === undefined) return UNKNOWN_KEY;
      if (isSameText(entry.name, key)) return entry.field;
    }
  }

  /** Whether the name expected next stands at `at`, as encoders write it; its length, or 0. */
  expected(bytes: Uint8Array, at: number): number {
    const written = this.#last?.next?.written;
    if (written === undefined) return 0;
    for (let i = 0; i < written.length; i++) if (bytes[at + i] !== written[i]) return 0;
    return written.length;
  }

  /** It did. */
  takeExpected(): number {
    const entry = this.#last?.next;
    assert(entry !== undefined, "json keys: nothing is expected");
    this.#last = entry;
    return entry.field;
  }

  /** As find(), and remembers what came behind what. */
  learn(key: Text): number {
    for (let at = hash(key) & this.#mask; ; at = (at + 1) & this.#mask) {
      const entry = this.#slots[at];
      if (entry === undefined) return UNKNOWN_KEY;
      if (!isSameText(entry.name, key)) continue;
      if (this.#last !== undefined) this.#last.next = entry;
      this.#last = entry;
      return entry.field;
    }
  }
}

/** Length and three letters: names of one message differ in these, mostly. */
function hash({ bytes, from, to }: Text): number {
  const length = to - from;
  if (length === 0) return 0;
  return length + 5 * bytes[from] + 11 * bytes[from + (length >> 1)] + 3 * bytes[to - 1];
}
