/**
 * Finds the rows of one trace in a half, for readers on any thread.
 *
 * Touches append-only arrays below committed counts only, never the writer's hash tables: these
 * may be moving. The state of this instance (half.ts) is not used; everything is read from the
 * header, so that a thread can look at both halves in turn.
 */
import { equal } from "./intern";
import {
  HALF_ENTRY,
  HALF_TRACE,
  HALF_TRACE_ID,
  HALF_TRACE_TENANT,
  HALF_TRACES,
  NO_ROW,
} from "./layout";

/**
 * The first index at or after `from` in the trace table of `half` that has this tenant's name and
 * the 16 bytes at `traceId`; NO_ROW when there is none. A linear scan: 4 MiB in a full half.
 */
export function findTrace(half: u32, tenantName: u32, tenantBytes: u32, traceId: u32,
                          from: u32): u32 {
  const count = load<u32>(half, HALF_TRACES);
  const ids = load<u32>(half, HALF_TRACE_ID);
  const tenants = load<u32>(half, HALF_TRACE_TENANT);
  const entries = load<u32>(half, HALF_ENTRY);
  const wanted = v128.load(traceId);
  for (let i = from; i < count; i++) {
    if (!i8x16.all_true(i8x16.eq(v128.load(ids + i * 16), wanted))) continue;
    const entry = entries + load<u32>(tenants + i * 4) * 8;
    if (load<u32>(entry, 4) == tenantBytes && equal(load<u32>(entry), tenantName, tenantBytes)) {
      return i;
    }
  }
  return NO_ROW;
}

/**
 * Writes the numbers of the rows of `trace` in [fromRow, rows) to `out`, ascending, `cap` (at
 * least 1) at most, and returns how many. When it returns `cap`, go on behind the last one.
 * `rows` is a committed count.
 */
export function findRows(half: u32, trace: u32, fromRow: u32, rows: u32, out: u32,
                         cap: u32): u32 {
  const traces = load<u32>(half, HALF_TRACE);
  const wanted = i32x4.splat(trace);
  let found: u32 = 0;
  let row = fromRow;
  while (row + 16 <= rows) {
    const at = traces + row * 4;
    const any = v128.or(
      v128.or(i32x4.eq(v128.load(at), wanted), i32x4.eq(v128.load(at, 16), wanted)),
      v128.or(i32x4.eq(v128.load(at, 32), wanted), i32x4.eq(v128.load(at, 48), wanted)),
    );
    if (v128.any_true(any)) {
      for (let i: u32 = 0; i < 16; i++) {
        if (load<u32>(at + i * 4) != trace) continue;
        store<u32>(out + found * 4, row + i);
        found += 1;
        if (found == cap) return found;
      }
    }
    row += 16;
  }
  for (; row < rows; row++) {
    if (load<u32>(traces + row * 4) != trace) continue;
    store<u32>(out + found * 4, row);
    found += 1;
    if (found == cap) return found;
  }
  return found;
}
