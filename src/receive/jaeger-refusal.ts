/**
 * Jaeger has no answer for a batch of which a part was refused. So it is the answer to a batch
 * that is wrong, with a text that says what was refused and that the rest is stored: clients log
 * it, and do not send again.
 */
import { partialSuccessOf } from "./otlp-response.ts";
import type { Verdict } from "./receive.ts";

/** What of a stored request was refused, as a sentence; undefined when nothing was. */
export function refusedPart({ accepted, rejected }: Verdict): string | undefined {
  const message = partialSuccessOf(rejected)?.errorMessage;
  if (message === undefined || accepted === 0) return message;
  return `${message}; the other ${accepted} are stored, do not send them again`;
}
