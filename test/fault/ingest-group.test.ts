/**
 * The ingest path in one thread, over a disk that fails and forgets: real ring, kernel, group and
 * log. What was answered OK is what a replay after any loss of power gives, once each and in
 * order; what was refused because of the disk is not, unless nothing came after it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DISK_FAILED, OK } from "../../native/src/layout.ts";
import { MiB } from "../../src/base/bytes.ts";
import { type Prng, prng } from "../../src/base/prng.ts";
import { instantiate, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import { CONTROL_BYTES } from "../../src/ring/control.ts";
import { RING_CONTROL_BYTES, Ring, type SlotOrders } from "../../src/ring/ring.ts";
import { WalError } from "../../src/wal/wal-error.ts";
import { RECORD_HEADER_BYTES, writeRequestFields } from "../../src/wal/wal-format.ts";
import { EMPTY_TAIL } from "../../src/wal/wal-replay.ts";
import type { WalWriter } from "../../src/wal/wal-writer.ts";
import { IngestGroup } from "../../src/worker/ingest-group.ts";
import { HAS_LIMITS, RequestLimits } from "../../src/worker/request-limits.ts";
import { ROOT } from "../support/checkout.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { type Call, CrashDisk, type Loss } from "../wal/crash-disk.ts";
import { replayAll, writerOf } from "../wal/records.ts";

const RING_BYTES = MiB;
const REQUEST_BYTES_MAX = RING_BYTES / 2;
const SEEDS = 40;
const ROUNDS = 30;

/** As ingest has it: a ring, a half, the group between them. */
class IngestPath {
  readonly ring: Ring;
  readonly answers = new Map<number, number>();
  readonly #group: IngestGroup;
  readonly #view: DataView;

  constructor() {
    const memory = makeMemory(64 * MiB);
    const buffer = sharedBuffer(memory);
    const path = join(ROOT, "native", "build", "kernel.wasm");
    const kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
    const scratch = CONTROL_BYTES + RING_CONTROL_BYTES + RING_BYTES + 4096;
    kernel.initScratch(scratch, REQUEST_BYTES_MAX);
    kernel.setSeed(1, 2);
    const half = scratch + Math.ceil(kernel.scratchBytes(REQUEST_BYTES_MAX) / 4096) * 4096;
    const end = 63 * MiB;
    kernel.initHalf(...([half, end, 4096, 4096, 4096, 32_768, 4 * MiB] as const));
    const base = CONTROL_BYTES;
    const recordHeaderBytes = RECORD_HEADER_BYTES;
    this.ring = new Ring({ buffer, base, capacity: RING_BYTES, recordHeaderBytes });
    const limits = new RequestLimits({
      ...{ kernel, buffer, clock: { nowMs: () => 1 } },
      ...{ idleMs: 5000, seed: 3 },
    });
    this.#group = new IngestGroup({ kernel, buffer, rings: [this.ring], limits });
    this.#view = new DataView(buffer);
  }

  offer(payload: Uint8Array, orders?: SlotOrders): number {
    const fields = { receivedMs: 1, payloadBytes: payload.byteLength, tenantBytes: 0 };
    const fillHeader = (record: number) => writeRequestFields(this.#view, record, fields);
    return this.ring.offer(new Uint8Array(0), payload, { fillHeader, orders });
  }

  /** One group, in the order of ingest-worker.ts: write, sync, decode, answer. */
  takeGroup(wal: WalWriter): void {
    const group = this.#group;
    group.collect(false);
    try {
      if (group.records.length > 0) {
        wal.append(group.records);
        wal.sync();
      }
      group.decode((_, error) => {
        throw error;
      });
      group.answer(OK);
    } catch (error) {
      if (!(error instanceof WalError)) throw error;
      group.answer(DISK_FAILED);
    }
    this.ring.reap((next, words, index) => this.answers.set(next, words[index]));
  }
}

interface Sent {
  readonly due: number;
  readonly name: string;
}

class Scenario {
  readonly path = new IngestPath();
  readonly sent: Sent[] = [];
  readonly disk: CrashDisk;
  readonly #random: Prng;

