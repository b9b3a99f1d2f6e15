/** What clients are told of requests that the engine did not keep. */
import { EngineError, refusal } from "../base/error.ts";
import { rejectedCount } from "./otlp-response.ts";
import type { Verdict } from "./receive.ts";

export type Refusal = Exclude<Verdict["outcome"], "stored">;

export const REFUSALS: Record<Refusal, string> = {
  malformed: "the body is not a valid ExportTraceServiceRequest",
  too_large: "the request has more spans, events or bytes than the engine takes at once",
  overloaded: "the server is over its limits, try again",
  disk_failed: "the log cannot be written, try again",
  live_traces_exceeded:
    "LIVE_TRACES_EXCEEDED: the tenant has as many live traces as it may, try again",
};

/** Throws when nothing of the request was kept. */
export function throwUnlessStored({ outcome, rejected }: Verdict): void {
  if (outcome === "stored") return;
  const spans = rejectedCount(rejected);
  throw new EngineError(outcome, REFUSALS[outcome], spans > 0 ? { spans } : undefined);
}

/** Nothing is taken now. */
export function overloaded(): EngineError {
  return refusal("overloaded", REFUSALS.overloaded);
}
