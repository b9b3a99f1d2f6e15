/**
 * How often values occur that are too many to keep with a count for each slot: by their hashes, in
 * the selection and in the baseline. Plain data.
 *
 * With more values than have room those that occur least are forgotten, so that the counts of some
 * that come back later are too low; then it is said that there were more.
 */
import { freeBytes } from "../base/free-bytes.ts";
import type { CodeHashes } from "./value-hash.ts";

export interface CompareCounts {
  /** Entries of a table with open addressing: two words of hash, 0 in the second for free. */
  hashes: Uint32Array<ArrayBuffer>;
  /** Of each entry the selection's count, then the baseline's: COUNT_MAX stands for more, too. */
  counts: Uint32Array<ArrayBuffer>;
  used: number;
  isCut: boolean;
}

const ENTRIES_MIN = 1024;
/** 16 bytes each: 4 MiB of one attribute. */
const ENTRIES_MAX = 262_144;

/** Values that all have more are as frequent as each other: then their slots tell them apart. */
const COUNT_MAX = 0xffff_ffff;

export function emptyCounts(): CompareCounts {
  return { ...table(ENTRIES_MIN), isCut: false };
}

function table(entries: number): Omit<CompareCounts, "isCut"> {
  return {
    hashes: new Uint32Array(entries * 2),
    counts: new Uint32Array(entries * 2),
    used: 0,
  };
}

/** `sides` holds the baseline's and the selection's count of each code. */
export function addCodeCounts(to: CompareCounts, hashes: CodeHashes, sides: Uint32Array): void {
  for (let code = 0; code * 2 < hashes.length; code++) {
    const baseline = sides[code * 2];
    const selection = sides[code * 2 + 1];
    if (baseline + selection === 0 || hashes[code * 2 + 1] === 0) continue;
    const at = placeOf(to, hashes[code * 2], hashes[code * 2 + 1]);
    addSides(to.counts, at, { selection, baseline });
  }
}

export interface SideCounts {
  readonly selection: number;
  readonly baseline: number;
}

export function addValueCounts(
  to: CompareCounts,
  [high, low]: readonly [number, number],
  { selection, baseline }: SideCounts,
): void {
  addSides(to.counts, placeOf(to, high, low), { selection, baseline });
}

function addSides(counts: Uint32Array, at: number, { selection, baseline }: SideCounts): void {
  counts[at] = Math.min(COUNT_MAX, counts[at] + selection);
  counts[at + 1] = Math.min(COUNT_MAX, counts[at + 1] + baseline);
}

/** Of both together; both are given up with that. */
export function mergeCounts(one: CompareCounts, other: CompareCounts): CompareCounts {
  const [to, from] = one.used < other.used ? [other, one] : [one, other];
  for (let at = 0; at < from.hashes.length; at += 2) {
    if (from.hashes[at + 1] === 0) continue;
    const place = placeOf(to, from.hashes[at], from.hashes[at + 1]);
    addSides(to.counts, place, { selection: from.counts[at], baseline: from.counts[at + 1] });
  }
  if (from.isCut) to.isCut = true;
  freeCounts(from);
  return to;
}

/** Nothing of them is asked for any more: tables are large, and the collector sees no haste. */
export function freeCounts({ hashes, counts }: CompareCounts): void {
  freeBytes(new Uint8Array(hashes.buffer));
  freeBytes(new Uint8Array(counts.buffer));
}

/** Twice the number of the entry, which is made when there is none. */
function placeOf(to: CompareCounts, high: number, low: number): number {
  const at = findPlace(to.hashes, high, low);
  if (to.hashes[at + 1] !== 0) return at;
  // Half full at most.
  if (to.used * 4 >= to.hashes.length) {
    rebuild(to);
    return placeOf(to, high, low);
  }
  to.hashes[at] = high;
  to.hashes[at + 1] = low;
  to.used++;
  return at;
}

function findPlace(hashes: Uint32Array, high: number, low: number): number {
  const mask = hashes.length - 1;
  let at = (high * 2) & mask & ~1;
  while (hashes[at + 1] !== 0 && (hashes[at] !== high || hashes[at + 1] !== low)) {
    at = (at + 2) & mask;
  }
  return at;
}

