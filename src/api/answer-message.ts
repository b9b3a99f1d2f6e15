/**
 * Answers as Tempo's messages: one message is the JSON and the protobuf of HTTP and the body of the
 * streaming gRPC.
 *
 * Strict decoders read them (Grafana's data source, tempo-cli), so there is no field that Tempo
 * does not have. Metrics are always set: Tempo's clients read them without asking.
 */
import type { KeyValue as KeyValueMessage } from "../proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  type InstantSeries,
  type MetadataMetrics,
  PartialStatus,
  type QueryInstantResponse,
  type QueryRangeResponse,
  type SearchMetrics,
  type SearchResponse,
  type SearchTagsResponse,
  type SearchTagsV2Response,
  type SearchTagValuesResponse,
  type SearchTagValuesV2Response,
  type ServiceStats,
  type SpanSet as SpanSetMessage,
  type TimeSeries,
  type TraceSearchMetadata,
} from "../proto-gen/tempopb/tempo_pb.ts";
import type {
  AnswerMetrics,
  KeyValue,
  MetricsAnswer,
  SearchAnswer,
  Series,
  ServiceCount,
  SpanSet,
  TagNamesAnswer,
  TagValuesAnswer,
  TraceSummary,
} from "../query/question.ts";
import { anyValue, staticText, tagValue } from "./answer-value.ts";

/** For people: the trace's first span, whose service would stand here, may still come. */
const ROOT_NOT_RECEIVED = "<root span not yet received>";

const UINT32_MAX = 2 ** 32 - 1;
const UINT64_MAX = 2n ** 64n - 1n;
const NS_PER_MS = 1_000_000n;

export function searchResponse({ traces, metrics }: SearchAnswer): SearchResponse {
  return {
    $typeName: "tempopb.SearchResponse",
    traces: traces.map(traceMetadata),
    metrics: searchMetrics(metrics),
  };
}

function traceMetadata(trace: TraceSummary): TraceSearchMetadata {
  const spanSets = trace.spanSets.map(spanSet);
  return {
    $typeName: "tempopb.TraceSearchMetadata",
    traceID: trace.traceId.replace(/^0+/, ""),
    rootServiceName: trace.rootServiceName || ROOT_NOT_RECEIVED,
    rootTraceName: trace.rootTraceName,
    startTimeUnixNano: uint64(trace.startUnixNano),
    durationMs: uint32(Number(trace.durationNano / NS_PER_MS)),
    spanSet: spanSets[0],
    spanSets,
    serviceStats: Object.fromEntries(trace.services.map(serviceStats)),
  };
}

function serviceStats({ service, spans, errors }: ServiceCount): [string, ServiceStats] {
  const counts = { spanCount: uint32(spans), errorCount: uint32(errors) };
  return [service, { $typeName: "tempopb.ServiceStats", ...counts }];
}

function spanSet({ matched, attributes, spans }: SpanSet): SpanSetMessage {
  return {
    $typeName: "tempopb.SpanSet",
    matched: uint32(matched),
    attributes: attributes.map(keyValue),
    spans: spans.map((span) => ({
      $typeName: "tempopb.Span",
      spanID: span.spanId,
      name: span.name ?? "",
      startTimeUnixNano: uint64(span.startUnixNano),
      durationNanos: uint64(span.durationNano),
      attributes: span.attributes.map(keyValue),
    })),
  };
}

/** What is shown of names. */
export interface TagsShown {
  /** What every span has without an attribute; empty: not asked for. */
  readonly intrinsics: readonly string[];
  /** Of each list; 0: all. */
  readonly limit: number;
}

/** Names of all scopes in one list, each once. */
export function tagsResponse(
  { scopes, metrics }: TagNamesAnswer,
  { intrinsics, limit }: TagsShown,
): SearchTagsResponse {
  const names = new Set([...scopes.flatMap((scope) => scope.names), ...intrinsics]);
  return {
    $typeName: "tempopb.SearchTagsResponse",
    tagNames: cut([...names].sort(), limit),
    metrics: metadataMetrics(metrics),
  };
}

/** Intrinsics are a scope of their own. */
export function tagsV2Response(
  { scopes, metrics }: TagNamesAnswer,
  { intrinsics, limit }: TagsShown,
): SearchTagsV2Response {
  const own = intrinsics.length === 0 ? [] : [{ scope: "intrinsic", names: intrinsics }];
  return {
    $typeName: "tempopb.SearchTagsV2Response",
    scopes: [...scopes, ...own].map(({ scope, names }) => ({
      $typeName: "tempopb.SearchTagsV2Scope",
      name: scope,
      tags: cut(names, limit),
    })),
    metrics: metadataMetrics(metrics),
  };
}

