/**
 * Which parts of a bucket's block lie on this disk: words of shared memory that the store thread
 * writes and query threads read.
 *
 *   word 0: epoch · word 1: second of its last use · then one bit a piece: data, sidecar
 *
 * The store thread may throw the local files of a block away: it clears the bits, then moves the
 * epoch, then removes the files; files of the next epoch have other names. So a reader that sees
 * the bits of a piece, and afterwards the epoch that its open file is of, has the piece in that
 * file, whether it still has a name or not.
 *
 * Threads: one writes; any read.
 */
import { assert } from "../base/assert.ts";
import { KiB } from "../base/bytes.ts";
import type { BlockMeta } from "../model/block-meta.ts";

/** A page of a column has some 10 to 50 KiB: less would be more requests, more would be waste. */
export const PIECE_BYTES = 32 * KiB;

export const DATA = 0 as const;
export const SIDECAR = 1 as const;
export type BlockFile = typeof DATA | typeof SIDECAR;

const EPOCH = 0;
const USED = 1;
const BITS = 2;

type Sizes = Pick<BlockMeta, "dataBytes" | "sidecarBytes">;

/** Pieces of a file, by number. */
export interface PieceRange {
  readonly first: number;
  /** After the last. */
  readonly end: number;
}

export function piecesOf(from: number, length: number): PieceRange {
  return { first: Math.floor(from / PIECE_BYTES), end: Math.ceil((from + length) / PIECE_BYTES) };
}

export class Presence {
  readonly words: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #sizes: readonly [number, number];
  /** Of each file its first bit. */
  readonly #bits: readonly [number, number];

  static create(sizes: Sizes): Presence {
    const bits = pieces(sizes.dataBytes) + pieces(sizes.sidecarBytes);
    const words = new SharedArrayBuffer((BITS + Math.ceil(bits / 32)) * 4);
    return new Presence(words, sizes);
  }

  /** As another thread created it for the same block. */
  constructor(words: SharedArrayBuffer, { dataBytes, sidecarBytes }: Sizes) {
    this.words = words;
    this.#words = new Int32Array(words);
    this.#sizes = [dataBytes, sidecarBytes];
    this.#bits = [0, pieces(dataBytes)];
    const bits = this.#bits[SIDECAR] + pieces(sidecarBytes);
    assert(this.#words.length === BITS + Math.ceil(bits / 32), "presence: of another block");
  }

  get epoch(): number {
    return Atomics.load(this.#words, EPOCH);
  }

  get usedSeconds(): number {
    return Atomics.load(this.#words, USED);
  }

  use(nowMs: number): void {
    Atomics.store(this.#words, USED, Math.floor(nowMs / 1000));
  }

  size(file: BlockFile): number {
    return this.#sizes[file];
  }

  /** Whether all pieces of the bytes are there. */
  has(file: BlockFile, from: number, length: number): boolean {
    const { first, end } = piecesOf(from, length);
    for (let piece = first; piece < end; piece++) if (!this.hasPiece(file, piece)) return false;
    return true;
  }

  hasPiece(file: BlockFile, piece: number): boolean {
    const bit = this.#bits[file] + piece;
    return (Atomics.load(this.#words, BITS + (bit >>> 5)) & (1 << (bit & 31))) !== 0;
  }

  /** After the bytes are in the file of this epoch. Returns how many were not there before. */
  mark(file: BlockFile, { first, end }: PieceRange): number {
    assert(end <= pieces(this.#sizes[file]), "presence: pieces behind the end of the file");
    let added = 0;
    for (let piece = first; piece < end; piece++) {
      const bit = this.#bits[file] + piece;
      const before = Atomics.or(this.#words, BITS + (bit >>> 5), 1 << (bit & 31));
      if ((before & (1 << (bit & 31))) === 0) added++;
    }
    return added;
  }

  /** All of it is there. */
  markWhole(): void {
    this.mark(DATA, { first: 0, end: pieces(this.#sizes[DATA]) });
    this.mark(SIDECAR, { first: 0, end: pieces(this.#sizes[SIDECAR]) });
  }

  /** Nothing is there any more; the files of the epoch before may go when this returns. */
  nextEpoch(): void {
    for (let word = BITS; word < this.#words.length; word++) Atomics.store(this.#words, word, 0);
    Atomics.add(this.#words, EPOCH, 1);
  }
}

function pieces(bytes: number): number {
  return Math.ceil(bytes / PIECE_BYTES);
}
