/**
 * Encoded spans of one trace behind each other, each span once: same id and kind are the same
 * span, and the first one wins.
 *
 *   record := id low · id high · kind · offset · length · group      (u32 words)
 *
 * Arrays and a table of indexes instead of an object a span: a trace may have a million of them.
 */
import { freeBytes } from "../base/free-bytes.ts";
import type { SpanRow } from "../model/span-row.ts";
import { mixed } from "./id-table.ts";
import { ProtoWriter } from "./proto-writer.ts";
import { encodeSpan } from "./span-encode.ts";

const WORDS = 6;
const KIND = 2;
const OFFSET = 3;
const LENGTH = 4;
const GROUP = 5;
const SLOTS_MIN = 256;

/** How a span relates to those before it. */
export type Arrival = "new" | "same" | "differs";

export class EncodedSpans {
  readonly #traceId: Uint8Array;
  readonly #out = new ProtoWriter();
  #records = new Uint32Array((SLOTS_MIN / 2) * WORDS);
  /** Index + 1; at most half of them are used. */
  #slots = new Uint32Array(SLOTS_MIN);
  #count = 0;
  /** Clients choose their ids: nobody may know which of them share a slot. */
  readonly #seeds = crypto.getRandomValues(new Uint32Array(2));

  constructor(traceId: Uint8Array) {
    this.#traceId = traceId;
  }

  get count(): number {
    return this.#count;
  }

  bytes(index: number): Uint8Array {
    const from = this.#records[index * WORDS + OFFSET];
    return this.#out.written(from, from + this.length(index));
  }

  length(index: number): number {
    return this.#records[index * WORDS + LENGTH];
  }

  group(index: number): number {
    return this.#records[index * WORDS + GROUP];
  }

  /** Takes a row that is new; `group` says where it belongs. */
  add(row: SpanRow, group: number): Arrival {
    const { spanId } = row;
    const low = word(spanId, 0);
    const high = word(spanId, 4);
    const from = this.#out.length;
    encodeSpan(this.#out, this.#traceId, row);
    return this.#settle([low, high, row.kind >>> 0, from, this.#out.length - from, group]);
  }

  /** The same for a span that another list holds. */
  addFrom(other: EncodedSpans, index: number, group: number): Arrival {
    const [low, high, kind] = other.#records.subarray(index * WORDS, index * WORDS + OFFSET);
    const from = this.#out.length;
    this.#out.bytes(other.bytes(index));
    return this.#settle([low, high, kind, from, this.#out.length - from, group]);
  }

  /** Gives the memory back; nothing may be asked afterwards. */
  release(): void {
    this.#out.release();
    freeBytes(bytesOf(this.#records));
    freeBytes(bytesOf(this.#slots));
    this.#records = new Uint32Array(0);
    this.#slots = new Uint32Array(0);
    this.#count = 0;
  }

  /** Takes the span that was added last away again. */
  dropLast(): void {
    this.#count--;
    const at = this.#count * WORDS;
    this.#slots[this.#slotOf(this.#records.subarray(at, at + WORDS))] = 0;
    this.#out.cut(this.#records[at + OFFSET]);
  }

  #settle(record: readonly number[]): Arrival {
    const slot = this.#slotOf(record);
    const known = this.#slots[slot];
    if (known !== 0) {
      const same = this.#equals(known - 1, record);
      this.#out.cut(record[OFFSET]);
      return same ? "same" : "differs";
    }
    if (this.#records.length === this.#count * WORDS) this.#grow();
    this.#records.set(record, this.#count * WORDS);
    this.#count++;
    this.#slots[this.#slotOf(record)] = this.#count;
    return "new";
  }

  /** The slot that holds the record's span, or the empty one where it belongs. */
  #slotOf(record: ArrayLike<number>): number {
    const mask = this.#slots.length - 1;
    let hash = mixed(record[0] ^ this.#seeds[0]);
    hash = mixed(hash ^ record[1] ^ Math.imul(record[KIND], 0x9e3779b1));
    for (let slot = mixed(hash ^ this.#seeds[1]) & mask; ; slot = (slot + 1) & mask) {
      const known = this.#slots[slot];
      if (known === 0) return slot;
      const at = (known - 1) * WORDS;
      const records = this.#records;
      if (
        records[at] === record[0] &&
        records[at + 1] === record[1] &&
        records[at + KIND] === record[KIND]
      ) {
        return slot;
      }
    }
  }

  #equals(index: number, record: readonly number[]): boolean {
    if (this.group(index) !== record[GROUP] || this.length(index) !== record[LENGTH]) return false;
    const other = this.#out.written(record[OFFSET], record[OFFSET] + record[LENGTH]);
    return Buffer.compare(this.bytes(index), other) === 0;
  }

  #grow(): void {
    const records = new Uint32Array(2 * this.#records.length);
    records.set(this.#records);
    const slots = new Uint32Array(2 * this.#slots.length);
    freeBytes(bytesOf(this.#records));
    freeBytes(bytesOf(this.#slots));
    this.#records = records;
    this.#slots = slots;
    for (let i = 0; i < this.#count; i++) {
      this.#slots[this.#slotOf(records.subarray(i * WORDS, i * WORDS + OFFSET))] = i + 1;
    }
  }
}

function bytesOf({ buffer }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer);
}

function word(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}
