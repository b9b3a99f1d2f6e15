/** Searches as requests of HTTP and gRPC bring them, and the question that they make. */
import { EngineError } from "../base/error.ts";
import type { SearchQuestion } from "../query/question.ts";
import type { Query } from "../traceql/ast.ts";
import { check } from "../traceql/check.ts";
import { TraceqlError } from "../traceql/traceql-error.ts";
import { boundedRange, type QueryLimits, type QuestionContext } from "./query-limits.ts";
import { checkQuerySize, readQuery } from "./query-text.ts";
import { tagSearch } from "./tag-search.ts";
import type { TimeRange } from "./time-params.ts";

export interface SearchAsk {
  /** TraceQL; empty: the tags are what is searched. */
  readonly query: string;
  readonly tags: ReadonlyMap<string, string>;
  /** Of the trace, both included; undefined: any. */
  readonly minDurationNano: bigint | undefined;
  readonly maxDurationNano: bigint | undefined;
  readonly range: TimeRange;
  /** 0: what the limits have as default. */
  readonly limit: number;
  readonly spansPerSpanSet: number;
}

/** Unix seconds; two zeros are all of time. Throws `malformed`. */
export function checkSeconds(start: number, end: number): void {
  if ((start === 0 && end === 0) || end > start) return;
  const received = `received start=${start} end=${end}`;
  throw new EngineError("malformed", `http parameter start must be before end. ${received}`);
}

/** What it got; throws `malformed`. */
export function checkDurations<Ask extends Pick<SearchAsk, "minDurationNano" | "maxDurationNano">>(
  ask: Ask,
): Ask {
  const { minDurationNano: min, maxDurationNano: max } = ask;
  if (min === undefined || max === undefined || min <= max) return ask;
  throw new EngineError("malformed", "invalid maxDuration: must be greater than minDuration");
}

/** Throws `malformed`. */
export function searchQuestion(ask: SearchAsk, context: QuestionContext): SearchQuestion {
  const { tenants, limits } = context;
  checkQuerySize(ask.query, limits.queryBytesMax);
  const limit = traceLimit(ask.limit, limits);
  const isTagSearch = ask.query === "";
  const query = isTagSearch ? checkedTagSearch(ask.tags) : readSearch(ask.query);
  const range = boundedRange(ask.range, context);
  return {
    type: "search",
    tenants,
    query,
    ...range,
    limit,
    spansPerSpanSet: spanLimit(ask.spansPerSpanSet, limits),
    minDurationNano: ask.minDurationNano,
    maxDurationNano: ask.maxDurationNano,
    withoutSpanSets: isTagSearch,
  };
}

function traceLimit(asked: number, { searchTracesDefault, searchTracesMax }: QueryLimits): number {
  if (asked === 0) return searchTracesDefault;
  if (searchTracesMax !== 0 && asked > searchTracesMax) {
    throw new EngineError("malformed", `limit ${asked} exceeds max limit ${searchTracesMax}`);
  }
  return asked;
}

function spanLimit(asked: number, { searchSpansDefault, searchSpansMax }: QueryLimits): number {
  if (searchSpansMax !== 0 && asked > searchSpansMax) {
    const message = `spans per span set exceeds ${searchSpansMax}. received ${asked}`;
    throw new EngineError("malformed", message);
  }
  return asked === 0 ? searchSpansDefault : asked;
}

/** Of metrics the spans are found; there is nothing to find for arithmetic between metrics. */
function readSearch(text: string): Query {
  const query = readQuery(text);
  if (query.body.node !== "metricsOperation") return query;
  // It is the query as a whole.
  const message = "invalid TraceQL query: math expressions not supported";
  throw new TraceqlError(message, { line: 1, column: 1 }, "meaning");
}

/** A tag may be too long to be searched for. */
function checkedTagSearch(tags: ReadonlyMap<string, string>): Query {
  const query = tagSearch(tags);
  check(query);
  return query;
}
