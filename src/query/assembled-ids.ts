/** Ids of assembled traces, 16 bytes each: of each trace any part's. */
import type { PlanOptions } from "./assembled-plan.ts";

const ID_BYTES = 16;

export function findTraceIds({ parts, traces, keeper, scratch, name }: PlanOptions): number {
  return keeper.get(
    `${name}ids`,
    () => traces * ID_BYTES,
    (at) => {
      for (const part of parts) {
        part.with(({ traceIds }) => {
          for (const [trace, from] of part.traces.entries()) {
            if (from < 0) continue;
            const source = traceIds + from * ID_BYTES;
            scratch.bytes.copyWithin(at + trace * ID_BYTES, source, source + ID_BYTES);
          }
        });
      }
      return at;
    },
  );
}
