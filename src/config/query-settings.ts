/** The settings of questions: what they are bounded by, and what holds when they do not say. */
import { z } from "zod";
import { KiB } from "../base/bytes.ts";
import type { QueryConfig } from "./config.ts";
import {
  EXEMPLARS_DEFAULT,
  EXEMPLARS_MAX,
  METRICS_STEPS_DEFAULT,
  METRICS_STEPS_MAX,
  QUERY_BYTES_MAX,
  QUERY_TIMEOUT_MS_DEFAULT,
  SEARCH_SPANS_DEFAULT,
  SEARCH_SPANS_MAX_DEFAULT,
  SEARCH_TRACES_DEFAULT,
  SEARCH_TRACES_MAX_DEFAULT,
  STREAM_PACKET_BYTES_DEFAULT,
  STREAM_PACKET_BYTES_MAX,
  STREAM_PACKET_BYTES_MIN,
  TAG_VALUES_BYTES_DEFAULT,
  TAG_VALUES_BYTES_MAX,
} from "./limits.ts";
import type { Setting } from "./table/key.ts";
import { bytesBetween, wholeMs } from "./value/bounded.ts";
import { count, makeValue, type Value } from "./value/value.ts";

function querySetting<T>(
  one: Omit<Setting<T>, "kind" | "read"> & { readonly read: (query: QueryConfig) => T },
): Setting<T> {
  return { kind: "setting", ...one, read: (config) => one.read(config.query) };
}

function countBetween(min: number, max: number): Value<number> {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${min} or more`
      : `a whole number, ${min} to ${max}`;
  return makeValue<number>({ schema: z.int().min(min).max(max), expected });
}

export const queryTimeout = querySetting<number>({
  path: "querier.search.query_timeout",
  value: wholeMs({ min: 1 }),
  fallback: QUERY_TIMEOUT_MS_DEFAULT,
  about: "A query is answered within this time, or with 504.",
  read: (query) => query.timeoutMs,
});

export const searchTracesDefault = querySetting<number>({
  path: "query_frontend.search.default_result_limit",
  value: countBetween(1, Number.MAX_SAFE_INTEGER),
  fallback: SEARCH_TRACES_DEFAULT,
  about: "Traces of a search that does not say how many.",
  read: (query) => query.searchTracesDefault,
});

export const searchTracesMax = querySetting<number>({
  path: "query_frontend.search.max_result_limit",
  value: count,
  fallback: SEARCH_TRACES_MAX_DEFAULT,
  about: "Traces that a search may ask for at most; 0 is no limit.",
  read: (query) => query.searchTracesMax,
});

export const searchSpansDefault = querySetting<number>({
  path: "query_frontend.search.default_spans_per_span_set",
  value: countBetween(1, Number.MAX_SAFE_INTEGER),
  fallback: SEARCH_SPANS_DEFAULT,
  about: "Spans shown of each spanset of a search that does not say how many.",
  read: (query) => query.searchSpansDefault,
});

export const searchSpansMax = querySetting<number>({
  path: "query_frontend.search.max_spans_per_span_set",
  value: count,
  fallback: SEARCH_SPANS_MAX_DEFAULT,
  about: "Spans of each spanset that a search may ask for at most; 0 is no limit.",
  read: (query) => query.searchSpansMax,
});

export const searchRangeMax = querySetting<number>({
  path: "query_frontend.search.max_duration",
  value: wholeMs(),
  fallback: 0,
  about: "Longest time from start to end of a search; 0 is no limit.",
  read: (query) => query.searchRangeMsMax,
});

export const metricsRangeMax = querySetting<number>({
  path: "query_frontend.metrics.max_duration",
  value: wholeMs(),
  fallback: 0,
  about: "Longest time from start to end of TraceQL metrics; 0 is no limit.",
  read: (query) => query.metricsRangeMsMax,
});

export const metricsStepsMax = querySetting<number>({
  path: "query_frontend.metrics.max_intervals",
  value: countBetween(1, METRICS_STEPS_MAX),
  fallback: METRICS_STEPS_DEFAULT,
  about: "Steps between start and end of TraceQL metrics at most.",
  read: (query) => query.metricsStepsMax,
});

export const exemplarsMax = querySetting<number>({
  path: "query_frontend.metrics.max_exemplars",
  value: countBetween(0, EXEMPLARS_MAX),
  fallback: EXEMPLARS_DEFAULT,
  about: "Exemplars of one answer at most; 0 is none.",
  read: (query) => query.exemplarsMax,
});

export const seriesMax = querySetting<number>({
  path: "query_frontend.metrics.max_response_series",
  value: count,
  fallback: 0,
  about: "Series of one answer at most, with a message when there are more; 0 is no limit.",
  read: (query) => query.seriesMax,
});

export const queryBytesMax = querySetting<number>({
  path: "query_frontend.max_query_expression_size_bytes",
  value: bytesBetween(1, QUERY_BYTES_MAX),
  fallback: QUERY_BYTES_MAX,
  about: "Longest TraceQL expression.",
  read: (query) => query.queryBytesMax,
});

export const queryEndCutoff = querySetting<number>({
  path: "query_frontend.query_end_cutoff",
  value: wholeMs(),
  fallback: 0,
  about: "What is younger is not searched or counted; 0 is nothing.",
  read: (query) => query.endCutoffMs,
});

export const tagValuesBytesMax = querySetting<number>({
  path: "overrides.defaults.read.max_bytes_per_tag_values_query",
  value: bytesBetween(KiB, TAG_VALUES_BYTES_MAX),
  fallback: TAG_VALUES_BYTES_DEFAULT,
  about: "Texts of one list of values together; the list ends there.",
  read: (query) => query.tagValuesBytesMax,
});

export const streamPacketBytesMax = querySetting<number>({
  path: "query_frontend.max_grpc_streaming_packet_size",
  value: bytesBetween(STREAM_PACKET_BYTES_MIN, STREAM_PACKET_BYTES_MAX),
  fallback: STREAM_PACKET_BYTES_DEFAULT,
  about: "One message of the streaming gRPC; longer answers come in several.",
  read: (query) => query.streamPacketBytesMax,
});

/** In the order of -help. */
export const querySettings = [
  ...[queryTimeout, queryBytesMax, queryEndCutoff],
  ...[searchTracesDefault, searchTracesMax, searchSpansDefault, searchSpansMax, searchRangeMax],
  ...[metricsRangeMax, metricsStepsMax, exemplarsMax, seriesMax, tagValuesBytesMax],
  streamPacketBytesMax,
] as const;
