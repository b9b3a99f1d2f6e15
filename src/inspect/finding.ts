/** What an inspection finds wrong: the object, by the name under which a person finds it. */
import { EngineError } from "../base/error.ts";

export interface Finding {
  readonly object: string;
  /** Lower case, without a full stop. */
  readonly reason: string;
}

/** Findings are told at once and counted; a disk full of damage must not fill the memory. */
export interface Findings {
  add(finding: Finding): void;
}

/** Runs a check; what the check says of damage is a finding. Other errors pass. */
export function finding<T>(findings: Findings, object: string, check: () => T): T | undefined {
  try {
    return check();
  } catch (error) {
    if (!isDamage(error)) throw error;
    findings.add({ object, reason: error.message });
    return undefined;
  }
}

export function isDamage(error: unknown): error is EngineError {
  return error instanceof EngineError && error.code === "block_corrupt";
}