  constructor(seed: number) {
    this.#random = prng(seed);
    this.disk = new CrashDisk(this.#random);
  }

  offerSome(): void {
    for (let i = 1 + this.#random.below(4); i > 0; i--) {
      const name = `request-${this.sent.length}-`;
      const spans = Array.from({ length: 1 + this.#random.below(3) }, (_, at) =>
        spanOf({ traceId: `${this.sent.length + 1}`, spanId: `${at + 1}`, name }),
      );
      this.sent.push({ due: this.path.offer(requestOf(spans)), name });
    }
  }

  /** The next call of a kind fails, or none does. */
  setFault(): void {
    const calls: Call[] = ["syncData", "syncData", "writev", "create", "syncFolder"];
    const call = this.#random.below(3) === 0 ? calls[this.#random.below(calls.length)] : undefined;
    const code = this.#random.below(2) === 0 ? "EIO" : "ENOSPC";
    this.disk.fault = (made) => {
      if (made !== call) return undefined;
      this.disk.fault = () => undefined;
      return code;
    };
  }

  losePower(): void {
    const losses: Loss[] = ["all", "suffix", "some", "none"];
    this.disk.fault = () => undefined;
    this.disk.losePower(losses[this.#random.below(losses.length)]);
  }

  /** Names of the requests with this answer. */
  answered(code: number): string[] {
    return this.sent.filter(({ due }) => this.path.answers.get(due) === code).map((it) => it.name);
  }
}

function namesIn(disk: CrashDisk): string[] {
  return replayAll(disk).records.map(
    ({ payload }) => /request-\d+-/.exec(Buffer.from(payload).toString("latin1"))?.[0] ?? "",
  );
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  "answers hold over failing writes and syncs and a loss of power (seed %i)",
  (seed) => {
    const scenario = new Scenario(seed);
    const wal = writerOf({ disk: scenario.disk, tail: EMPTY_TAIL });
    for (let round = 0; round < ROUNDS; round++) {
      scenario.offerSome();
      scenario.setFault();
      scenario.path.takeGroup(wal);
    }
    expect(scenario.path.answers.size).toBe(scenario.sent.length);
    expect(scenario.answered(OK).length).toBeGreaterThan(0);
    scenario.losePower();
    const acknowledged = scenario.answered(OK);
    const found = namesIn(scenario.disk);
    expect(found.slice(0, acknowledged.length)).toEqual(acknowledged);
    // What failed last of all may have reached the disk: no later segment denies it.
    const last = scenario.sent.findIndex(({ name }) => name === acknowledged.at(-1));
    const after = scenario.sent.slice(last + 1).map(({ name }) => name);
    const rest = found.slice(acknowledged.length);
    expect(rest.filter((name) => !after.includes(name))).toEqual([]);
    expect(new Set(found).size).toBe(found.length);
  },
);

test("no answer is given before its bytes are synced, and refusals are given at once", () => {
  const scenario = new Scenario(0);
  const wal = writerOf({ disk: scenario.disk, tail: EMPTY_TAIL });
  scenario.offerSome();
  scenario.disk.fault = (call) => {
    // The ring is where clients' answers come from: nothing is finished while the disk works.
    expect({ call, done: scenario.path.ring.done }).toEqual({ call, done: 0 });
    return undefined;
  };
  scenario.path.takeGroup(wal);
  expect(scenario.answered(OK)).toHaveLength(scenario.sent.length);
  scenario.offerSome();
  scenario.disk.fault = (call) => (call === "syncData" ? "EIO" : undefined);
  const before = scenario.answered(OK).length;
  scenario.path.takeGroup(wal);
  expect(scenario.answered(OK)).toHaveLength(before);
  expect(scenario.answered(DISK_FAILED)).toHaveLength(scenario.sent.length - before);
});

test("what the disk did not take does not count for the size of a trace", () => {
  const path = new IngestPath();
  const disk = new CrashDisk(prng(1));
  const wal = writerOf({ disk, tail: EMPTY_TAIL });
  const request = requestOf([spanOf({ traceId: "1", spanId: "1", name: "x".repeat(1000) })]);
  const orders = { orders: HAS_LIMITS, limits: [0, 0, 1500, 0] };
  const answerTo = () => {
    const due = path.offer(request, orders);
    path.takeGroup(wal);
    return path.answers.get(due);
  };
  disk.fault = () => "EIO";
  for (let i = 0; i < 3; i++) expect(answerTo()).toBe(DISK_FAILED);
  disk.fault = () => undefined;
  expect(answerTo()).toBe(OK);
  expect(replayAll(disk).records).toHaveLength(1);
  // The second one makes the trace too large: an answer, and nothing in the log.
  expect(answerTo()).toBe(OK);
  expect(replayAll(disk).records).toHaveLength(1);
});
