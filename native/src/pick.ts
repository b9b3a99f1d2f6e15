/**
 * Which traces a search looks at, and which of those that it found come first: the newest, by the
 * start of the trace and then by its id.
 */

/**
 * A bit for each trace that touches [from, to] and is between `least` and `most` long. `start`,
 * `end` and `lastStart` are u64 a trace: of the whole trace, and when its last span starts, which
 * may be after the end of all of them.
 */
export function tracesInTime(start: u32, end: u32, lastStart: u32, traces: u32, from: u64, to: u64,
                             least: i64, most: i64, out: u32): void {
  // As signed numbers in the same order: of the others there is no comparison of two at once.
  const flip = i64x2.splat(i64.MIN_VALUE);
  const lowest = i64x2.splat(<i64>from ^ i64.MIN_VALUE);
  const highest = i64x2.splat(<i64>to ^ i64.MIN_VALUE);
  const shortest = i64x2.splat(least);
  const longest = i64x2.splat(most);
  const whole = traces & ~63;
  for (let trace: u32 = 0; trace < whole; trace += 64) {
    let word: u64 = 0;
    for (let i: u32 = 0; i < 64; i += 2) {
      const at = (trace + i) * 8;
      const first = v128.load(start + at);
      const last = v128.load(end + at);
      const length = i64x2.sub(last, first);
      // The last span starts when the first does, or later.
      const touches = v128.or(
        i64x2.ge_s(v128.xor(last, flip), lowest),
        i64x2.ge_s(v128.xor(v128.load(lastStart + at), flip), lowest),
      );
      const isIn = v128.and(
        v128.and(touches, i64x2.le_s(v128.xor(first, flip), highest)),
        v128.and(i64x2.ge_s(length, shortest), i64x2.le_s(length, longest)),
      );
      word |= <u64><u32>i64x2.bitmask(isIn) << i;
    }
    store<u64>(out + (trace >> 3), word);
  }
  if (whole == traces) return;
  let word: u64 = 0;
  for (let trace = whole; trace < traces; trace++) {
    const first = load<u64>(start + trace * 8);
    const last = load<u64>(end + trace * 8);
    const length = <i64>(last - first);
    const isIn = first <= to && max<u64>(load<u64>(lastStart + trace * 8), last) >= from
      && length >= least && length <= most;
    word |= <u64>u32(isIn) << (trace - whole);
  }
  store<u64>(out + (whole >> 3), word);
}

/** The first start of any trace and the last time that one touches: u64 each, to `out`. */
export function timeBounds(start: u32, end: u32, traces: u32, out: u32): void {
  let first: u64 = u64.MAX_VALUE;
  let last: u64 = 0;
  for (let trace: u32 = 0; trace < traces; trace++) {
    const from = load<u64>(start + trace * 8);
    first = min<u64>(first, from);
    last = max<u64>(last, max<u64>(from, load<u64>(end + trace * 8)));
  }
  store<u64>(out, first);
  store<u64>(out, last, 8);
}

/** Whether trace `a` comes before trace `b`. */
// @ts-ignore: decorator
@inline
function isBefore(start: u32, ids: u32, a: u32, b: u32): bool {
  const startA = load<u64>(start + a * 8);
  const startB = load<u64>(start + b * 8);
  if (startA != startB) return startA > startB;
  const highA = bswap<u64>(load<u64>(ids + a * 16));
  const highB = bswap<u64>(load<u64>(ids + b * 16));
  if (highA != highB) return highA < highB;
  return bswap<u64>(load<u64>(ids + a * 16, 8)) < bswap<u64>(load<u64>(ids + b * 16, 8));
}

/**
 * All traces, the newest first, to `out`; `spare` is scratch for as many words. Runs are merged,
 * each twice as long as before.
 */