/** Twice as large, or without those that occur least. */
function rebuild(to: CompareCounts): void {
  const { hashes, counts } = to;
  const entries = hashes.length / 2;
  const isFull = entries >= ENTRIES_MAX;
  const least = isFull ? medianCount(to) : 0;
  Object.assign(to, table(isFull ? entries : entries * 2));
  if (isFull) to.isCut = true;
  for (let at = 0; at < hashes.length; at += 2) {
    if (hashes[at + 1] === 0 || counts[at] + counts[at + 1] < least) continue;
    const place = findPlace(to.hashes, hashes[at], hashes[at + 1]);
    to.hashes[place] = hashes[at];
    to.hashes[place + 1] = hashes[at + 1];
    to.counts[place] = counts[at];
    to.counts[place + 1] = counts[at + 1];
    to.used++;
  }
  freeCounts({ ...to, hashes, counts });
}

/** More than half of the entries are below it. */
function medianCount({ hashes, counts }: CompareCounts): number {
  const sums = new Float64Array(hashes.length / 2);
  let used = 0;
  for (let at = 0; at < hashes.length; at += 2) {
    if (hashes[at + 1] !== 0) sums[used++] = counts[at] + counts[at + 1];
  }
  return sums.subarray(0, used).sort()[used >> 1] + 1;
}

/**
 * Hashes (two words each) of values that are among the `top` most frequent ones of a side, and of
 * those that occur as often as the last of them, `tiesMax` at most: which of these are shown only
 * their values tell.
 */
export function frequentHashes(
  { hashes, counts }: CompareCounts,
  { top, tiesMax }: { readonly top: number; readonly tiesMax: number },
): Uint32Array {
  const chosen = new Set<number>();
  for (const side of [0, 1]) {
    const last = countOfLast({ hashes, counts }, side, top);
    const ties: number[] = [];
    let more = 0;
    for (let at = 0; at < hashes.length; at += 2) {
      const count = counts[at + side];
      if (hashes[at + 1] === 0 || count === 0 || count < last) continue;
      if (count === last) ties.push(at);
      else {
        chosen.add(at);
        more++;
      }
    }
    for (const at of ties.slice(0, top + tiesMax - more)) chosen.add(at);
  }
  return Uint32Array.from([...chosen].flatMap((at) => [hashes[at], hashes[at + 1]]));
}

/** The count of the last of the `top` most frequent ones; 0 when there are not so many. */
function countOfLast(
  { hashes, counts }: Pick<CompareCounts, "hashes" | "counts">,
  side: number,
  top: number,
): number {
  /** Ascending, `top` at most. */
  const most: number[] = [];
  for (let at = 0; at < hashes.length; at += 2) {
    const count = counts[at + side];
    if (hashes[at + 1] === 0 || count === 0) continue;
    if (most.length === top && count <= most[0]) continue;
    let place = most.length;
    while (place > 0 && most[place - 1] > count) place--;
    most.splice(place, 0, count);
    if (most.length > top) most.shift();
  }
  return most.length === top ? most[0] : 0;
}

/** Places of hashes in a list. */
export class HashPlaces {
  readonly #hashes: Uint32Array;
  readonly #places: Uint32Array;
  readonly size: number;

  constructor(list: Uint32Array) {
    this.size = list.length / 2;
    const entries = 2 ** Math.ceil(Math.log2(Math.max(8, list.length)));
    this.#hashes = new Uint32Array(entries * 2);
    this.#places = new Uint32Array(entries);
    for (let i = 0; i < list.length; i += 2) {
      const at = findPlace(this.#hashes, list[i], list[i + 1]);
      this.#hashes[at] = list[i];
      this.#hashes[at + 1] = list[i + 1];
      this.#places[at / 2] = i / 2;
    }
  }

  /** -1: not there. */
  placeOf(high: number, low: number): number {
    if (low === 0) return -1;
    const at = findPlace(this.#hashes, high, low);
    return this.#hashes[at + 1] === 0 ? -1 : this.#places[at / 2];
  }
}
