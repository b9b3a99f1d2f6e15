/**
 * The receivers' way into the engine: copies a request into this thread's ring and resolves its
 * promise when ingest has answered.
 *
 * Answers come back in the order of the offers, so the promises wait in a queue; one wake-up of
 * the `done` counter resolves all that it covers. What finds the ring full waits in front of it:
 * receivers let in no more than may be in flight, and who is in is not sent away again.
 *
 * While ingest has much to do the thread rests for moments, until half of it is done: what comes
 * meanwhile stays in the kernel's buffers, where it costs no memory of ours, and would have waited
 * in the ring otherwise. So the processor is ingest's, one turn of the loop does more, for clients
 * as well, and those who are refused and come back at once are not heard more often than that. So
 * it does while there is no half to put anything into: those who do not wait when they are refused
 * would take the processor from the thread that makes one empty.
 *
 * Threads: one ingress Worker, with one ring.
 */

import {
  DISK_FAILED,
  MALFORMED,
  OK,
  OVERLOADED,
  TOO_LARGE,
  TOO_MANY_TRACES,
} from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { freeBytes } from "../base/free-bytes.ts";
import type { RequestSink, Verdict } from "../receive/receive.ts";
import { HEAD_FULL, REPLAYED, STORE_FULL, wakeIngest } from "../ring/control.ts";
import type { Ring, SlotOrders } from "../ring/ring.ts";
import { writeRequestFields } from "../wal/wal-format.ts";
import { ANSWER_BITS_AT, ANSWER_BITS_BYTES, ANSWER_CUT } from "./ingest-group.ts";
import { CUT_COUNTERS, HAS_LIMITS, TELLS_REFUSED } from "./request-limits.ts";
import type { TenantLimit, TenantLimits } from "./tenant-limits.ts";

export interface RingSinkOptions {
  readonly buffer: SharedArrayBuffer;
  readonly ring: Ring;
  readonly clock: Clock;
  readonly limits: TenantLimits;
  /** Verdicts are to say which spans were refused. */
  readonly tellsRefused: boolean;
  /** With so much in the ring the thread rests. */
  readonly restBytes: number;
  /** Called when the thread can no longer answer: a bug. */
  readonly onFailure: (error: unknown) => void;
}

interface Waiting {
  readonly due: number;
  readonly resolve: (verdict: Verdict) => void;
}

/** In front of the ring, with a copy of its bytes. */
interface Queued {
  readonly tenant: string;
  readonly request: Uint8Array;
  readonly resolve: (verdict: Verdict) => void;
}

const OUTCOMES = new Map<number, Verdict["outcome"]>([
  [OK, "stored"],
  [MALFORMED, "malformed"],
  [TOO_LARGE, "too_large"],
  [OVERLOADED, "overloaded"],
  [DISK_FAILED, "disk_failed"],
  [TOO_MANY_TRACES, "live_traces_exceeded"],
]);

