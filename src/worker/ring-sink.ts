/**
 * The receivers' way into the engine: copies a request into this thread's ring and resolves its
 * promise when ingest has answered.
 *
 * Answers come back in the order of the offers, so the promises wait in a queue; one wake-up of
 * the `done` counter resolves all that it covers.
 *
 * Threads: one ingress Worker, with one ring.
 */

import { DISK_FAILED, MALFORMED, OK, OVERLOADED, TOO_LARGE } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { PieceSink, Verdict } from "../receive/receive.ts";
import { HEAD_FULL, REPLAYED, STORE_FULL, wakeIngest } from "../ring/control.ts";
import type { Ring, RingPayload } from "../ring/ring.ts";
import { writeRequestFields } from "../wal/wal-format.ts";

export interface RingSinkOptions {
  readonly buffer: SharedArrayBuffer;
  readonly ring: Ring;
  readonly clock: Clock;
  /** Called when the thread can no longer answer: a bug. */
  readonly onFailure: (error: unknown) => void;
}

interface Waiting {
  readonly due: number;
  readonly resolve: (verdict: Verdict) => void;
}

const OUTCOMES = new Map<number, Verdict["outcome"]>([
  [OK, "stored"],
  [MALFORMED, "malformed"],
  [TOO_LARGE, "too_large"],
  [OVERLOADED, "overloaded"],
  [DISK_FAILED, "disk_failed"],
]);

export class RingSink implements PieceSink {
  readonly #ring: Ring;
  readonly #control: Int32Array;
  readonly #view: DataView;
  readonly #clock: Clock;
  readonly #encoder = new TextEncoder();
  /** Names as bytes; a name is checked before it comes here, and there are few. */
  readonly #tenants = new Map<string, Uint8Array>();
  #waiting: Waiting[] = [];
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
    this.#orphansUntil = options.ring.occupied ? options.ring.tail : undefined;
    this.#answer().catch(options.onFailure);
  }

  /** Whether the log has been replayed; before that nothing is taken. */
  get ready(): boolean {
    return Atomics.load(this.#control, REPLAYED) !== 0;
  }

  get isFull(): boolean {
    return !this.ready || this.#isStoreFull || Atomics.load(this.#control, HEAD_FULL) !== 0;
  }

  /** Blocks wait for their store, as many as may. */
  get #isStoreFull(): boolean {
    return Atomics.load(this.#control, STORE_FULL) !== 0;
  }

  /** Requests that wait for their answer. */
  get waiting(): number {
    return this.#waiting.length;
  }

  offerPieces(tenant: string, pieces: readonly Uint8Array[]): Promise<Verdict> | undefined {
    const byteLength = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    return this.offer(tenant, { pieces, byteLength });
  }

  offer(tenant: string, request: Uint8Array | RingPayload): Promise<Verdict> | undefined {
    if (!this.ready || this.#isStoreFull) return undefined;
    const name = this.#tenantBytes(tenant);
    const fill = (record: number) => {
      writeRequestFields(this.#view, record, {
        receivedMs: this.#clock.nowMs(),
        payloadBytes: request.byteLength,
        tenantBytes: name.byteLength,
      });
    };
    const due = this.#ring.offer(name, request, fill);
    if (due < 0) return undefined;
    wakeIngest(this.#control);
    return new Promise((resolve) => this.#waiting.push({ due, resolve }));
  }

  async #answer(): Promise<void> {
    for (;;) {
      const seen = this.#ring.done;
      this.#reap();
      await this.#ring.answered(seen);
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
        },
      });
    });
    if (answered > 0) this.#waiting = queue.slice(answered);
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

/** Names are cheap to encode again; the map only must not grow for ever. */
const TENANTS_KEPT_MAX = 10_000;
