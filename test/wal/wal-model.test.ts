/**
 * The log against a ledger, on a disk that loses power, fills up and fails.
 *
 * Whatever happens: what was acknowledged and not released comes back, once, with its bytes; what
 * was refused does not come back after the writer went on; nothing comes back that was not sent.
 */
import { describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { WalError } from "../../src/wal/wal-error.ts";
import { recordPosition } from "../../src/wal/wal-format.ts";
import type { WalWriter } from "../../src/wal/wal-writer.ts";
import { type Call, CrashDisk, type Loss } from "./crash-disk.ts";
import { idOf, payloadOf, record, replayAll, writerOf } from "./records.ts";

const BYTES_MAX = 60_000;

class Model {
  readonly random: Prng;
  readonly disk: CrashDisk;
  writer: WalWriter;
  faulty = 0;
  readonly sparesMax: number;
  recycled = 0;
  steps = { acked: 0, failed: 0, bound: 0, replays: 0, replayed: 0, released: 0 };
  /** Position → id. */
  acked = new Map<number, number>();
  pending = new Map<number, number>();
  /** Unacknowledged, but replay has shown them: they may come back or not. */
  shown = new Map<number, number>();
  /** Refused; they may come back until the writer goes on. */
  limbo = new Set<number>();
  dead = new Set<number>();
  sizes = new Map<number, number>();
  releasedTo = 0;
  newest = -1;

  constructor(seed: number) {
    this.random = prng(seed);
    this.sparesMax = [0, 2, 1, 3][Math.floor(seed / 4) % 4];
    this.disk = new CrashDisk(this.random);
    this.disk.fault = (call) => this.#fault(call);
    this.disk.shorten = (bytes) =>
      this.random.below(8) === 0 ? 1 + this.random.below(bytes) : bytes;
    this.writer = this.#restart();
  }

  #fault(call: Call): string | undefined {
    if (this.faulty === 0 || this.random.below(this.faulty) !== 0) return undefined;
    if (call === "read" || call === "open") return undefined;
    if (call === "writev" && this.random.below(2) === 0) return "EINTR";
    return this.random.below(2) === 0 ? "ENOSPC" : "EIO";
  }

  append(): void {
    const group = Array.from({ length: 1 + this.random.below(5) }, () => {
      const id = this.sizes.size + 1;
      this.sizes.set(
        id,
        this.random.below(5) === 0 ? this.random.below(6000) : this.random.below(200),
      );
      return { id, bytes: record("t".repeat(this.random.below(12)), this.#payload(id)) };
    });
    try {
      this.writer.append(group.map((one) => one.bytes));
    } catch (error) {
      this.#failed(error);
      if ((error as WalError).kind === "bound") for (const { id } of group) this.dead.add(id);
      else for (const { id } of group) this.limbo.add(id);
      return;
    }
    holds(this.writer.bytes <= BYTES_MAX, "over the bound");
    for (const { id, bytes } of group) {
      const position = recordPosition(bytes);
      holds(position > this.newest, "a position is used again");
      this.pending.set(position, id);
    }
  }

  sync(): void {
    const went = this.pending.size > 0;
    try {
      this.writer.sync();
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.steps.acked += this.pending.size;
    for (const [position, id] of this.pending) {
      this.acked.set(position, id);
      this.newest = Math.max(this.newest, position);
    }
    this.pending.clear();
    if (!went) return;
    for (const id of this.limbo) this.dead.add(id);
    this.limbo.clear();
  }

  release(): void {
    const positions = [...this.acked.keys(), this.writer.end];
    const position = positions[this.random.below(positions.length)];
    for (const at of this.pending.keys()) if (at < position) return;
    this.releasedTo = Math.max(this.releasedTo, position);
    this.newest = Math.max(this.newest, position - 1);
    this.writer.releaseThrough(position);
    this.steps.released++;
  }

  crash(): void {
    const losses: (Loss | "kill")[] = ["all", "suffix", "some", "none", "kill"];
    const loss = losses[this.random.below(losses.length)];
    if (loss === "kill") this.disk.kill();
    else this.disk.losePower(loss);
    this.writer = this.#restart();
  }

  #restart(): WalWriter {
    this.recycled += this.writer?.stats.segmentsRecycled ?? 0;
    const replayed = replayAll(this.disk, (position) => position < this.releasedTo);
    this.steps.replays++;
    const seen = new Map<number, number>();
    for (const read of replayed.records) {
      const id = idOf(read.payload);
      holds(!seen.has(read.position), "a position twice");
      holds(Buffer.compare(read.payload, this.#payload(id)) === 0, "other bytes");
      holds(!this.dead.has(id), "a refused record came back");
      const known = this.acked.get(read.position) ?? this.shown.get(read.position);
      const open = [...this.pending.values()].includes(id) || this.limbo.has(id);
      holds(known === id || open, "a record that was not sent there");
      seen.set(read.position, id);
    }
    holds(new Set(seen.values()).size === seen.size, "a record twice");
    for (const [position, id] of this.acked) {
      if (position < this.releasedTo) continue;
      holds(seen.get(position) === id, "an acknowledged record is lost");
    }
    this.steps.replayed += seen.size;
    for (const id of [...this.pending.values(), ...this.shown.values()]) this.limbo.add(id);
    this.pending.clear();
    this.shown.clear();
    for (const [position, id] of seen) {
      this.limbo.delete(id);
      if (!this.acked.has(position)) this.shown.set(position, id);
    }
    const random = () => this.random.below(2 ** 32);
    const { disk, releasedTo: startAtLeast, sparesMax } = this;
    const limits = { segmentBytesMax: 8192, bytesMax: BYTES_MAX, sparesMax };
    return writerOf({ disk, tail: replayed.tail, startAtLeast, random, ...limits });
  }

  /** Nothing of the group counts; a refusal for the bound changes nothing. */
  #failed(error: unknown): void {
    if (!(error instanceof WalError)) throw error;
    if (error.kind === "bound") {
      this.steps.bound++;
      return;
    }
    this.steps.failed++;
    for (const id of this.pending.values()) this.limbo.add(id);
    this.pending.clear();
  }

  #payload(id: number): Uint8Array {
    return payloadOf(id, this.sizes.get(id) ?? 0);
  }

  check(): void {
    holds(this.disk.bytes <= this.writer.bytes, "bytes on disk that the writer does not count");
    for (const position of this.acked.keys()) {
      if (position < this.releasedTo) this.acked.delete(position);
    }
  }
}

/** Cheaper than expect(), of which there would be a million. */
function holds(condition: boolean, otherwise: string): void {
  if (!condition) throw new Error(`the log broke its promise: ${otherwise}`);
}

describe("the log keeps its promise", () => {
  const seeds = Array.from({ length: 100 }, (_, index) => index + 1);
  test.each(seeds)("seed %d", (seed) => {
    const model = new Model(seed);
    const faulty = [0, 60, 12, 5][seed % 4];
    for (let step = 0; step < 250; step++) {
      model.faulty = Math.floor(step / 25) % 2 === 0 ? faulty : 0; // it recovers by itself
      model.disk.capacity = model.random.below(10) < 8 ? Infinity : model.disk.bytes + 500;
      const dice = model.random.below(100);
      if (dice < 45) model.append();
      else if (dice < 85) model.sync();
      else if (dice < 94) model.release();
      else model.crash();
      model.check();
    }
    model.faulty = 0;
    model.crash();
    expect(model.steps.acked).toBeGreaterThan(2);
    expect(model.steps.replayed).toBeGreaterThan(20);
    if (model.sparesMax > 0 && faulty === 0) expect(model.recycled).toBeGreaterThan(2);
    if (faulty === 5) expect(model.steps.failed).toBeGreaterThan(5);
  });
});
