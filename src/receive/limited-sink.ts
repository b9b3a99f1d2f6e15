/** A sink behind the tenants' limits: what is over them is refused before it takes any room. */
import { EngineError } from "../base/error.ts";
import { countSpans } from "./count-spans.ts";
import type { RateLimiter } from "./rate-limit.ts";
import type { PieceSink, Verdict } from "./receive.ts";

/**
 * offer() and offerPieces() throw what RateLimiter.take() throws, with the number of spans: few
 * requests come so far, as most are refused before they are read.
 */
export function limitedSink(sink: PieceSink, rates: RateLimiter): PieceSink {
  const within = (
    tenant: string,
    pieces: readonly Uint8Array[],
    offer: () => Promise<Verdict> | undefined,
  ): Promise<Verdict> | undefined => {
    const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
    take(rates, { tenant, bytes, pieces });
    const offered = offer();
    if (offered === undefined) rates.giveBack(tenant, bytes);
    return offered;
  };
  return {
    get isFull() {
      return sink.isFull === true;
    },
    offer: (tenant, request) => within(tenant, [request], () => sink.offer(tenant, request)),
    offerPieces: (tenant, pieces) => within(tenant, pieces, () => sink.offerPieces(tenant, pieces)),
  };
}

interface Request {
  readonly tenant: string;
  readonly bytes: number;
  readonly pieces: readonly Uint8Array[];
}

function take(rates: RateLimiter, { tenant, bytes, pieces }: Request): void {
  try {
    rates.take(tenant, bytes);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const spans = countSpans(pieces);
    throw spans === undefined ? error : new EngineError(error.code, error.message, { spans });
  }
}
