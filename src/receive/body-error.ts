/** What is wrong with a body, as errors that become the answer. */
import { EngineError } from "../base/error.ts";

/** More comes out of a body than may; nothing beyond the bound was kept. */
export function decompressedTooLarge(bytesMax: number): EngineError {
  return new EngineError("too_large", `body is over ${bytesMax} bytes when decompressed`);
}

export function bodyTooLarge(bytesMax: number): EngineError {
  return new EngineError("too_large", `body is over the limit of ${bytesMax} bytes`);
}

/** Cut off, or changed on its way, or never was what its Content-Encoding says. */
export function bodyDamaged(encoding: string, what: string, cause?: unknown): EngineError {
  const options = cause === undefined ? undefined : { cause };
  return new EngineError("malformed", `${encoding} body is damaged: ${what}`, options);
}

/** A body that is not worth the wait: the answer ends the connection. */
export class BodyAbandoned extends EngineError {}
