/**
 * How the spans of a trace belong together: duplicates, parents, times. Rows of a trace follow
 * each other; `starts` holds the first row of each trace and, last, the number of all rows.
 *
 * The same span is one id and kind; the first one wins. A parent is the span with the id that the
 * child names; of several, a server span's is the client one, any other's the server one, else the
 * first. No span is its own parent. Cost is linear in spans.
 */
const NONE: u32 = 0xffffffff;
const KIND_SERVER: u32 = 2;
const KIND_CLIENT: u32 = 3;

// @ts-ignore: decorator
@inline
function slotOf(id: u64, mask: u32): u32 {
  return <u32>((id * 0x9e3779b97f4a7c15) >> 32) & mask;
}

/** Bytes that linkSpans() needs at `slots` for a trace of `rows` at most. */
export function linkBytes(rows: u32): u32 {
  let size: u32 = 8;
  while (size < rows * 2) size <<= 1;
  return size * 4;
}

/**
 * Finds duplicates (a bit each in `doubles`, cleared first) and, unless `out` is 0, the parent's
 * row of each row, or 0xffffffff. `ids` and `parents` are u64 a row, 0 for no parent; `kinds` are
 * OTLP's numbers plus 1, of `kindWidth` bytes. Returns the number of duplicates.
 */
export function linkSpans(ids: u32, parents: u32, kinds: u32, kindWidth: u32, starts: u32,
                          traces: u32, slots: u32, doubles: u32, out: u32): u32 {
  memory.fill(doubles, 0, ((load<u32>(starts + traces * 4) + 63) >> 6) * 8);
  let found: u32 = 0;
  for (let trace: u32 = 0; trace < traces; trace++) {
    const first = load<u32>(starts + trace * 4);
    const end = load<u32>(starts + trace * 4, 4);
    let size: u32 = 8;
    while (size < (end - first) * 2) size <<= 1;
    const mask = size - 1;
    memory.fill(slots, 0, size * 4);
    for (let row = first; row < end; row++) {
      const id = load<u64>(ids + row * 8);
      let slot = slotOf(id, mask);
      let isDouble = false;
      while (true) {
        const other = load<u32>(slots + slot * 4);
        if (!other) break;
        if (load<u64>(ids + (other - 1) * 8) == id
            && kindAt(kinds, kindWidth, other - 1) == kindAt(kinds, kindWidth, row)) {
          isDouble = true;
          break;
        }
        slot = (slot + 1) & mask;
      }
      if (isDouble) {
        const byte = doubles + (row >> 3);
        store<u8>(byte, load<u8>(byte) | (<u8>1 << <u8>(row & 7)));
        found += 1;
      } else store<u32>(slots + slot * 4, row + 1);
    }
    if (!out) continue;
    for (let row = first; row < end; row++) {
      const id = load<u64>(parents + row * 8);
      let parent = NONE;
      if (id) {
        const kind = kindAt(kinds, kindWidth, row);
        const wanted = (kind == KIND_SERVER + 1 ? KIND_CLIENT : KIND_SERVER) + 1;
        let slot = slotOf(id, mask);
        while (true) {
          const other = load<u32>(slots + slot * 4);
          if (!other) break;
          slot = (slot + 1) & mask;
          if (other - 1 == row || load<u64>(ids + (other - 1) * 8) != id) continue;
          if (parent == NONE) parent = other - 1;
          if (kindAt(kinds, kindWidth, other - 1) == wanted) {
            parent = other - 1;
            break;
          }
        }
      }
      store<u32>(out + row * 4, parent);
    }
  }
  return found;
}

// @ts-ignore: decorator
@inline
function kindAt(kinds: u32, width: u32, row: u32): u32 {
  if (width == 1) return load<u8>(kinds + row);
  if (width == 2) return load<u16>(kinds + row * 2);
  return load<u32>(kinds + row * 4);
}

/**
 * Of each trace the smallest start and the largest end (u64 each). Rows with a bit in `doubles`
 * (0: there are none) do not count.
 */
