/**
 * Which query thread reads a block for questions in TraceQL, and keeps its columns: a block has one
 * owner as long as it is there, and all owners have about as many spans.
 */
import type { BlockMeta } from "../model/block-meta.ts";

type OwnedMeta = Pick<BlockMeta, "id" | "spans">;

export class BlockOwners {
  readonly #spans: number[];
  readonly #owned = new Map<string, { readonly owner: number; readonly spans: number }>();

  constructor(threads: number) {
    this.#spans = new Array<number>(threads).fill(0);
  }

  of({ id, spans }: OwnedMeta): number {
    const known = this.#owned.get(id);
    if (known !== undefined) return known.owner;
    const owner = this.#spans.indexOf(Math.min(...this.#spans));
    this.#spans[owner] += spans;
    this.#owned.set(id, { owner, spans });
    return owner;
  }

  remove(id: string): void {
    const known = this.#owned.get(id);
    if (known === undefined) return;
    this.#owned.delete(id);
    this.#spans[known.owner] -= known.spans;
  }
}
