/** The halves over the real kernel: what the next half takes from the one before. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OK, RESULT_BYTES } from "../../native/src/layout.ts";
import { MiB } from "../../src/base/bytes.ts";
import { instantiate, type Kernel, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import {
  CONTROL_BYTES,
  HALF_FILLING,
  HALF_PUBLISHED,
  HALF_STATE,
  RESULT_SCRATCH,
} from "../../src/ring/control.ts";
import { Halves } from "../../src/worker/ingest-halves.ts";
import { type MemoryPlan, planMemory } from "../../src/worker/memory-plan.ts";
import { columnCounts, spansWith } from "../kernel/attribute-columns.ts";
import { ROOT } from "../support/checkout.ts";

const REQUEST_BYTES_MAX = 4 * MiB;
const TENANT_AT = CONTROL_BYTES - 64;
const KEYS = Array.from({ length: 50 }, (_, i) => `key.${i}`);

class Ingest {
  readonly halves: Halves;
  readonly control: Int32Array;
  readonly #kernel: Kernel;
  readonly #buffer: SharedArrayBuffer;
  readonly #plan: MemoryPlan;
  #log = 0;

  constructor() {
    const path = join(ROOT, "native", "build", "kernel.wasm");
    const module = new WebAssembly.Module(readFileSync(path));
    this.#plan = planMemory({
      budgetBytes: 384 * MiB,
      rings: 1,
      requestBytesMax: REQUEST_BYTES_MAX,
      scratchBytes: instantiate(module, makeMemory(MiB)).scratchBytes(REQUEST_BYTES_MAX),
      readers: 1,
    });
    const memory = makeMemory(this.#plan.bytes);
    this.#kernel = instantiate(module, memory);
    this.#buffer = sharedBuffer(memory);
    this.control = new Int32Array(this.#buffer, 0, 4096);
    this.#kernel.initScratch(this.#plan.scratch, REQUEST_BYTES_MAX);
    this.#kernel.setSeed(1, 2);
    const clock = { nowMs: () => 1 };
    const options = { kernel: this.#kernel, buffer: this.#buffer, plan: this.#plan, clock };
    this.halves = new Halves(options);
  }

  add(keys: readonly string[], spans: number): void {
    const request = spansWith(keys, spans);
    const bytes = new Uint8Array(this.#buffer);
    const at = this.#plan.rings[0] + 4096;
    bytes.set(request, at);
    bytes.fill(0, RESULT_SCRATCH, RESULT_SCRATCH + RESULT_BYTES);
    bytes.set(new TextEncoder().encode("t"), TENANT_AT);
    expect(this.#kernel.validate(at, request.length, RESULT_SCRATCH)).toBe(OK);
    expect(this.#kernel.room(RESULT_SCRATCH, request.length)).toBe(1);
    this.#kernel.decode(at, request.length, TENANT_AT, 1, 0);
    this.#kernel.commit();
    this.halves.cover(this.#log, ++this.#log);
  }

  /** Which half is being filled. */
  get filling(): number {
    return [0, 1].findIndex((half) => this.control[HALF_STATE + half] === HALF_FILLING);
  }

  columns(): [string, number][] {
    const { base } = this.#plan.halves[this.filling];
    return [...columnCounts(this.#buffer, base)];
  }

  /** As the block thread does when all blocks of a half are there. */
  publish(half: number): void {
    Atomics.store(this.control, HALF_STATE + half, HALF_PUBLISHED);
    this.halves.settle();
  }
}

const empty = (keys: readonly string[]) => keys.map((key) => [key, 0]);

test("the columns of a half are there when the next one begins, while it is being written", () => {
  const ingest = new Ingest();
  ingest.add(KEYS, 100);
  ingest.halves.seal();
  expect(ingest.halves.ready()).toBe(true);
  expect(ingest.filling).toBe(1);
  expect(ingest.columns()).toEqual(empty(KEYS));
});

test("also in the same memory, when its blocks were there first", () => {
  const ingest = new Ingest();
  ingest.add(KEYS, 100);
  const sealed = ingest.filling;
  ingest.halves.seal();
  ingest.publish(sealed);
  expect(ingest.halves.ready()).toBe(true);
  expect(ingest.filling).toBe(sealed);
  expect(ingest.columns()).toEqual(empty(KEYS));
  ingest.add(KEYS.slice(10), 20);
  expect(ingest.columns()).toEqual(KEYS.map((key, i) => [key, i < 10 ? 0 : 20]));
});

test("a cut without rows changes nothing", () => {
  const ingest = new Ingest();
  ingest.add(KEYS, 100);
  ingest.halves.seal();
  ingest.halves.ready();
  for (let i = 0; i < 20; i++) ingest.halves.seal();
  ingest.add(["other"], 10);
  ingest.halves.seal();
  ingest.publish(0);
  expect(ingest.halves.ready()).toBe(true);
  expect(ingest.columns()).toEqual(empty([...KEYS, "other"]));
});