export function traceTimes(start: u32, duration: u32, doubles: u32, starts: u32, traces: u32,
                           outStart: u32, outEnd: u32): void {
  for (let trace: u32 = 0; trace < traces; trace++) {
    const first = load<u32>(starts + trace * 4);
    const end = load<u32>(starts + trace * 4, 4);
    let least: u64 = u64.MAX_VALUE;
    let most: u64 = 0;
    for (let row = first; row < end; row++) {
      if (doubles && (load<u8>(doubles + (row >> 3)) >> <u8>(row & 7)) & 1) continue;
      const from = load<u64>(start + row * 8);
      const to = from + load<u64>(duration + row * 8);
      if (from < least) least = from;
      if (to > most) most = to;
    }
    store<u64>(outStart + trace * 8, least);
    store<u64>(outEnd + trace * 8, most);
  }
}

/**
 * Of each trace the first row (u32) that has a bit in `orphans`: rows without a parent that count;
 * 0xffffffff: none. Returns how many traces have several.
 */
export function firstRoots(orphans: u32, starts: u32, traces: u32, out: u32): u32 {
  memory.fill(out, 0xff, traces * 4);
  const rows = load<u32>(starts + traces * 4);
  let several: u32 = 0;
  let last = NONE; // the trace of the row before
  let trace: u32 = 0;
  for (let from: u32 = 0; from < rows; from += 64) {
    for (let left = load<u64>(orphans + (from >> 3)); left; left &= left - 1) {
      const row = from + <u32>ctz(left);
      while (load<u32>(starts + trace * 4, 4) <= row) trace += 1;
      if (load<u32>(out + trace * 4) == NONE) store<u32>(out + trace * 4, row);
      else if (last != trace) {
        several += 1;
        last = trace;
      }
    }
  }
  return several;
}

/**
 * Of each trace the root (u32): of the rows with a bit in `orphans` the one that starts first, then
 * by id, then by kind; 0xffffffff: none. `out` is what firstRoots() found.
 */
export function traceRoots(start: u32, ids: u32, kinds: u32, kindWidth: u32, orphans: u32,
                           starts: u32, traces: u32, out: u32): void {
  for (let trace: u32 = 0; trace < traces; trace++) {
    let root = load<u32>(out + trace * 4);
    if (root == NONE) continue;
    const end = load<u32>(starts + trace * 4, 4);
    for (let row = root + 1; row < end; row++) {
      if (!((load<u8>(orphans + (row >> 3)) >> <u8>(row & 7)) & 1)) continue;
      const from = load<u64>(start + row * 8);
      const rootFrom = load<u64>(start + root * 8);
      if (from > rootFrom) continue;
      const id = bswap<u64>(load<u64>(ids + row * 8));
      const rootId = bswap<u64>(load<u64>(ids + root * 8));
      if (from == rootFrom && id > rootId) continue;
      const isSame = from == rootFrom && id == rootId;
      if (isSame && kindAt(kinds, kindWidth, row) > kindAt(kinds, kindWidth, root)) continue;
      root = row;
    }
    store<u32>(out + trace * 4, root);
  }
}

/** Where the codes change: the first row of each run to `out`, `rows` last; returns the runs. */
export function runStarts(codes: u32, rows: u32, out: u32): u32 {
  let runs: u32 = 0;
  let last: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const code = load<u32>(codes + row * 4);
    if (row && code == last) continue;
    last = code;
    store<u32>(out + runs * 4, row);
    runs += 1;
  }
  store<u32>(out + runs * 4, rows);
  return runs;
}

/** The same for values of 16 bytes. */
export function runStarts16(values: u32, rows: u32, out: u32): u32 {
  let runs: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const value = v128.load(values + row * 16);
    if (row && i8x16.all_true(i8x16.eq(value, v128.load(values + (row - 1) * 16)))) continue;
    store<u32>(out + runs * 4, row);
    runs += 1;
  }
  store<u32>(out + runs * 4, rows);
  return runs;
}

/** Number of its group for each row. */
export function groupOfRows(starts: u32, groups: u32, out: u32): void {
  for (let group: u32 = 0; group < groups; group++) {
    const end = load<u32>(starts + group * 4, 4);
    for (let row = load<u32>(starts + group * 4); row < end; row++) {
      store<u32>(out + row * 4, group);
    }
  }
}
