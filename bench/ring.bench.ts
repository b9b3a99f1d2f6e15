/**
 * Ring hand-over of a request of 500 spans, both sides on one thread: the floor of the step from
 * receive to ingest.
 *
 * Sketch: one copy of 190 KB at 20 GB/s is 10 µs; the rest is a few atomics. Budget 30 µs, 0.06 µs
 * a span.
 */
import { bench, run } from "mitata";
import { MiB } from "../src/base/bytes.ts";
import { RING_CONTROL_BYTES, Ring, type Slot } from "../src/ring/ring.ts";
import { hold } from "./budget.ts";

const capacity = 64 * MiB;
const buffer = new SharedArrayBuffer(RING_CONTROL_BYTES + capacity);
const ring = new Ring({ buffer, base: 0, capacity, recordHeaderBytes: 40 });
const request = new Uint8Array(190_000).fill(7);
const tenant = new TextEncoder().encode("single-tenant");
const slot: Slot = {
  next: 0,
  orders: 0,
  limits: 0,
  result: 0,
  record: 0,
  recordBytes: 0,
  tenant: 0,
  tenantBytes: 0,
  payload: 0,
  payloadBytes: 0,
};
const nothing = () => {};

bench("ring: offer, peek, finish, reap 190 KB", () => {
  ring.offer(tenant, request, { fillHeader: nothing });
  ring.peek(ring.done, slot);
  ring.finish(slot.next);
  ring.reap(nothing);
});

const { benchmarks } = await run();
hold("ring_190kb_us", (benchmarks[0]?.runs[0]?.stats?.p50 ?? Number.NaN) / 1000, "µs");
