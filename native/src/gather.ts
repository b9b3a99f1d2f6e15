/**
 * Columns of a half of the head into vectors, while it may be written to: nothing is read but what
 * rows below a committed count refer to, and never a hash table.
 *
 * Rows of a half come as they arrived; `order` is a list of them in which those of one trace
 * follow each other.
 */
import { equal } from "./intern";
import {
  CHUNK_HEADER_BYTES,
  CHUNK_VALUES,
  COLUMN_FIRST,
  HALF_ENTRY,
  HALF_TRACE,
  HALF_TRACE_TENANT,
} from "./layout";
import { codeAt } from "./scan";

/**
 * The rows below `rows` of a tenant, by trace: their numbers to `order`, where each trace begins
 * to `starts` (and the number of rows last), the trace's number in the half to `traceOf`.
 * `counts` is scratch of 4 bytes a row. Returns the number of traces.
 */
export function groupHead(half: u32, rows: u32, name: u32, nameBytes: u32, counts: u32,
                          starts: u32, traceOf: u32, order: u32): u32 {
  const traceOfRow = load<u32>(half, HALF_TRACE);
  const tenants = load<u32>(half, HALF_TRACE_TENANT);
  const entries = load<u32>(half, HALF_ENTRY);
  let most: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const trace = load<u32>(traceOfRow + row * 4);
    if (trace + 1 > most) most = trace + 1;
  }
  memory.fill(counts, 0, most * 4);
  for (let row: u32 = 0; row < rows; row++) {
    const at = counts + load<u32>(traceOfRow + row * 4) * 4;
    store<u32>(at, load<u32>(at) + 1);
  }
  let known: u32 = 0xffffffff;
  let isOurs: bool = false;
  let traces: u32 = 0;
  let next: u32 = 0;
  // From here on `counts` says where the trace's next row goes, or that it is another tenant's.
  for (let trace: u32 = 0; trace < most; trace++) {
    const count = load<u32>(counts + trace * 4);
    const tenant = load<u32>(tenants + trace * 4);
    if (tenant != known) {
      const entry = entries + tenant * 8;
      isOurs = load<u32>(entry, 4) == nameBytes && equal(load<u32>(entry), name, nameBytes);
      known = tenant;
    }
    if (!isOurs || !count) {
      store<u32>(counts + trace * 4, 0xffffffff);
      continue;
    }
    store<u32>(counts + trace * 4, next);
    store<u32>(starts + traces * 4, next);
    store<u32>(traceOf + traces * 4, trace);
    traces += 1;
    next += count;
  }
  store<u32>(starts + traces * 4, next);
  for (let row: u32 = 0; row < rows; row++) {
    const at = counts + load<u32>(traceOfRow + row * 4) * 4;
    const place = load<u32>(at);
    if (place == 0xffffffff) continue;
    store<u32>(order + place * 4, row);
    store<u32>(at, place + 1);
  }
  return traces;
}

export function gather1(from: u32, order: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u8>(out + i, load<u8>(from + load<u32>(order + i * 4)));
  }
}

export function gather4(from: u32, order: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + i * 4, load<u32>(from + load<u32>(order + i * 4) * 4));
  }
}

export function gather8(from: u32, order: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(out + i * 8, load<u64>(from + load<u32>(order + i * 4) * 8));
  }
}

export function gather16(from: u32, order: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    v128.store(out + i * 16, v128.load(from + load<u32>(order + i * 4) * 16));
  }
}

/** Adds one to each of `count` words. */
export function addOne(at: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(at + i * 4, load<u32>(at + i * 4) + 1);
}

/** Adds one to each of `count` bytes. */
export function addOneByte(at: u32, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u8>(at + i, load<u8>(at + i) + 1);
}

/** Words that are not 0: their place and themselves, in pairs; returns how many there are. */
export function listWords(words: u32, count: u32, out: u32): u32 {
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const word = load<u32>(words + i * 4);
    if (!word) continue;
    store<u32>(out + found * 8, i);
    store<u32>(out + found * 8, word, 4);
    found += 1;
  }
  return found;
}

/** The other way round than `order`: u32 an element below `below`, 0xffffffff where it is not. */
export function placesOf(order: u32, count: u32, below: u32, out: u32): void {
  memory.fill(out, 0xff, below * 4);
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(out + load<u32>(order + i * 4) * 4, i);
  }
}

/**
 * Elements (events, links), that come in the order of the half's rows, in that of a segment's:
 * where those of each row begin to `starts` (rows + 1), which they are to `order`. Returns how many
 * there are. `rowOf` names the row of each, `firsts` is scratch of `below` + 1 words.
 */
