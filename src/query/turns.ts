/**
 * Whose turn it is on a query thread. Work is done in steps without waiting; between two steps the
 * thread hears messages, and the next step is that of the question that has had the least time:
 * small questions overtake large ones, and a tenant with many waits behind one with few. Waiting
 * counts as well, so nobody waits for ever.
 *
 * Threads: one.
 */
import { KiB, MiB } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { GarbageCount } from "../base/garbage.ts";

export interface Turn {
  /** Time that this question has had. */
  usedMs: number;
  readonly tenant: string;
  /** Numbers the questions of the thread; higher than those of all that began before. */
  readonly question: number;
  /** When nobody waits for the answer any more. */
  readonly untilMs: number;
  /** Only when nobody else waits. */
  readonly isIdle?: boolean;
}

interface Waiting {
  readonly turn: Turn;
  readonly sinceMs: number;
  resolve(): void;
}

/** More than this counts as this: so long a large question lets small ones pass. */
const USED_MS_MAX = 200;
/** After so long the time that a tenant has had counts half. */
const TENANT_HALF_MS = 1000;
/** More than anybody's. */
const IDLE_COST = Number.MAX_VALUE;
/** A tenant that has had less than this is forgotten. */
const TENANT_MS_MIN = 1;

/** What steps leave behind, about: answers, and what was read for them. */
const GARBAGE_BYTES_A_MS = 64 * KiB;
const GARBAGE_BYTES_MAX = 48 * MiB;

interface TenantTime {
  ms: number;
  atMs: number;
}

export class Turns {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #waiting: Waiting[] = [];
  readonly #tenants = new Map<string, TenantTime>();
  readonly #garbage = new GarbageCount(GARBAGE_BYTES_MAX);
  #isScheduled = false;
  #questions = 0;

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  begin(
    tenant: string,
    { untilMs = Number.POSITIVE_INFINITY, usedMs = 0, isAgain = false } = {},
  ): Turn {
    if (!isAgain) this.#questions++;
    return { usedMs, tenant, untilMs, question: this.#questions };
  }

  get nowMs(): number {
    return this.#clock.nowMs();
  }

  /** Of work that nobody waits for. */
  beginIdle(tenant: string): Turn {
    return { ...this.begin(tenant), isIdle: true };
  }

  /** One step: waits for its turn, then runs it. */
  async step<T>(turn: Turn, work: () => T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ turn, sinceMs: this.#clock.nowMs(), resolve });
    this.#schedule();
    await promise;
    const startMs = this.#clock.nowMs();
    try {
      return work();
    } finally {
      const endMs = this.#clock.nowMs();
      turn.usedMs += endMs - startMs;
      // Questions about the tenant are not to wait for it.
      const counted = turn.isIdle === true ? 0 : endMs - startMs;
      const ms = this.#tenantMs(turn.tenant, endMs) + counted;
      this.#tenants.set(turn.tenant, { ms, atMs: endMs });
      this.#garbage.note((endMs - startMs) * GARBAGE_BYTES_A_MS);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      // The step runs in a microtask; whoever waits is next after it.
      this.#next(this.#clock.nowMs())?.resolve();
      this.#schedule();
    });
  }

  #next(nowMs: number): Waiting | undefined {
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [i, { turn, sinceMs }] of this.#waiting.entries()) {
      const used = Math.min(turn.usedMs, USED_MS_MAX) + this.#tenantMs(turn.tenant, nowMs);
      const cost = turn.isIdle === true ? IDLE_COST : used - (nowMs - sinceMs);
      if (cost >= least) continue;
      least = cost;
      best = i;
    }
    return this.#waiting.splice(best, 1)[0];
  }

  #tenantMs(tenant: string, nowMs: number): number {
    const time = this.#tenants.get(tenant);
    if (time === undefined) return 0;
    const ms = time.ms * 0.5 ** ((nowMs - time.atMs) / TENANT_HALF_MS);
    if (ms < TENANT_MS_MIN) this.#tenants.delete(tenant);
    return ms;
  }
}
