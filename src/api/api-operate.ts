/** What probes, operators and scrapers call: `/ready`, `/flush`, `/metrics`. */

import { withDeadline } from "../base/deadline.ts";
import type { ApiOptions, Flusher, MetricsText, Readiness } from "./api-parts.ts";
import { textResponse } from "./api-response.ts";
import type { ApiHandler } from "./api-routes.ts";

export function readyHandler(readiness: Readiness): ApiHandler {
  return () => {
    const reasons = readiness.reasons();
    if (reasons.length === 0) return textResponse(200, "ready\n");
    return textResponse(503, `${reasons.join("\n")}\n`);
  };
}

/** Answers when the blocks are published. A client that goes before does not stop it. */
export function flushHandler(flusher: Flusher, { flushTimeoutMs }: ApiOptions): ApiHandler {
  const waited = `${flushTimeoutMs / 1000} s`;
  const message = `not all blocks are published after ${waited}; the flush goes on`;
  return async ({ request }) => {
    const deadline = { signal: request.signal, timeoutMs: flushTimeoutMs, message };
    await withDeadline(deadline, () => flusher.flush());
    return new Response(null, { status: 204 });
  };
}

export function metricsHandler(metrics: MetricsText): ApiHandler {
  return async () =>
    new Response(await metrics.text(), { headers: { "Content-Type": metrics.contentType } });
}
