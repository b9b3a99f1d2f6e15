/**
 * Whose turn it is on a query thread. Work is done in steps without waiting; between two steps the
 * thread hears messages, and the question that has had the least time so far goes next: small
 * questions overtake large ones, and a tenant with many waits behind one with few.
 *
 * Threads: one.
 */
import type { Clock } from "../base/clock.ts";

export interface Turn {
  /** Time that this question, and then its tenant, has had. */
  usedMs: number;
  readonly tenant: string;
}

interface Waiting {
  readonly turn: Turn;
  resolve(): void;
}

export class Turns {
  readonly #clock: Pick<Clock, "nowMs">;
  readonly #waiting: Waiting[] = [];
  readonly #usedBy = new Map<string, number>();
  #isScheduled = false;

  constructor(clock: Pick<Clock, "nowMs">) {
    this.#clock = clock;
  }

  begin(tenant: string): Turn {
    return { usedMs: 0, tenant };
  }

  /** One step: waits for its turn, then runs it. */
  async step<T>(turn: Turn, work: () => T): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ turn, resolve });
    this.#schedule();
    await promise;
    const startMs = this.#clock.nowMs();
    try {
      return work();
    } finally {
      const ms = this.#clock.nowMs() - startMs;
      turn.usedMs += ms;
      this.#usedBy.set(turn.tenant, (this.#usedBy.get(turn.tenant) ?? 0) + ms);
      this.#schedule();
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#waiting.length === 0) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#next()?.resolve();
      // The step runs in a microtask; whoever waits is next after it.
      if (this.#waiting.length === 0) this.#usedBy.clear();
      else this.#schedule();
    });
  }

  #next(): Waiting | undefined {
    const used = ({ turn }: Waiting) => turn.usedMs + (this.#usedBy.get(turn.tenant) ?? 0);
    let best = 0;
    for (let i = 1; i < this.#waiting.length; i++) {
      if (used(this.#waiting[i]) < used(this.#waiting[best])) best = i;
    }
    return this.#waiting.splice(best, 1)[0];
  }
}
