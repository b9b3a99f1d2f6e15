/** What readers of blocks say when a file is not as it was written. */
import { basename } from "node:path";
import { EngineError } from "../base/error.ts";

/** `what` is lower case and names the part: "page header cut off". */
export function blockCorrupt(what: string): EngineError {
  return new EngineError("block_corrupt", what);
}

/** Errors of the call say which block they are of; `folder` is where it lies, and has its id. */
export function namingBlock<T>(folder: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const name = `block ${folder}: `;
    if (error.message.startsWith(name)) throw error;
    const block = error.block ?? basename(folder);
    throw new EngineError(error.code, name + error.message, { cause: error, block });
  }
}
