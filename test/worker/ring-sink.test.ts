/** What becomes of requests when their ring is full. Ingest is played by the test. */
import { expect, test, vi } from "vitest";
import { OK } from "../../native/src/layout.ts";
import { systemClock } from "../../src/base/clock.ts";
import { NO_RATE_LIMIT } from "../../src/receive/rate-limit.ts";
import type { Verdict } from "../../src/receive/receive.ts";
import { CONTROL_BYTES, HEAD_FULL, REPLAYED } from "../../src/ring/control.ts";
import { RING_CONTROL_BYTES, Ring, type Slot } from "../../src/ring/ring.ts";
import { RECORD_HEADER_BYTES } from "../../src/wal/wal-format.ts";
import { RingSink } from "../../src/worker/ring-sink.ts";
import type { TenantLimits } from "../../src/worker/tenant-limits.ts";

const CAPACITY = 64 * 1024;
const BODY_BYTES = 4096;
const NO_LIMITS: TenantLimits = {
  byTenant: new Map(),
  others: {
    ...NO_RATE_LIMIT,
    ...{ attributeBytesMax: 0, attributeKeysMax: 0, traceBytesMax: 0, liveTracesMax: 0 },
    ...{ blockRetentionMs: 0, compactionWindowMs: 0, isCompactionDisabled: false },
  },
};
const FITTING = Math.floor(CAPACITY / BODY_BYTES);

test("waits in front of a full ring, and is taken in its turn", async () => {
  const { sink, takeOne, taken } = startSink();
  const answered: number[] = [];
  const bodies = Array.from({ length: 2 * FITTING - 4 }, (_, at) => bodyOf(at));
  const promises = bodies.map((body, at) => {
    const offered = sink.offer("", body);
    body.fill(255); // it is its sender's again
    return offered?.then(({ outcome }) => answered.push(outcome === "stored" ? at : -1));
  });
  expect(promises).not.toContain(undefined);
  while (answered.length < promises.length) {
    takeOne();
    await new Promise(setImmediate);
  }
  const expected = Array.from(promises, (_, at) => at);
  expect(answered).toEqual(expected);
  expect(taken).toEqual(expected);
});

test("lets nobody pass who comes while others wait", async () => {
  const { sink, takeOne, taken } = startSink();
  for (let at = 0; at < FITTING + 2; at++) sink.offer("", bodyOf(at));
  // Small enough for what is left of the ring.
  sink.offer("", new Uint8Array(1).fill(FITTING + 2));
  while (taken.length < FITTING + 3) {
    takeOne();
    await new Promise(setImmediate);
  }
  expect(taken.at(-1)).toBe(FITTING + 2);
});

test("keeps no more in front of the ring than the ring holds", () => {
  const { sink } = startSink();
  let count = 0;
  while (sink.offer("", bodyOf(count)) !== undefined) count += 1;
  expect(count).toBeLessThanOrEqual(2 * FITTING);
  expect(count).toBeGreaterThan(2 * FITTING - 4);
});

test("rests for a while at most when ingest does nothing", async () => {
  const { sink, takeOne } = startSink(1);
  const verdicts: Verdict[] = [];
  for (let at = 0; at < 3; at++) sink.offer("", bodyOf(at))?.then((one) => verdicts.push(one));
  takeOne();
  for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
  expect(verdicts).toHaveLength(1);
  takeOne();
  takeOne();
  while (verdicts.length < 3) await new Promise(setImmediate);
  expect(verdicts.map(({ outcome }) => outcome)).toEqual(["stored", "stored", "stored"]);
});

test("rests once a turn while requests are refused for want of a half", async () => {
  const { sink, control } = startSink();
  const wait = vi.spyOn(Atomics, "wait");
  try {
    Atomics.store(control, HEAD_FULL, 1);
    sink.limitRest(7);
    for (let turn = 1; turn <= 3; turn++) {
      for (let asked = 0; asked < 5; asked++) expect(sink.isFull).toBe(true);
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      expect(wait.mock.calls.map(([, at, value, ms]) => [at, value, ms])).toEqual(
        Array.from({ length: turn }, () => [HEAD_FULL, 1, 7]),
      );
    }
    Atomics.store(control, HEAD_FULL, 0);
    expect(sink.isFull).toBe(false);
    await new Promise(setImmediate);
    expect(wait).toHaveBeenCalledTimes(3);
  } finally {
    wait.mockRestore();
  }
});

function startSink(restBytes = Number.POSITIVE_INFINITY) {
  const buffer = new SharedArrayBuffer(CONTROL_BYTES + RING_CONTROL_BYTES + CAPACITY);
  const control = new Int32Array(buffer);
  Atomics.store(control, REPLAYED, 1);
  const ring = new Ring({
    ...{ buffer, base: CONTROL_BYTES, capacity: CAPACITY },
    recordHeaderBytes: RECORD_HEADER_BYTES,
  });
  const sink = new RingSink({
    ...{ buffer, ring, clock: systemClock, limits: NO_LIMITS },
    ...{ tellsRefused: false, restBytes },
    onFailure: (error) => {
      throw error;
    },
  });
  const words = new Uint32Array(buffer);
  const bytes = new Uint8Array(buffer);
  const slot: Slot = {
    ...{ next: 0, orders: 0, limits: 0, result: 0, record: 0, recordBytes: 0 },
    ...{ tenant: 0, tenantBytes: 0, payload: 0, payloadBytes: 0 },
  };
  const taken: number[] = [];
  return {
    sink,
    control,
    taken,
    takeOne() {
      if (!ring.peek(ring.done, slot)) return;
      taken.push(bytes[slot.payload]);
      words.fill(0, slot.result >>> 2, (slot.result >>> 2) + 16);
      words[slot.result >>> 2] = OK;
      ring.finish(slot.next);
    },
  };
}

/** Part of something larger, as bodies may be. */
function bodyOf(at: number): Uint8Array {
  return Buffer.alloc(BODY_BYTES + 8, at).subarray(0, BODY_BYTES);
}