export function orderNewest(start: u32, ids: u32, traces: u32, out: u32, spare: u32): void {
  for (let i: u32 = 0; i < traces; i++) store<u32>(out + i * 4, i);
  let from = out;
  let to = spare;
  for (let length: u32 = 1; length < traces; length <<= 1) {
    for (let low: u32 = 0; low < traces; low += length << 1) {
      const middle = min<u32>(low + length, traces);
      const end = min<u32>(middle + length, traces);
      let a = low;
      let b = middle;
      for (let i = low; i < end; i++) {
        const isSecond = a == middle || (b < end
          && isBefore(start, ids, load<u32>(from + b * 4), load<u32>(from + a * 4)));
        store<u32>(to + i * 4, load<u32>(from + (isSecond ? b : a) * 4));
        if (isSecond) b += 1;
        else a += 1;
      }
    }
    const other = from;
    from = to;
    to = other;
  }
  if (from != out) memory.copy(out, from, traces * 4);
}

/**
 * Of the traces with a bit, those that start at `since` or later, the first `most` of them: their
 * numbers to `out`, in no order. Returns how many. `out` is a heap with the last one on top.
 */
export function newestTraces(bits: u32, traces: u32, start: u32, ids: u32, since: u64, most: u32,
                             out: u32): u32 {
  let count: u32 = 0;
  if (!most) return 0;
  for (let base: u32 = 0; base < traces; base += 64) {
    let word = load<u64>(bits + (base >> 3));
    while (word) {
      const trace = base + <u32>ctz<u64>(word);
      word &= word - 1;
      if (load<u64>(start + trace * 8) < since) continue;
      if (count < most) {
        // Up from the end, past all that come before it.
        let at = count++;
        while (at) {
          const above = (at - 1) >> 1;
          const other = load<u32>(out + above * 4);
          if (isBefore(start, ids, trace, other)) break;
          store<u32>(out + at * 4, other);
          at = above;
        }
        store<u32>(out + at * 4, trace);
      } else if (isBefore(start, ids, trace, load<u32>(out))) {
        sink(start, ids, out, count, trace);
      }
    }
  }
  return count;
}

/** Puts a trace in place of the one on top. */
function sink(start: u32, ids: u32, heap: u32, count: u32, trace: u32): void {
  let at: u32 = 0;
  while (true) {
    let below = at * 2 + 1;
    if (below >= count) break;
    const right = below + 1;
    if (right < count) {
      const left = load<u32>(heap + below * 4);
      if (isBefore(start, ids, left, load<u32>(heap + right * 4))) below = right;
    }
    const other = load<u32>(heap + below * 4);
    if (isBefore(start, ids, other, trace)) break;
    store<u32>(heap + at * 4, other);
    at = below;
  }
  store<u32>(heap + at * 4, trace);
}

/** a & b, a | b, a & ~b (`op` 0, 1, 2) of bitmaps of `bytes`, a multiple of 8. */
export function mergeBits(a: u32, b: u32, bytes: u32, op: u32, out: u32): void {
  let p: u32 = 0;
  for (; p + 16 <= bytes; p += 16) {
    const x = v128.load(a + p);
    const y = v128.load(b + p);
    const merged = op == 0 ? v128.and(x, y) : op == 1 ? v128.or(x, y) : v128.andnot(x, y);
    v128.store(out + p, merged);
  }
  if (p == bytes) return;
  const x = load<u64>(a + p);
  const y = load<u64>(b + p);
  store<u64>(out + p, op == 0 ? x & y : op == 1 ? x | y : x & ~y);
}

/**
 * Traces that start later than `bound`, or at it if `inclusive`. `order` is what orderNewest gave,
 * `start` u64 a trace.
 */
export function startedSince(order: u32, start: u32, traces: u32, bound: u64,
                             inclusive: bool): u32 {
  let low: u32 = 0;
  let high = traces;
  while (low < high) {
    const middle = (low + high) >> 1;
    const own = load<u64>(start + load<u32>(order + middle * 4) * 8);
    if (own > bound || (inclusive && own == bound)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sets the bits of the rows of `count` traces, words at `list`; others stay as they are. */
export function rowsOfTraces(list: u32, count: u32, starts: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const trace = starts + load<u32>(list + i * 4) * 4;
    const end = load<u32>(trace, 4);
    for (let row = load<u32>(trace); row < end; ) {
      const at = out + ((row >> 6) << 3);
      const next = min<u32>(end, (row | 63) + 1);
      const bits: u64 = u64.MAX_VALUE >> <u64>(64 - (next - row));
      store<u64>(at, load<u64>(at) | (bits << <u64>(row & 63)));
      row = next;
    }
  }
}
