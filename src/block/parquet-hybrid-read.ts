/**
 * Parquet's mix of runs and packed bits, for levels and dictionary codes, read from any place on:
 * what lies before is passed run by run, and counted by whole bytes where it is one bit wide.
 *
 *   run := length << 1 (varint) · value          or  groups << 1 | 1 (varint) · groups * 8 values
 *
 * The bytes may be damaged: a run that claims more than there is, or an end that comes too early,
 * is block_corrupt.
 */
import { blockCorrupt } from "./block-error.ts";

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let bits = byte; bits !== 0; bits &= bits - 1) count++;
  return count;
});

/** `width` bits, at most 32, from bit `at` on; bits past the end are zero. */
export function bitsAt(bytes: Uint8Array, at: number, width: number): number {
  const first = at >>> 3;
  const shift = at & 7;
  let value =
    (bytes[first] |
      (bytes[first + 1] << 8) |
      (bytes[first + 2] << 16) |
      (bytes[first + 3] << 24)) >>>
    shift;
  if (shift + width > 32) value |= bytes[first + 4] << (32 - shift);
  return width === 32 ? value >>> 0 : value & ((1 << width) - 1);
}

/** Bits that the numbers from 0 to `max` take. */
export function widthOf(max: number): number {
  return 32 - Math.clz32(max);
}

export class HybridReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #width: number;
  #at: number;
  /** Values that are left in the run. */
  #left = 0;
  #isPacked = false;
  #value = 0;
  #bit = 0;

  constructor(bytes: Uint8Array, from: number, width: number) {
    if (width > 32) throw blockCorrupt("bit width of a page");
    this.#bytes = bytes;
    this.#at = from;
    this.#end = bytes.length;
    this.#width = width;
  }

  next(): number {
    if (this.#left === 0) this.#begin();
    this.#left--;
    if (!this.#isPacked) return this.#value;
    const value = bitsAt(this.#bytes, this.#bit, this.#width);
    this.#bit += this.#width;
    return value;
  }

  skip(count: number): void {
    for (let todo = count; todo > 0; ) {
      if (this.#left === 0) this.#begin();
      todo -= this.#pass(Math.min(todo, this.#left));
    }
  }

  /** Passes `count` values; returns how many of them are `wanted`. */
  skipCounting(count: number, wanted: number): number {
    let found = 0;
    for (let todo = count; todo > 0; ) {
      if (this.#left === 0) this.#begin();
      const step = Math.min(todo, this.#left);
      if (!this.#isPacked) {
        if (this.#value === wanted) found += step;
        this.#pass(step);
      } else found += this.#countPacked(step, wanted);
      todo -= step;
    }
    return found;
  }

  /**
   * Passes values until `count` zeros were passed and a further one comes next, or the end of
   * `most` values; returns how many were passed.
   */
  skipZeros(count: number, most: number): number {
    let zeros = 0;
    let passed = 0;
    while (passed < most) {
      if (this.#left === 0) this.#begin();
      if (!this.#isPacked) {
        if (this.#value === 0 && zeros === count) break;
        const step = Math.min(
          this.#left,
          most - passed,
          this.#value === 0 ? count - zeros : this.#left,
        );
        if (this.#value === 0) zeros += step;
        passed += this.#pass(step);
        continue;
      }
      const isZero = bitsAt(this.#bytes, this.#bit, this.#width) === 0;
      if (isZero && zeros === count) break;
      if (isZero) zeros++;
      passed += this.#pass(1);
    }
    return passed;
  }

  /** Of packed values in the run at hand. */
  #countPacked(count: number, wanted: number): number {
    let found = 0;
    let todo = count;
    if (this.#width === 1 && wanted === 1) {
      while (todo > 0 && (this.#bit & 7) !== 0) {
        found += (this.#bytes[this.#bit >>> 3] >>> (this.#bit & 7)) & 1;
        todo -= this.#pass(1);
      }
      const whole = todo >>> 3;
      const from = this.#bit >>> 3;
      for (let i = from; i < from + whole; i++) found += ONES[this.#bytes[i]];
      todo -= this.#pass(whole * 8);
    }
    for (; todo > 0; todo--) if (this.next() === wanted) found++;
    return found;
  }

  #pass(count: number): number {
    this.#left -= count;
    if (this.#isPacked) this.#bit += count * this.#width;
    return count;
  }

  #begin(): void {
    // A run of no values is no use, but allowed; each takes a byte, so this ends.
    while (this.#left === 0) {
      const header = this.#varint();
      this.#isPacked = (header & 1) === 1;
      const bytes = this.#isPacked
        ? Math.floor(header / 2) * this.#width
        : Math.ceil(this.#width / 8);
      if (bytes > this.#end - this.#at) throw blockCorrupt("run of a page cut off");
      this.#left = Math.floor(header / 2) * (this.#isPacked ? 8 : 1);
      if (this.#isPacked) this.#bit = this.#at * 8;
      else this.#value = bitsAt(this.#bytes, this.#at * 8, Math.ceil(this.#width / 8) * 8);
      this.#at += bytes;
    }
  }

  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 5; i++) {
      if (this.#at >= this.#end) break;
      const byte = this.#bytes[this.#at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
    throw blockCorrupt("run of a page cut off");
  }
}
