/**
 * Tags of a process, a span or a log as they are read: one row of numbers for each, strings as
 * places in the message. One table serves all spans, one after the other.
 *
 * A key may come twice, as clients append and do not look; the last one counts and stands where
 * the first one stood, as in the Collector.
 */
import { EngineError } from "../base/error.ts";
import type { OtlpWriter } from "./otlp-write.ts";
import { KEY_VALUE } from "./otlp-write.ts";
import { isSameText, type Text, textOf } from "./text.ts";

/** Types in the numbers of api_v2. */
export const TAG_STRING = 0;
export const TAG_BOOL = 1;
export const TAG_INT = 2;
export const TAG_DOUBLE = 3;
export const TAG_BINARY = 4;
/** Of a row that is not written: another one counts, or it became something else. */
const GONE = -1;

/** The kernel takes no more attributes than this of one span. */
const TAGS_MAX = 65_535;
/** Up to here every pair of keys is compared, which is quicker than a table. */
const COMPARED_TAGS_MAX = 32;
const ROWS_FIRST = 64;

// ---- a row
const KEY_FROM = 0;
const KEY_TO = 1;
const SIGN = 2;
const TYPE = 3;
/** String and binary: from and to; a number of 64 bits: low and high; a bool: 0 or 1. */
const FIRST = 4;
const SECOND = 5;
const ROW_SHIFT = 3;

/** A row that has another key now. */
export interface RenamedTag {
  readonly row: number;
  readonly key: Text;
}

const numbers = new DataView(new ArrayBuffer(8));

export class JaegerTags {
  /** Strings and binaries lie in it. */
  bytes: Uint8Array = new Uint8Array(0);
  #count = 0;
  #rows = new Int32Array(ROWS_FIRST << ROW_SHIFT);
  readonly #names: readonly Text[];
  readonly #signs: readonly number[];
  /** By name: its row, or -1. */
  readonly #found: Int32Array;
  readonly #key: Text;
  readonly #value: Text;

  /** `names` are the keys that find() tells; which ones, says their place in the list. */
  constructor(names: readonly string[]) {
    this.#names = names.map(textOf);
    this.#signs = this.#names.map(({ bytes, from, to }) => signOf(bytes, from, to));
    this.#found = new Int32Array(names.length);
    this.#key = { bytes: this.bytes, from: 0, to: 0 };
    this.#value = { bytes: this.bytes, from: 0, to: 0 };
  }

  get count(): number {
    return this.#count;
  }

  clear(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#key.bytes = bytes;
    this.#value.bytes = bytes;
    this.#count = 0;
  }

