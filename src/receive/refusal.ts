/** What clients are told of requests that the engine did not keep. */
import type { Verdict } from "./receive.ts";

type Refusal = Exclude<Verdict["outcome"], "stored">;

export const REFUSALS: Record<Refusal, string> = {
  malformed: "the body is not a valid ExportTraceServiceRequest",
  too_large: "the request has more spans, events or bytes than the engine takes at once",
  overloaded: "the server is over its limits, try again",
  disk_failed: "the log cannot be written, try again",
};
