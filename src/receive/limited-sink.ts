/** A sink behind the tenants' limits: what is over them is refused before it takes any room. */
import { EngineError } from "../base/error.ts";
import { countSpans } from "./count-spans.ts";
import type { RateLimiter } from "./rate-limit.ts";
import type { RequestSink } from "./receive.ts";

/**
 * offer() throws what RateLimiter.take() throws, with the number of spans: few requests come so
 * far, as most are refused before they are read.
 */
export function limitedSink(sink: RequestSink, rates: RateLimiter): RequestSink {
  return {
    get isFull() {
      return sink.isFull === true;
    },
    offer(tenant, request) {
      take(rates, tenant, request);
      const offered = sink.offer(tenant, request);
      if (offered === undefined) rates.giveBack(tenant, request.byteLength);
      return offered;
    },
  };
}

function take(rates: RateLimiter, tenant: string, request: Uint8Array): void {
  try {
    rates.take(tenant, request.byteLength);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const spans = countSpans(request);
    throw spans === undefined ? error : new EngineError(error.code, error.message, { spans });
  }
}
