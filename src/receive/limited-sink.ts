/** A sink behind the tenants' limits: what is over them is refused before it takes any room. */
import type { RateLimiter } from "./rate-limit.ts";
import type { PieceSink, Verdict } from "./receive.ts";

/** offer() and offerPieces() throw what RateLimiter.take() throws. */
export function limitedSink(sink: PieceSink, rates: RateLimiter): PieceSink {
  const within = (
    tenant: string,
    bytes: number,
    offer: () => Promise<Verdict> | undefined,
  ): Promise<Verdict> | undefined => {
    rates.take(tenant, bytes);
    const offered = offer();
    if (offered === undefined) rates.giveBack(tenant, bytes);
    return offered;
  };
  return {
    offer: (tenant, request) =>
      within(tenant, request.byteLength, () => sink.offer(tenant, request)),
    offerPieces(tenant, pieces) {
      const bytes = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
      return within(tenant, bytes, () => sink.offerPieces(tenant, pieces));
    },
  };
}