export function orderElements(rowOf: u32, elements: u32, below: u32, rowOrder: u32, rows: u32,
                              firsts: u32, starts: u32, order: u32): u32 {
  let element: u32 = 0;
  for (let row: u32 = 0; row <= below; row++) {
    while (element < elements && load<u32>(rowOf + element * 4) < row) element++;
    store<u32>(firsts + row * 4, element);
  }
  let count: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const source = load<u32>(rowOrder + row * 4);
    store<u32>(starts + row * 4, count);
    const end = load<u32>(firsts + source * 4, 4);
    for (let at = load<u32>(firsts + source * 4); at < end; at++) {
      store<u32>(order + count * 4, at);
      count += 1;
    }
  }
  store<u32>(starts + rows * 4, count);
  return count;
}

/** How many elements are of rows below `below`: rows ascend. */
export function elementsBelow(rowOf: u32, count: u32, below: u32): u32 {
  let low: u32 = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (load<u32>(rowOf + middle * 4) < below) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Traces of groupHead() with a row of `since` or later; returns how many there are. */
export function tracesSince(starts: u32, traces: u32, order: u32, since: u32, out: u32): u32 {
  let found: u32 = 0;
  for (let trace: u32 = 0; trace < traces; trace++) {
    const last = load<u32>(starts + trace * 4, 4) - 1;
    if (load<u32>(order + last * 4) < since) continue;
    store<u32>(out + found * 4, trace);
    found += 1;
  }
  return found;
}

/** Some traces of groupHead() alone; returns their rows. */
export function chooseTraces(starts: u32, traceOf: u32, order: u32, chosen: u32, count: u32,
                             outStarts: u32, outTraceOf: u32, outOrder: u32): u32 {
  let rows: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const trace = load<u32>(chosen + i * 4);
    const first = load<u32>(starts + trace * 4);
    const own = load<u32>(starts + trace * 4, 4) - first;
    store<u32>(outStarts + i * 4, rows);
    store<u32>(outTraceOf + i * 4, load<u32>(traceOf + trace * 4));
    memory.copy(outOrder + rows * 4, order + first * 4, own * 4);
    rows += own;
  }
  store<u32>(outStarts + count * 4, rows);
  return rows;
}

/** The first and the last time that rows `from` to `to` touch, added to the two u64 at `out`. */
export function boundRows(start: u32, duration: u32, from: u32, to: u32, out: u32): void {
  let first = load<u64>(out);
  let last = load<u64>(out, 8);
  for (let row = from; row < to; row++) {
    const begin = load<u64>(start + row * 8);
    const end = begin + load<u64>(duration + row * 8);
    // A span may end before it starts.
    first = min<u64>(first, min<u64>(begin, end));
    last = max<u64>(last, max<u64>(begin, end));
  }
  store<u64>(out, first);
  store<u64>(out, last, 8);
}

/** Whether a sparse column has a value of an element below `rows`. */
export function columnBegins(column: u32, rows: u32): bool {
  const chunk = atomic.load<u32>(column + COLUMN_FIRST);
  return chunk != 0 && load<u32>(chunk + CHUNK_HEADER_BYTES) < rows;
}

/** A sparse column of words to `out`, one a row below `rows`: value + 1, or 0 for none. */
export function expand4(column: u32, rows: u32, out: u32): void {
  memory.fill(out, 0, rows * 4);
  let chunk = atomic.load<u32>(column + COLUMN_FIRST);
  while (chunk) {
    const at = chunk + CHUNK_HEADER_BYTES;
    for (let slot: u32 = 0; slot < <u32>CHUNK_VALUES; slot++) {
      const row = load<u32>(at + slot * 4);
      if (row >= rows) return;
      store<u32>(out + row * 4, load<u32>(at + slot * 4, CHUNK_VALUES * 4) + 1);
    }
    chunk = atomic.load<u32>(chunk);
  }
}

/** The same for 8 bytes: values to `out`, and 1 (u32) to `present`. */
export function expand8(column: u32, rows: u32, out: u32, present: u32): void {
  memory.fill(out, 0, rows * 8);
  memory.fill(present, 0, rows * 4);
  let chunk = atomic.load<u32>(column + COLUMN_FIRST);
  while (chunk) {
    const at = chunk + CHUNK_HEADER_BYTES;
    for (let slot: u32 = 0; slot < <u32>CHUNK_VALUES; slot++) {
      const row = load<u32>(at + slot * 4);
      if (row >= rows) return;
      store<u64>(out + row * 8, load<u64>(at + CHUNK_VALUES * 4 + slot * 8));
      store<u32>(present + row * 4, 1);
    }
    chunk = atomic.load<u32>(chunk);
  }
}

/**
 * Whether a sparse column has a value of an element below `rows` whose place has a bit; places are
 * u32 an element, 0xffffffff for none.
 */