  /** Where the key lies; set() completes the row. Throws `too_large`. */
  add(keyFrom: number, keyTo: number): void {
    if (this.#count === TAGS_MAX) {
      throw new EngineError("too_large", `a span has more than ${TAGS_MAX} tags`);
    }
    const at = this.#count << ROW_SHIFT;
    if (at === this.#rows.length) {
      const grown = new Int32Array(2 * at);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    const rows = this.#rows;
    rows[at + KEY_FROM] = keyFrom;
    rows[at + KEY_TO] = keyTo;
    rows[at + SIGN] = signOf(this.bytes, keyFrom, keyTo);
    this.#count += 1;
  }

  /** The value of the row that add() began. */
  set(type: number, first: number, second: number): void {
    const at = (this.#count - 1) << ROW_SHIFT;
    this.#rows[at + TYPE] = type < 0 ? GONE - 1 : type;
    this.#rows[at + FIRST] = first;
    this.#rows[at + SECOND] = second;
  }

  /** When all tags are there: leaves one of each key, and finds the names. */
  settle(): void {
    this.#found.fill(-1);
    if (this.#count > COMPARED_TAGS_MAX) this.#leaveOneByTable();
    else this.#leaveOne();
    const rows = this.#rows;
    const signs = this.#signs;
    const end = this.#count << ROW_SHIFT;
    for (let at = 0; at < end; at += 1 << ROW_SHIFT) {
      if (rows[at + TYPE] === GONE) continue;
      const sign = rows[at + SIGN];
      for (let name = 0; name < signs.length; name++) {
        if (signs[name] !== sign) continue;
        if (isSameText(this.#names[name], this.#keyOf(at))) this.#found[name] = at >> ROW_SHIFT;
      }
    }
  }

  /** The row of a name; -1 when there is none. After settle(). */
  find(name: number): number {
    return this.#found[name];
  }

  type(row: number): number {
    return this.#rows[(row << ROW_SHIFT) + TYPE];
  }

  /** Of a string or a binary; valid until the next call. */
  text(row: number): Text {
    return this.#textOf(row << ROW_SHIFT);
  }

  bool(row: number): boolean {
    return this.#rows[(row << ROW_SHIFT) + FIRST] !== 0;
  }

  /** Exact up to 2^53. */
  int(row: number): number {
    const at = row << ROW_SHIFT;
    return this.#rows[at + SECOND] * 2 ** 32 + (this.#rows[at + FIRST] >>> 0);
  }

  remove(row: number): void {
    this.#rows[(row << ROW_SHIFT) + TYPE] = GONE;
  }

  /** All that was not removed, as attributes. */
  write(out: OtlpWriter, tag: number, renamed?: RenamedTag): void {
    const end = this.#count << ROW_SHIFT;
    for (let at = 0; at < end; at += 1 << ROW_SHIFT) {
      if (this.#rows[at + TYPE] === GONE) continue;
      const key =
        renamed !== undefined && at >> ROW_SHIFT === renamed.row ? renamed.key : undefined;
      this.#write(out, out.beginAttribute(tag, key ?? this.#keyOf(at)), at);
    }
  }

  #write(out: OtlpWriter, begun: number, at: number): void {
    const rows = this.#rows;
    const first = rows[at + FIRST];
    const second = rows[at + SECOND];
    switch (rows[at + TYPE]) {
      case TAG_STRING:
        out.stringValue(KEY_VALUE, this.#textOf(at));
        break;
      case TAG_BOOL:
        out.boolValue(KEY_VALUE, first !== 0);
        break;
      case TAG_INT:
        out.intValue(KEY_VALUE, first, second);
        break;
      case TAG_DOUBLE:
        numbers.setInt32(0, second);
        numbers.setInt32(4, first);
        out.doubleValue(KEY_VALUE, numbers.getFloat64(0));
        break;
      case TAG_BINARY:
        out.bytesValue(KEY_VALUE, this.#textOf(at));
        break;
      default:
        out.stringValue(KEY_VALUE, textOf(`<Unknown Jaeger TagType "${rows[at + TYPE]}">`));
    }
    out.end(begun);
  }

  #keyOf(at: number): Text {
    this.#key.from = this.#rows[at + KEY_FROM];
    this.#key.to = this.#rows[at + KEY_TO];
    return this.#key;
  }

  #textOf(at: number): Text {
    this.#value.from = this.#rows[at + FIRST];
    this.#value.to = this.#rows[at + SECOND];
    return this.#value;
  }

  #leaveOne(): void {
    const rows = this.#rows;
    const end = this.#count << ROW_SHIFT;
    for (let at = 1 << ROW_SHIFT; at < end; at += 1 << ROW_SHIFT) {
      const sign = rows[at + SIGN];
      for (let before = 0; before < at; before += 1 << ROW_SHIFT) {
        if (rows[before + SIGN] !== sign || rows[before + TYPE] === GONE) continue;
        if (!this.#isSameKey(before, at)) continue;
        this.#replace(before, at);
        break;
      }
    }
  }

  #leaveOneByTable(): void {
    const seen = new Map<string, number>();
    const end = this.#count << ROW_SHIFT;
    const { buffer, byteOffset, byteLength } = this.bytes;
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    for (let at = 0; at < end; at += 1 << ROW_SHIFT) {
      const key = bytes.toString("latin1", this.#rows[at + KEY_FROM], this.#rows[at + KEY_TO]);
      const before = seen.get(key);
      if (before === undefined) seen.set(key, at);
      else this.#replace(before, at);
    }
  }

  #replace(before: number, at: number): void {
    const rows = this.#rows;
    rows[before + TYPE] = rows[at + TYPE];
    rows[before + FIRST] = rows[at + FIRST];
    rows[before + SECOND] = rows[at + SECOND];
    rows[at + TYPE] = GONE;
  }

  #isSameKey(a: number, b: number): boolean {
    const { bytes } = this;
    const from = this.#rows[a + KEY_FROM];
    const length = this.#rows[a + KEY_TO] - from;
    const other = this.#rows[b + KEY_FROM];
    if (this.#rows[b + KEY_TO] - other !== length) return false;
    for (let i = 0; i < length; i++) if (bytes[from + i] !== bytes[other + i]) return false;
    return true;
  }
}

/** Differs for nearly all keys that differ; says nothing of those for which it is the same. */
function signOf(bytes: Uint8Array, from: number, to: number): number {
  const length = to - from;
  if (length === 0) return 0;
  const ends = bytes[from] | (bytes[to - 1] << 8) | (bytes[from + (length >> 1)] << 16);
  return ends | (length << 24);
}
