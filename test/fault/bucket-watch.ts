/**
 * Looks at a bucket again and again while processes write to it, past them, for what must hold at
 * every moment and not only when all is over:
 *
 * - A block that lives has its object, and keeps it for the grace time after it was replaced.
 * - A record of compaction never changes: the store takes one write of each.
 *
 * Servers reach the store by a proxy that answers many writes late, so that what lies between two
 * of them lasts for longer than a look.
 */
import { prng } from "../../src/base/prng.ts";
import type { Bucket } from "../support/bucket.ts";
import { FaultProxy, type SeenRequest } from "./fault-proxy.ts";

const PAUSE_MS = 20;
const SLOW_RATE = 0.5;
const MEET_MS_MAX = 90_000;

export interface WatchOptions {
  readonly bucket: Bucket;
  readonly graceMs: number;
  /** Takes leases away, so that processes do the same work at the same time. */
  readonly isWithoutLeases: boolean;
}

export class BucketWatch implements AsyncDisposable {
  readonly offences: string[] = [];
  readonly #options: WatchOptions;
  readonly #proxy: FaultProxy;
  /** When a block was last seen to live. */
  readonly #livedMs = new Map<string, number>();
  readonly #records = new Map<string, string>();
  readonly #ended: Promise<void>;
  #isOver = false;

  private constructor(options: WatchOptions, proxy: FaultProxy) {
    this.#options = options;
    this.#proxy = proxy;
    this.#ended = this.#run();
  }

  static async start(options: WatchOptions): Promise<BucketWatch> {
    const proxy = await FaultProxy.start(options.bucket.minio.port);
    const random = prng(1);
    // Reads of records too: others may write one before who reads does.
    const isSlow = (method: string, path: string) =>
      (method === "PUT" || path.includes("compactions")) && random.unit() < SLOW_RATE;
    proxy.plan = ({ method, path }) => (isSlow(method, path) ? "slow" : undefined);
    return new BucketWatch(options, proxy);
  }

  /** Where servers find the store. */
  get endpoint(): string {
    return this.#proxy.endpoint;
  }

  /**
   * From here on commits wait for each other: resolves when two processes have tried to write the
   * same generation at the same moment. `work` gives them something to merge, again and again.
   */
  async meeting(work: () => Promise<void>): Promise<void> {
    const before = this.#proxy.plan;
    this.#proxy.plan = (request, at) => (isCommit(request) ? "meets" : before(request, at));
    const untilMs = performance.now() + MEET_MS_MAX;
    while (this.#proxy.meetings === 0 && performance.now() < untilMs) await work();
    this.#proxy.plan = before;
    if (this.#proxy.meetings === 0) this.offences.push("no two processes commit at one moment");
  }

  /** Resolves with what was seen to be wrong. */
  async stop(): Promise<readonly string[]> {
    this.#isOver = true;
    await this.#ended;
    const taken = this.#proxy.seen.filter((one) => isCommit(one) && one.status === 200);
    for (const [path, { length }] of Map.groupBy(taken, ({ path }) => path)) {
      if (length > 1) this.#offence(`${path} was taken ${length} times`);
    }
    return this.offences;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#proxy[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      await this.#look();
      await Bun.sleep(PAUSE_MS);
    }
  }

  async #look(): Promise<void> {
    const { bucket, graceMs, isWithoutLeases } = this.#options;
    const beganMs = performance.now();
    for (const id of await bucket.live().catch(goneMeanwhile)) this.#livedMs.set(id, beganMs);
    const tags = await bucket.tags();
    const nowMs = performance.now();
    for (const [id, livedMs] of this.#livedMs) {
      if (tags.has(`blocks/${id}/block.parquet`)) continue;
      this.#livedMs.delete(id);
      // Half of it: when a record says that it was replaced is before the record is there.
      const ms = nowMs - livedMs;
      if (ms < graceMs / 2) this.#offence(`block ${id} lived ${ms.toFixed(0)} ms ago, no object`);
    }
    for (const [key, tag] of tags) {
      if (!key.startsWith("compactions/")) continue;
      const before = this.#records.get(key) ?? tag;
      this.#records.set(key, tag);
      if (tag !== before) this.#offence(`${key} was written again`);
    }
    const leases = [...tags.keys()].filter((key) => key.startsWith("leases/"));
    if (isWithoutLeases) await bucket.remove(leases);
  }

  #offence(what: string): void {
    this.offences.push(`seen in the bucket: ${what}`);
  }
}

/** A write of a record of compaction. */
function isCommit({ method, path }: Pick<SeenRequest, "method" | "path">): boolean {
  return method === "PUT" && path.includes("/compactions/");
}

/** A record that a newer one followed went between two requests. */
function goneMeanwhile(error: unknown): string[] {
  if (error instanceof Error && "code" in error && error.code === "NoSuchKey") return [];
  throw error;
}
