/** Which block an error is about. */
import { EngineError } from "../base/error.ts";
import type { ListedBlock } from "./trace-by-id.ts";

/** Whatever is damaged in the call is of this block, unless the error says another. */
export function naming<T>({ meta: { id } }: Pick<ListedBlock, "meta">, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
    if (error.block !== undefined) throw error;
    const message = `block ${id}: ${error.message}`;
    throw new EngineError(error.code, message, { cause: error, block: id });
  }
}
