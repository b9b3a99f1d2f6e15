/**
 * Validate and decode: what a span costs between the log and the head, on one thread.
 *
 * Sketch: a span is some 20 fields and 7 attributes. Looking at each byte once takes 0.16 µs,
 * interning and appending 0.3 µs (AssemblyScript prototypes on the same machine).
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../src/base/assert.ts";
import { MiB } from "../src/base/bytes.ts";
import { instantiate, makeMemory, sharedBuffer } from "../src/kernel/kernel.ts";
import { planMemory } from "../src/worker/memory-plan.ts";
import { hold, median } from "./budget.ts";
import { shopBatches } from "./data/shop-batches.ts";

const SPANS = 500;
const ROUNDS = 15;
const REQUEST_BYTES_MAX = 24 * MiB;
const path = join(import.meta.dirname, "..", "native", "build", "kernel.wasm");
const module = await WebAssembly.compile(readFileSync(path));
const plan = planMemory({
  budgetBytes: 512 * MiB,
  rings: 1,
  requestBytesMax: REQUEST_BYTES_MAX,
  scratchBytes: instantiate(module, makeMemory(MiB)).scratchBytes(REQUEST_BYTES_MAX),
  readers: 1,
});
const memory = makeMemory(plan.bytes);
const kernel = instantiate(module, memory);
const bytes = new Uint8Array(sharedBuffer(memory));
const RESULT = 2048;
const TENANT = 4096;
bytes.set(new TextEncoder().encode("bench"), TENANT);
kernel.initScratch(plan.scratch, REQUEST_BYTES_MAX);
const { base, end, rowCap, eventCap, linkCap, stringCap, arenaBytes } = plan.halves[0];
kernel.initHalf(base, end, rowCap, eventCap, linkCap, stringCap, arenaBytes);

const batches = shopBatches({ seed: 1, batches: 100, spans: SPANS });
let at = plan.rings[0] + 4096;
const places = batches.map((batch) => {
  const place = { at, length: batch.byteLength };
  bytes.set(batch, at);
  at += (batch.byteLength + 127) & ~63;
  return place;
});
const spans = batches.length * Math.ceil(SPANS / 8) * 8;
console.log(`${spans} spans, ${((at - plan.rings[0]) / spans).toFixed(0)} bytes each`);

const validating: number[] = [];
const decoding: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  kernel.resetHalf(base);
  let start = performance.now();
  for (const place of places) {
    assert(kernel.validate(place.at, place.length, RESULT) === 0, "bench: malformed batch");
  }
  validating.push(((performance.now() - start) * 1e6) / spans);
  start = performance.now();
  for (const place of places) {
    kernel.decode(place.at, place.length, TENANT, 5, 0);
    kernel.commit();
  }
  decoding.push(((performance.now() - start) * 1e6) / spans);
}
hold("validate_ns", median(validating), "ns/span");
hold("decode_ns", median(decoding), "ns/span");
