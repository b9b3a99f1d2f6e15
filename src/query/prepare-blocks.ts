/**
 * What any question must know of a block before it looks at it, found when the block comes and the
 * thread has nothing else to do: the first question after many blocks then finds it done. Only of
 * tenants that were asked about lately.
 *
 * Threads: one.
 */
import type { Clock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";
import type { Segments } from "./segments.ts";
import type { Turns } from "./turns.ts";

export interface PrepareBlocksOptions {
  readonly segments: Pick<Segments, "prepare">;
  readonly turns: Pick<Turns, "beginIdle">;
  readonly clock: Pick<Clock, "nowMs">;
}

/** Whoever was asked about before may not be again. */
const ASKED_MS = 600_000;
/** Each block of a cut costs as much as there are tenants. */
const TENANTS_MAX = 8;

const NOBODY = new AbortController().signal;

export class PrepareBlocks {
  readonly #options: PrepareBlocksOptions;
  /** By tenant when it was asked about last; the latest last. */
  readonly #asked = new Map<string, number>();
  /** By tenant the blocks that came while others are prepared. */
  readonly #waiting = new Map<string, Set<string>>();
  #doing: Promise<void> | undefined;

  constructor(options: PrepareBlocksOptions) {
    this.#options = options;
  }

  asked(tenants: readonly string[]): void {
    for (const tenant of tenants) {
      this.#asked.delete(tenant);
      this.#asked.set(tenant, this.#options.clock.nowMs());
    }
    for (const oldest of this.#asked.keys()) {
      if (this.#asked.size <= TENANTS_MAX) break;
      this.#asked.delete(oldest);
    }
  }

  /** A block is there, and in the lists. Resolves when nothing is left to do. */
  async came({
    id,
    tenants,
  }: {
    readonly id: string;
    readonly tenants: readonly { readonly name: string }[];
  }): Promise<void> {
    const since = this.#options.clock.nowMs() - ASKED_MS;
    for (const { name } of tenants) {
      if ((this.#asked.get(name) ?? Number.NEGATIVE_INFINITY) < since) continue;
      const ids = this.#waiting.get(name) ?? new Set();
      this.#waiting.set(name, ids.add(id));
    }
    this.#doing ??= this.#run().finally(() => {
      this.#doing = undefined;
    });
    await this.#doing;
  }

  async #run(): Promise<void> {
    const { segments, turns } = this.#options;
    for (const [tenant, ids] of this.#waiting) {
      this.#waiting.delete(tenant);
      try {
        await segments.prepare(ids, { tenant, turn: turns.beginIdle(tenant), signal: NOBODY });
      } catch (error) {
        // Whoever asks finds the same, and says so.
        if (!(error instanceof EngineError)) throw error;
      }
    }
  }
}