export function columnHas(column: u32, rows: u32, places: u32, bits: u32): bool {
  let chunk = atomic.load<u32>(column + COLUMN_FIRST);
  while (chunk) {
    const at = chunk + CHUNK_HEADER_BYTES;
    for (let slot: u32 = 0; slot < <u32>CHUNK_VALUES; slot++) {
      const row = load<u32>(at + slot * 4);
      if (row >= rows) return false;
      const place = load<u32>(places + row * 4);
      if (place == 0xffffffff) continue;
      if ((load<u8>(bits + (place >> 3)) >> (place & 7)) & 1) return true;
    }
    chunk = atomic.load<u32>(chunk);
  }
  return false;
}

/**
 * Renames numbers 1 to `most` (0: none) to 1, 2, … in order of appearance, in place; what each new
 * one was goes to `list`. `table` is scratch of 4 bytes a number. Returns how many there are.
 */
export function renumber(codes: u32, count: u32, most: u32, table: u32, list: u32): u32 {
  memory.fill(table, 0, (most + 1) * 4);
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const code = load<u32>(codes + i * 4);
    if (!code) continue;
    let renamed = load<u32>(table + code * 4);
    if (!renamed) {
      store<u32>(list + found * 4, code);
      renamed = ++found;
      store<u32>(table + code * 4, renamed);
    }
    store<u32>(codes + i * 4, renamed);
  }
  return found;
}

/** Words to narrower ones; `out` may be `from`. */
export function narrow(from: u32, count: u32, width: u32, out: u32): void {
  if (width == 1) for (let i: u32 = 0; i < count; i++) store<u8>(out + i, load<u32>(from + i * 4));
  else if (width == 2) {
    for (let i: u32 = 0; i < count; i++) store<u16>(out + i * 2, load<u32>(from + i * 4));
  } else memory.copy(out, from, count * 4);
}

/** A bit for each word that is not 0; rounded up to 64. */
export function bitsOfWords(words: u32, count: u32, out: u32): void {
  for (let row: u32 = 0; row < count; row += 64) {
    const here = min<u32>(64, count - row);
    let word: u64 = 0;
    for (let i: u32 = 0; i < here; i++) {
      word |= <u64>u32(load<u32>(words + (row + i) * 4) != 0) << i;
    }
    store<u64>(out + (row >> 3), word);
  }
}

/**
 * Codes of some rows to some places, as words: out[places[i]] = the code of rows[i] + `offset`;
 * places of rows that have none stay.
 */
export function gatherCodes(codes: u32, width: u32, rows: u32, places: u32, count: u32,
                            offset: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const code = codeAt(codes, width, load<u32>(rows + i * 4));
    if (code) store<u32>(out + load<u32>(places + i * 4) * 4, code + offset);
  }
}

/**
 * The same for values of 8 bytes: of rows with a bit in `present` (0: all). Their places in `bits`
 * (0: none), words, become 1.
 */
export function gatherLongs(values: u32, present: u32, rows: u32, places: u32, count: u32,
                            out: u32, bits: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const row = load<u32>(rows + i * 4);
    if (present && !((load<u8>(present + (row >> 3)) >> (row & 7)) & 1)) continue;
    const place = load<u32>(places + i * 4);
    store<u64>(out + place * 8, load<u64>(values + row * 8));
    if (bits) store<u32>(bits + place * 4, 1);
  }
}

/** Values of 8 bytes, in order, to these places. */
export function placeLongs(values: u32, places: u32, count: u32, out: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(out + load<u32>(places + i * 4) * 8, load<u64>(values + i * 8));
  }
}

// @ts-ignore: decorator
@inline
function idSlot(id: u32, mask: u32): u32 {
  const mixed = (load<u64>(id) ^ rotl<u64>(load<u64>(id, 8), 32)) * 0x9e3779b97f4a7c15;
  return <u32>(mixed >> 32) & mask;
}

/** Puts ids (16 bytes each) into a table of `slots` u32, a power of two at least twice `count`. */
export function indexIds(ids: u32, count: u32, table: u32, slots: u32): void {
  memory.fill(table, 0, slots * 4);
  for (let i: u32 = 0; i < count; i++) {
    let slot = idSlot(ids + i * 16, slots - 1);
    while (load<u32>(table + slot * 4)) slot = (slot + 1) & (slots - 1);
    store<u32>(table + slot * 4, i + 1);
  }
}

/** Which of `others` are among the ids of the table: pairs of indexes to `outA` and `outB`. */
export function probeIds(ids: u32, table: u32, slots: u32, others: u32, count: u32, outA: u32,
                         outB: u32): u32 {
  let found: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const id = v128.load(others + i * 16);
    let slot = idSlot(others + i * 16, slots - 1);
    while (true) {
      const known = load<u32>(table + slot * 4);
      if (!known) break;
      slot = (slot + 1) & (slots - 1);
      if (!i8x16.all_true(i8x16.eq(v128.load(ids + (known - 1) * 16), id))) continue;
      store<u32>(outA + found * 4, known - 1);
      store<u32>(outB + found * 4, i);
      found += 1;
      break;
    }
  }
  return found;
}
