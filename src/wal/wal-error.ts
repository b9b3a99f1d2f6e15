/** What a log can answer when the disk, or the log's own bound, says no. */
import { EngineError } from "../base/error.ts";

/**
 * - `full`: no room on the disk or in the quota; goes away when there is room.
 * - `failed`: any other error of the disk.
 * - `bound`: the log would grow past its own limit; goes away when segments are released.
 */
export type WalErrorKind = "full" | "failed" | "bound";

export class WalError extends EngineError {
  readonly kind: WalErrorKind;

  constructor(kind: WalErrorKind, message: string, options?: { cause: unknown }) {
    super(kind === "bound" ? "overloaded" : "disk_failed", message, options);
    this.kind = kind;
  }
}

/** Turns an error of the disk into a WalError; throws whatever is not one (a bug) as it is. */
export function walError(error: unknown): WalError {
  if (error instanceof WalError) return error;
  const code = errorCode(error);
  if (code === undefined) throw error;
  const kind = code === "ENOSPC" || code === "EDQUOT" ? "full" : "failed";
  return new WalError(kind, `log: ${(error as Error).message}`, { cause: error });
}

/** "ENOSPC" and the like; undefined for what did not come from the disk. */
export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}
