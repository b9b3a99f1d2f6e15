/**
 * Bitmaps over entries (rows, events, links): bit i is entry i, rounded up to 64, the rest 0. Each
 * is an address in scratch memory; nothing here changes a bitmap that it is given.
 */
import type { ScanExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes } from "../vector/vector.ts";

export type BitsExports = Pick<ScanExports, "countBits" | "listBits" | "mergeBits">;

/** Of mergeBits(). */
const AND = 0;
const OR = 1;
const AND_NOT = 2;

export class RowBits {
  readonly #scratch: StepScratch;
  readonly #kernel: BitsExports;

  constructor(scratch: StepScratch, kernel: BitsExports) {
    this.#scratch = scratch;
    this.#kernel = kernel;
  }

  none(entries: number): number {
    return this.#scratch.zeros(bitmapBytes(entries));
  }

  all(entries: number): number {
    const bytes = bitmapBytes(entries);
    const at = this.#scratch.take(bytes);
    const { words } = this.#scratch;
    words.fill(0xffffffff, at / 4, at / 4 + (entries >>> 5));
    words.fill(0, at / 4 + (entries >>> 5), at / 4 + bytes / 4);
    if (entries & 31) words[at / 4 + (entries >>> 5)] = 2 ** (entries & 31) - 1;
    return at;
  }

  and(a: number, b: number, entries: number): number {
    return this.#merge([a, b], entries, AND);
  }

  or(a: number, b: number, entries: number): number {
    return this.#merge([a, b], entries, OR);
  }

  /** Those of `a` that are not in `b`. */
  without(a: number, b: number, entries: number): number {
    return this.#merge([a, b], entries, AND_NOT);
  }

  not(a: number, entries: number): number {
    return this.without(this.all(entries), a, entries);
  }

  count(a: number, entries: number): number {
    return this.#kernel.countBits(a, bitmapBytes(entries)) >>> 0;
  }

  has(a: number, entry: number): boolean {
    return ((this.#scratch.bytes[a + (entry >>> 3)] >>> (entry & 7)) & 1) === 1;
  }

  set(a: number, entry: number): void {
    this.#scratch.bytes[a + (entry >>> 3)] |= 1 << (entry & 7);
  }

  /** Numbers of the set bits, ascending: a view, valid until the memory is given back. */
  list(a: number, entries: number): Uint32Array {
    const count = this.count(a, entries);
    const at = this.#scratch.take(count * 4);
    this.#kernel.listBits(a, bitmapBytes(entries), at, count);
    return this.#scratch.words.subarray(at / 4, at / 4 + count);
  }

  #merge([a, b]: readonly [number, number], entries: number, op: number): number {
    const bytes = bitmapBytes(entries);
    const out = this.#scratch.take(bytes);
    this.#kernel.mergeBits(a, b, bytes, op, out);
    return out;
  }
}
