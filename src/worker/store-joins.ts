/**
 * Blocks that were cut and wait to be joined before their upload (compact/plan-joins.ts). Main
 * does the merge in a thread of its own, one at a time.
 *
 * Threads: the store thread.
 */
import { type JoinState, planJoins } from "../compact/plan-joins.ts";
import type { BlockMeta } from "../model/block-meta.ts";

export interface StoreJoinsOptions {
  readonly state: () => JoinState;
  /** Asks for a merge; joined() or failed() follows. */
  readonly join: (inputs: readonly BlockMeta[]) => void;
  /** These are to be uploaded. */
  readonly upload: (metas: readonly BlockMeta[]) => void;
}

export class StoreJoins {
  readonly #options: StoreJoinsOptions;
  /** By id, those that are being joined too. */
  readonly #young = new Map<string, BlockMeta>();
  #joining: readonly BlockMeta[] = [];

  constructor(options: StoreJoinsOptions) {
    this.#options = options;
  }

  get blocks(): number {
    return this.#young.size;
  }

  get bytes(): number {
    let bytes = 0;
    for (const meta of this.#young.values()) bytes += meta.dataBytes + meta.sidecarBytes;
    return bytes;
  }

  add(metas: readonly BlockMeta[]): void {
    for (const meta of metas) this.#young.set(meta.id, meta);
    this.tick();
  }

  /** Now and then. */
  tick(): void {
    if (this.#young.size === 0) return;
    const busy = new Set(this.#joining.map(({ id }) => id));
    const free = [...this.#young.values()].filter(({ id }) => !busy.has(id));
    const { joins, ready } = planJoins(free, this.#options.state());
    for (const { id } of ready) this.#young.delete(id);
    if (ready.length > 0) this.#options.upload(ready);
    if (this.#joining.length > 0 || joins.length === 0) return;
    this.#joining = joins[0];
    this.#options.join(joins[0]);
  }

  /** What there is instead, which is as large as it gets. */
  joined(outputs: readonly BlockMeta[]): void {
    for (const { id } of this.#joining) this.#young.delete(id);
    this.#joining = [];
    this.#options.upload(outputs);
    this.tick();
  }

  /** They are uploaded as they are. */
  failed(): void {
    const inputs = this.#joining;
    this.joined(inputs);
  }
}
