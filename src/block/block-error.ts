/** What readers of blocks say when a file is not as it was written. */
import { EngineError } from "../base/error.ts";

/** `what` is lower case and names the part: "page header cut off". */
export function blockCorrupt(what: string): EngineError {
  return new EngineError("block_corrupt", what);
}
