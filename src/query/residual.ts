/** Attributes that have no column: by key, which entries have a value. */
import type { DataValue } from "../model/data-value.ts";
import { readPairs } from "./any-value.ts";

/** Of objects and keys; the texts come on top. */
const PAIR_BYTES = 96;

export class ResidualIndex {
  readonly #byKey = new Map<string, (readonly [number, DataValue])[]>();
  #heldBytes = 0;

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** `residual` holds KeyValue fields. Entries ascend. */
  add(entry: number, residual: Uint8Array): void {
    this.#heldBytes += residual.length;
    for (const { key, value } of readPairs(residual)) {
      const pairs = this.#byKey.get(key);
      // Of equal keys the first one counts.
      if (pairs === undefined) this.#byKey.set(key, [[entry, value]]);
      else if (pairs[pairs.length - 1][0] !== entry) pairs.push([entry, value]);
      this.#heldBytes += PAIR_BYTES;
    }
  }

  get(key: string): readonly (readonly [number, DataValue])[] | undefined {
    return this.#byKey.get(key);
  }

  keys(): Iterable<string> {
    return this.#byKey.keys();
  }
}
