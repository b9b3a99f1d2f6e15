/**
 * What requests of the streaming gRPC ask: as over HTTP, with zeros for what is not said, and
 * refused in the same words.
 */
import { EngineError } from "../base/error.ts";
import type {
  QueryInstantRequest,
  QueryRangeRequest,
  SearchRequest,
  SearchTagsRequest,
  SearchTagValuesRequest,
} from "../proto-gen/tempopb/tempo_pb.ts";
import type { InstantAsk, MetricsAsk } from "./metrics-question.ts";
import { checkDurations, checkSeconds, type SearchAsk } from "./search-question.ts";
import type { TagNamesAsk } from "./tag-names-question.ts";
import type { TagValuesAsk } from "./tag-values-question.ts";
import { NS_PER_SECOND, type TimeRange } from "./time-params.ts";

const NS_PER_MS = 1_000_000n;

/** Throws `malformed`. */
export function searchAsk(request: SearchRequest): SearchAsk {
  const { start, end } = request;
  checkSeconds(start, end);
  return checkDurations({
    query: request.Query,
    tags: new Map(Object.entries(request.Tags)),
    minDurationNano: durationOf(request.MinDurationMs),
    maxDurationNano: durationOf(request.MaxDurationMs),
    range: rangeOf(start, end),
    limit: request.Limit,
    spansPerSpanSet: request.SpansPerSpanSet,
  });
}

/** `staleValuesThreshold` lets Tempo give up early and answer less; all names are given here. */
export function tagNamesAsk(version: 1 | 2, request: SearchTagsRequest): TagNamesAsk {
  const { scope, query, start, end, maxTagsPerScope: limit } = request;
  return { version, scope, query, range: rangeOf(start, end), limit };
}

/** Likewise, all values. */
export function tagValuesAsk(version: 1 | 2, request: SearchTagValuesRequest): TagValuesAsk {
  const { tagName: name, query, start, end, maxTagValues: limit } = request;
  return { version, name, query, range: rangeOf(start, end), limit };
}

/** Throws `malformed`. */
export function rangeAsk(request: QueryRangeRequest): MetricsAsk {
  const { step, exemplars, maxSeries } = request;
  return {
    ...instantAsk(request),
    stepNano: step === 0n ? undefined : signed("step", step),
    exemplars,
    maxSeries,
  };
}

/** Throws `malformed`. */
export function instantAsk({
  query,
  start,
  end,
}: Pick<QueryInstantRequest, "query" | "start" | "end">): InstantAsk {
  return { query, startNano: signed("start", start), endNano: signed("end", end) };
}

function signed(name: string, value: bigint): bigint {
  if (BigInt.asIntN(64, value) === value) return value;
  throw new EngineError("malformed", `invalid ${name}: value out of range`);
}

function durationOf(ms: number): bigint | undefined {
  return ms === 0 ? undefined : BigInt(ms) * NS_PER_MS;
}

/** Unix seconds; two zeros are all of time. */
function rangeOf(start: number, end: number): TimeRange {
  if (start === 0 && end === 0) return { startNano: undefined, endNano: undefined };
  return { startNano: BigInt(start) * NS_PER_SECOND, endNano: BigInt(end) * NS_PER_SECOND };
}
