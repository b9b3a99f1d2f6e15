/**
 * Which traces of many blocks may be the same one: a table of the hashes of their ids, those of
 * the sidecars' trace indexes. A trace is known by its ordinal, that of the first one of its block
 * plus its number there. Traces of one hash are a group; almost always they are one trace.
 *
 * The table: a header, then 2^n slots of {hash u32, place u32}, where place is 0 (free), the
 * ordinal + 1 of the only trace with that hash, or GROUP | the number of the group.
 */
import { hashId } from "./sidecar";

const SHIFT: usize = 0;
const MASK: usize = 4;
/** Odd; spreads the hashes as nobody outside can foresee. */
const MIX: usize = 8;
const GROUPS: usize = 12;
const HEADER_BYTES: u32 = 64;

const GROUP: u32 = 0x80000000;
const BAD: u32 = 0xffffffff;

/** An empty table of 2^bits slots, in 64 + 8 * 2^bits bytes. */
export function beginTable(table: u32, bits: u32, mix: u32): void {
  memory.fill(table, 0, HEADER_BYTES + (8 << bits));
  store<u32>(table, 32 - bits, SHIFT);
  store<u32>(table, (1 << bits) - 1, MASK);
  store<u32>(table, mix | 1, MIX);
}

/** Puts what is in a table into a larger one that is empty. */
export function growTable(from: u32, to: u32): void {
  store<u32>(to, load<u32>(from, GROUPS), GROUPS);
  const end = from + HEADER_BYTES + (load<u32>(from, MASK) + 1) * 8;
  for (let at = from + HEADER_BYTES; at < end; at += 8) {
    if (load<u32>(at, 4)) store<u64>(slotOf(to, load<u32>(at)), load<u64>(at));
  }
}

/** The slot of the hash, or the free one where it would be. */
// @ts-ignore: decorator
@inline
function slotOf(table: u32, hash: u32): u32 {
  const mask = load<u32>(table, MASK);
  let slot = (hash * load<u32>(table, MIX)) >> load<u32>(table, SHIFT);
  while (true) {
    const at = table + HEADER_BYTES + slot * 8;
    if (!load<u32>(at, 4) || load<u32>(at) == hash) return at;
    slot = (slot + 1) & mask;
  }
}

/**
 * Numbers the traces that begin in rows `first` to `first + rows` of a file, in the order of their
 * rows. `entries` are {hash u32, first row u32}; `bits` and `ranks` are scratch of 8 and 4 bytes
 * for each 64 rows. Returns how many there are; BAD: two begin at one row.
 */
export function rankTraces(entries: u32, count: u32, first: u32, rows: u32, bits: u32,
                           ranks: u32): u32 {
  const words = (rows + 63) >> 6;
  memory.fill(bits, 0, words * 8);
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(entries + i * 8, 4) - first;
    if (row >= rows) continue;
    const at = bits + (row >> 6) * 8;
    const bit = <u64>1 << (row & 63);
    if (load<u64>(at) & bit) return BAD;
    store<u64>(at, load<u64>(at) | bit);
  }
  let sum: u32 = 0;
  for (let word: u32 = 0; word < words; word++) {
    store<u32>(ranks + word * 4, sum);
    sum += <u32>popcnt<u64>(load<u64>(bits + word * 8));
  }
  return sum;
}

/**
 * Puts these traces into the table, `base` being the ordinal of the first; half or more of the
 * slots must stay free. What shares its hash goes to `out` as {group, ordinal}, twice as many as
 * there are traces at most. Returns how many.
 */
export function joinTraces(entries: u32, count: u32, first: u32, rows: u32, bits: u32, ranks: u32,
                           base: u32, table: u32, out: u32): u32 {
  let end = out;
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(entries + i * 8, 4) - first;
    if (row >= rows) continue;
    const below = load<u64>(bits + (row >> 6) * 8) & ((<u64>1 << (row & 63)) - 1);
    const ordinal = base + load<u32>(ranks + (row >> 6) * 4) + <u32>popcnt<u64>(below);
    const hash = load<u32>(entries + i * 8);
    const at = slotOf(table, hash);
    const place = load<u32>(at, 4);
    if (!place) {
      store<u64>(at, <u64>hash | (<u64>(ordinal + 1) << 32));
      continue;
    }
    let group = place & ~GROUP;
    if (!(place & GROUP)) {
      group = load<u32>(table, GROUPS);
      store<u32>(table, group + 1, GROUPS);
      store<u32>(at, GROUP | group, 4);
      store<u32>(end, group);
      store<u32>(end, place - 1, 4);
      end += 8;
    }
    store<u32>(end, group);
    store<u32>(end, ordinal, 4);
    end += 8;
  }
  return (end - out) >> 3;
}

/** How many groups there are. */
export function tableGroups(table: u32): u32 {
  return load<u32>(table, GROUPS);
}

/** Entries {hash, first row} of traces by their ids, 16 bytes each. */
export function hashTraces(ids: u32, starts: u32, count: u32, seed: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + i * 8, hashId(ids + i * 16, seed));
    store<u32>(out + i * 8, load<u32>(starts + i * 4), 4);
  }
}

/** Of `count` ids those that may be in the table: {index, place} to `out`. Returns how many. */
export function findTraces(ids: u32, count: u32, seed: u32, table: u32, out: u32): u32 {
  let end = out;
  for (let i: u32 = 0; i < count; i++) {
    const place = load<u32>(slotOf(table, hashId(ids + i * 16, seed)), 4);
    if (!place) continue;
    store<u32>(end, i);
    store<u32>(end, place, 4);
    end += 8;
  }
  return (end - out) >> 3;
}