export class RingSink implements RequestSink {
  readonly #ring: Ring;
  readonly #control: Int32Array;
  readonly #view: DataView;
  readonly #clock: Clock;
  readonly #encoder = new TextEncoder();
  /** Names as bytes; a name is checked before it comes here, and there are few. */
  readonly #tenants = new Map<string, Uint8Array>();
  readonly #bytes: Uint8Array;
  readonly #tellsRefused: boolean;
  readonly #restBytes: number;
  /** At most at a time. */
  #restMs = REST_MS;
  #isRestPlanned = false;
  /** By tenant and of the others; undefined where there is nothing to do. */
  #orders: {
    byTenant: ReadonlyMap<string, SlotOrders | undefined>;
    others: SlotOrders | undefined;
  };
  #waiting: Waiting[] = [];
  #queue: Queued[] = [];
  #queuedBytes = 0;
  /**
   * Counter up to which requests belong to a thread that ended before this one took the ring.
   * Their clients are gone; their answers are read and dropped.
   */
  #orphansUntil: number | undefined;

  constructor(options: RingSinkOptions) {
    this.#ring = options.ring;
    this.#clock = options.clock;
    this.#control = new Int32Array(options.buffer, 0, 4096);
    this.#view = new DataView(options.buffer);
    this.#bytes = new Uint8Array(options.buffer);
    this.#tellsRefused = options.tellsRefused;
    this.#restBytes = options.restBytes;
    this.#orders = this.#ordersOf(options.limits);
    this.#orphansUntil = options.ring.occupied ? options.ring.tail : undefined;
    this.#answer().catch(options.onFailure);
  }

  setLimits(limits: TenantLimits): void {
    this.#orders = this.#ordersOf(limits);
  }

  /** Whether the log has been replayed; before that nothing is taken. */
  get ready(): boolean {
    return Atomics.load(this.#control, REPLAYED) !== 0;
  }

  /** Whoever asks refuses a request when it is, and is made to do so more slowly. */
  get isFull(): boolean {
    if (!this.ready || this.#isStoreFull) return true;
    if (Atomics.load(this.#control, HEAD_FULL) === 0) return false;
    this.#planRest();
    return true;
  }

  /** The thread hears what does not wait longer than that: it rests no longer at a time. */
  limitRest(ms: number): void {
    this.#restMs = Math.min(this.#restMs, ms);
  }

  /** Blocks wait for their store, as many as may. */
  get #isStoreFull(): boolean {
    return Atomics.load(this.#control, STORE_FULL) !== 0;
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#waiting.length;
  }

  offer(tenant: string, request: Uint8Array): Promise<Verdict> | undefined {
    if (!this.ready || this.#isStoreFull) return undefined;
    // Who offers in one turn of the loop as long as packets come hears of answers here alone.
    if (this.#ring.answers) this.#reap();
    const due = this.#queue.length > 0 ? -1 : this.#put(tenant, request);
    if (due >= 0) return new Promise((resolve) => this.#waiting.push({ due, resolve }));
    const queuedBytes = this.#queuedBytes + request.byteLength;
    if (queuedBytes > this.#ring.capacity) return undefined;
    this.#queuedBytes = queuedBytes;
    return new Promise((resolve) => {
      // Not slice(), which of a Buffer is a view.
      this.#queue.push({ tenant, request: new Uint8Array(request), resolve });
    });
  }

  /** The counter at which the answer is due, or -1: there is no room. */
  #put(tenant: string, request: Uint8Array): number {
    const name = this.#tenantBytes(tenant);
    const fillHeader = (record: number) => {
      writeRequestFields(this.#view, record, {
        receivedMs: this.#clock.nowMs(),
        payloadBytes: request.byteLength,
        tenantBytes: name.byteLength,
      });
    };
    const { byTenant, others } = this.#orders;
    const orders = byTenant.size > 0 && byTenant.has(tenant) ? byTenant.get(tenant) : others;
    const due = this.#ring.offer(name, request, { fillHeader, orders });
    if (due >= 0) wakeIngest(this.#control);
    return due;
  }

  /** Of those in front of the ring as many as have room in it now, in their order. */
  #putQueued(): void {
    let put = 0;
    for (const { tenant, request, resolve } of this.#queue) {
      const due = this.#put(tenant, request);
      if (due < 0) break;
      this.#waiting.push({ due, resolve });
      this.#queuedBytes -= request.byteLength;
      freeBytes(request);
      put += 1;
    }
    if (put > 0) this.#queue = this.#queue.slice(put);
  }

  async #answer(): Promise<void> {
    for (;;) {
      const seen = this.#ring.done;
      this.#reap();
      if (this.#queue.length > 0) this.#putQueued();
      if (this.#ring.backlogBytes < this.#restBytes) await this.#ring.answered(seen);
      else await this.#rest();
    }
  }

  /** After all that has come by now was refused. */
  #planRest(): void {
    if (this.#isRestPlanned) return;
    this.#isRestPlanned = true;
    setImmediate(() => {
      this.#isRestPlanned = false;
      Atomics.wait(this.#control, HEAD_FULL, 1, this.#restMs);
    });
  }

  /** After the answers have gone and what has come by now was looked at. */
  async #rest(): Promise<void> {
    await new Promise(setImmediate);
    const end = performance.now() + this.#restMs;
    for (let left = this.#restMs; left > 0; left = end - performance.now()) {
      const seen = this.#ring.done;
      if (this.#ring.backlogBytes < this.#restBytes / 2) return;
      this.#ring.sleep(seen, left);
    }
  }

  #reap(): void {
    const queue = this.#waiting;
    let answered = 0;
    this.#ring.reap((next, words, at) => {
      if (this.#orphansUntil !== undefined) {
        if (next === this.#orphansUntil) this.#orphansUntil = undefined;
        return;
      }
      const { due, resolve } = queue[answered];
      assert(due === next, "sink: answers out of order");
      answered += 1;
      const outcome = OUTCOMES.get(words[at]);
      assert(outcome !== undefined, "sink: unknown result");
      resolve({
        outcome,
        accepted: words[at + 1],
        rejected: {
          invalidTraceId: words[at + 2],
          invalidSpanId: words[at + 3],
          invalidUtf8: words[at + 4],
          overLimit: words[at + 5],
          traceTooLarge: words[at + 6],
          liveTraces: words[at + 7],
        },
        ...cutOf(words, at + ANSWER_CUT),
        ...this.#refusedOf(words, at),
      });
    });
    if (answered > 0) this.#waiting = queue.slice(answered);
  }

  #refusedOf(words: Uint32Array, at: number): Pick<Verdict, "refusedBits"> {
    const length = words[at + ANSWER_BITS_BYTES];
    if (length === 0) return {};
    const from = words[at + ANSWER_BITS_AT];
    return { refusedBits: this.#bytes.slice(from, from + length) };
  }

  #ordersOf({ byTenant, others }: TenantLimits) {
    const ordersOf = (limit: TenantLimit): SlotOrders | undefined => {
      const { attributeBytesMax, attributeKeysMax, traceBytesMax, liveTracesMax } = limit;
      const limits = [attributeBytesMax, attributeKeysMax, traceBytesMax, liveTracesMax];
      const hasLimits = limits.some((one) => one > 0) ? HAS_LIMITS : 0;
      const orders = hasLimits + (this.#tellsRefused ? TELLS_REFUSED : 0);
      return orders === 0 ? undefined : { orders, limits };
    };
    return {
      byTenant: new Map([...byTenant].map(([tenant, limit]) => [tenant, ordersOf(limit)])),
      others: ordersOf(others),
    };
  }

  #tenantBytes(tenant: string): Uint8Array {
    let bytes = this.#tenants.get(tenant);
    if (!bytes) {
      bytes = this.#encoder.encode(tenant);
      if (this.#tenants.size >= TENANTS_KEPT_MAX) this.#tenants.clear();
      this.#tenants.set(tenant, bytes);
    }
    return bytes;
  }
}

function cutOf(words: Uint32Array, at: number): Pick<Verdict, "cut"> {
  const [resource, scope, span, event, link] = words.subarray(at, at + CUT_COUNTERS);
  if (resource + scope + span + event + link === 0) return {};
  return { cut: { resource, scope, span, event, link } };
}

/** While nothing is heard that does not wait. */
const REST_MS = 100;

/** Names are cheap to encode again; the map only must not grow for ever. */
const TENANTS_KEPT_MAX = 10_000;