function cut(names: readonly string[], limit: number): string[] {
  return names.slice(0, limit === 0 ? names.length : limit);
}

/** Texts alone: 200 and "200" are one. */
export function tagValuesResponse({ values, metrics }: TagValuesAnswer): SearchTagValuesResponse {
  const texts = new Set(values.map(staticText));
  return {
    $typeName: "tempopb.SearchTagValuesResponse",
    tagValues: [...texts].sort(),
    metrics: metadataMetrics(metrics),
  };
}

export function tagValuesV2Response({
  values,
  metrics,
}: TagValuesAnswer): SearchTagValuesV2Response {
  return {
    $typeName: "tempopb.SearchTagValuesV2Response",
    tagValues: values.map(tagValue),
    metrics: metadataMetrics(metrics),
  };
}

export function queryRangeResponse(answer: MetricsAnswer): QueryRangeResponse {
  return {
    $typeName: "tempopb.QueryRangeResponse",
    series: answer.series.map(timeSeries),
    ...answerEnd(answer),
  };
}

export function timeSeries({ labels, samples, exemplars }: Series): TimeSeries {
  return {
    $typeName: "tempopb.TimeSeries",
    labels: labels.map(keyValue),
    samples: samples.map(({ timestampMs, value }) => ({
      $typeName: "tempopb.Sample",
      timestampMs: BigInt(timestampMs),
      value: double(value),
    })),
    exemplars: exemplars.map((exemplar) => ({
      $typeName: "tempopb.Exemplar",
      labels: exemplar.labels.map(keyValue),
      value: double(exemplar.value),
      timestampMs: BigInt(exemplar.timestampMs),
    })),
  };
}

/** The first sample of each series that has one. */
export function queryInstantResponse(answer: MetricsAnswer): QueryInstantResponse {
  return {
    $typeName: "tempopb.QueryInstantResponse",
    series: answer.series.flatMap(instantSeries),
    ...answerEnd(answer),
  };
}

function instantSeries({ labels, samples: [first] }: Series): InstantSeries[] {
  if (first === undefined) return [];
  const value = double(first.value);
  return [{ $typeName: "tempopb.InstantSeries", labels: labels.map(keyValue), value }];
}

function answerEnd({ partial, metrics }: MetricsAnswer) {
  return {
    metrics: searchMetrics(metrics),
    status: partial === undefined ? PartialStatus.COMPLETE : PartialStatus.PARTIAL,
    message: partial ?? "",
  };
}

function searchMetrics(metrics: AnswerMetrics): SearchMetrics {
  return {
    $typeName: "tempopb.SearchMetrics",
    inspectedTraces: uint32(metrics.inspectedTraces),
    inspectedSpans: BigInt(metrics.inspectedSpans),
    ...cost(metrics),
  };
}

function metadataMetrics(metrics: AnswerMetrics): MetadataMetrics {
  return { $typeName: "tempopb.MetadataMetrics", ...cost(metrics) };
}

/** Reads of object stores are not counted: what is not known is left out, as zero. */
function cost(metrics: AnswerMetrics) {
  return {
    inspectedBytes: BigInt(metrics.inspectedBytes),
    totalBlocks: uint32(metrics.totalBlocks),
    totalBlockBytes: BigInt(metrics.totalBlockBytes),
    totalJobs: uint32(metrics.totalJobs),
    completedJobs: uint32(metrics.completedJobs),
    backendReads: 0n,
    backendBytes: 0n,
    additionalMetrics:
      metrics.damagedBlocks.length === 0
        ? {}
        : { damagedBlocks: BigInt(metrics.damagedBlocks.length) },
  };
}

function keyValue({ key, value }: KeyValue): KeyValueMessage {
  const $typeName = "opentelemetry.proto.common.v1.KeyValue";
  return { $typeName, key, value: anyValue(value), keyStrindex: 0 };
}

/** Spans that end before they start have less than no duration, for which there is no number. */
function uint64(value: bigint): bigint {
  if (value < 0n) return 0n;
  return value > UINT64_MAX ? UINT64_MAX : value;
}

/** Go leaves out a negative zero as well. */
function double(value: number): number {
  return value === 0 ? 0 : value;
}

function uint32(value: number): number {
  return Math.min(Math.max(value, 0), UINT32_MAX);
}
