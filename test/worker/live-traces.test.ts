/** Live traces against a plain Map, and at the bounds of the table. */
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { LiveTraces, type TraceFault, type TraceTable } from "../../src/worker/live-traces.ts";

const IDLE_MS = 5000;
const live = () => new LiveTraces({ idleMs: IDLE_MS, seed: 7 });

function span(trace: number, bytes = 1) {
  return { words: new Uint32Array([trace, 0, trace & 3, 9]), at: 0, bytes };
}

interface Limits {
  readonly traceBytesMax: number;
  readonly liveTracesMax: number;
}

class Model {
  readonly #traces = new Map<number, { bytes: number; seenMs: number }>();

  take({ trace, bytes }: { trace: number; bytes: number }, limits: Limits, nowMs: number) {
    const { traceBytesMax, liveTracesMax } = limits;
    for (const [id, { seenMs }] of this.#traces) {
      if (nowMs - seenMs > IDLE_MS) this.#traces.delete(id);
    }
    const known = this.#traces.get(trace);
    const isTooLarge = traceBytesMax > 0 && (known?.bytes ?? 0) + bytes > traceBytesMax;
    if (known === undefined) {
      if (isTooLarge) return "too_large";
      if (liveTracesMax > 0 && this.#traces.size >= liveTracesMax) return "too_many";
      this.#traces.set(trace, { bytes, seenMs: nowMs });
      return "none";
    }
    known.seenMs = nowMs;
    if (isTooLarge) return "too_large";
    known.bytes += bytes;
    return "none";
  }
}

test.each([1, 2, 3, 4])("as a map would say, seed %i", (seed) => {
  const random = prng(seed);
  const traces = live();
  const model = new Model();
  const limits = { traceBytesMax: seed % 2 ? 100 : 0, liveTracesMax: seed > 1 ? 90 : 0 };
  const seen: Record<TraceFault, number> = { none: 0, too_large: 0, too_many: 0 };
  let nowMs = 1_700_000_000_000;
  for (let i = 0; i < 20_000; i++) {
    // The table looks for traces that ended at most so often.
    nowMs += 101 + random.below(50);
    const trace = random.below(random.below(2) ? 40 : 2000);
    const bytes = 1 + random.below(60);
    const fault = traces.of("a", nowMs).take(span(trace, bytes), limits, nowMs);
    expect(fault).toBe(model.take({ trace, bytes }, limits, nowMs));
    seen[fault] += 1;
  }
  expect(seen.none).toBeGreaterThan(1000);
  if (limits.traceBytesMax > 0) expect(seen.too_large).toBeGreaterThan(100);
});

function fill(table: TraceTable, { from, to }: { from: number; to: number }, limits: Limits) {
  const faults = new Set<TraceFault>();
  for (let trace = from; trace < to; trace++) faults.add(table.take(span(trace), limits, 1000));
  return [...faults];
}

test("live traces go on at the limit, and new ones begin when some have ended", () => {
  const limits = { traceBytesMax: 0, liveTracesMax: 1000 };
  const traces = live();
  const table = traces.of("a", 1000);
  expect(fill(table, { from: 0, to: 1000 }, limits)).toEqual(["none"]);
  expect(fill(table, { from: 1000, to: 1100 }, limits)).toEqual(["too_many"]);
  expect(fill(table, { from: 0, to: 1000 }, limits)).toEqual(["none"]);
  expect(traces.of("b", 1000).take(span(1), limits, 1000)).toBe("none");
  const later = 1001 + IDLE_MS;
  expect(traces.of("a", 6000).take(span(5), limits, 6000)).toBe("none");
  for (let i = 0; i < 999; i++) expect(table.take(span(2000 + i), limits, later)).toBe("none");
  expect(table.take(span(1), limits, later)).toBe("too_many");
  expect(table.take(span(5), limits, later)).toBe("none");
});

test("what was given back may be sent again", () => {
  const limits = { traceBytesMax: 100, liveTracesMax: 0 };
  const table = live().of("a", 0);
  expect(table.take(span(1, 100), limits, 1)).toBe("none");
  expect(table.take(span(1, 1), limits, 1)).toBe("too_large");
  table.giveBack(span(1, 40));
  expect(table.take(span(1, 41), limits, 1)).toBe("too_large");
  expect(table.take(span(1, 40), limits, 1)).toBe("none");
});

test("tables of all tenants are bounded, and go when their tenants are silent", () => {
  const limits = { traceBytesMax: 5, liveTracesMax: 0 };
  const traces = live();
  const table = traces.of("a", 1000);
  expect(fill(table, { from: 0, to: 2 ** 18 }, limits)).toEqual(["none"]);
  // Half of 2^20 places less what growing would take.
  expect(fill(table, { from: 2 ** 18, to: 2 ** 20 }, limits)).toContain("too_many");
  expect(table.places).toBeLessThanOrEqual(2 ** 20);
  expect(traces.of("b", 1000).take(span(1), limits, 1000)).toBe("none");
  const late = 1001 + 2 * IDLE_MS;
  traces.of("b", late);
  expect(traces.tenants).toBe(1);
});
