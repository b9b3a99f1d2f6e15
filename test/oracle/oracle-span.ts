/**
 * The reference evaluator of TraceQL: spans as plain objects, every question answered by looking at
 * all of them, nothing shared with the engine but the tree of the query. It is slow on purpose.
 *
 * What the documents of the language leave open is decided here, and the engine follows:
 *
 * Data. The same span is the same tenant, trace id, span id and kind; the first to arrive wins, and
 * all that follows is said of what is left then. A list of one element is that element. An empty or
 * mixed list, a list of lists, a kvlist, bytes and a value that is not set have no value in the
 * language (as if absent), but their keys are among the tag names. `resource.service.name` is ""
 * when it is absent, and is never absent. Where "first" is said of spans, and wherever spans of a
 * spanset are listed: by start, then span id, then kind, whatever order they came in.
 *
 * Traces. From the least start to the greatest end; the duration may be negative. The root is the
 * first span without a parent id. Services are counted by resource.service.name, "" included. The
 * parent is the other span with that id; of several with one id a server span takes the client
 * one, any other the server one, else the first to arrive. No span is its own parent; walks up end
 * at a span that was met before. Siblings have the same parent span or, of orphans, the same
 * parent id; roots are siblings of each other. nestedSet* are Tempo's numbers
 * (src/block/FORMAT.md) in the order of arrival; span:childCount is the number of spans that name
 * this one as their parent, itself included, also where nothing is numbered. span:parentID of a
 * root is sixteen zeros. trace:id and link:traceID have no leading zeros, and a literal that is
 * compared with them loses its own.
 *
 * Filters, oracle-field.ts. Pipelines, oracle-pipeline.ts. What a search shows, oracle-search.ts.
 * Names and values, oracle-tags.ts. Metrics, oracle-metrics.ts and oracle-series.ts.
 */
import { assert } from "../../src/base/assert.ts";
import type {
  AnyValue,
  KeyValue as OtlpKeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import type { Trace as TraceMessage } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import type { Value } from "../../src/query/question.ts";
import type { KindName, Static, StatusName } from "../../src/traceql/ast.ts";

/** Undefined: the key is there, its value has no type in the language. */
export type Attributes = ReadonlyMap<string, Value | undefined>;

export interface OracleEvent {
  readonly name: string;
  readonly sinceStart: bigint;
  readonly attributes: Attributes;
}

export interface OracleLink {
  /** Hex digits, all of them. */
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

export interface OracleSpan {
  /** 32 and 16 hex digits; the parent's is empty when there is none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  /** OTLP's number. */
  readonly kind: number;
  readonly status: StatusName;
  readonly statusMessage: string;
  /** Unix nanoseconds. */
  readonly start: bigint;
  readonly end: bigint;
  readonly resource: Attributes;
  readonly scopeName: string;
  readonly scopeVersion: string;
  readonly scope: Attributes;
  readonly attributes: Attributes;
  readonly events: readonly OracleEvent[];
  readonly links: readonly OracleLink[];
}

export const KINDS: readonly KindName[] = [
  ...(["unspecified", "internal", "server", "client", "producer", "consumer"] as const),
];
const STATUSES: readonly StatusName[] = ["unset", "ok", "error"];

export const NIL: Static = { type: "nil" };

/** In the order of the message. */
export function spansOfMessage(message: TraceMessage): OracleSpan[] {
  return message.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ scope, spans }) =>
      spans.map((span) => ({
        ...ownOf(span),
        resource: attributesOf(resource?.attributes ?? []),
        scopeName: scope?.name ?? "",
        scopeVersion: scope?.version ?? "",
        scope: attributesOf(scope?.attributes ?? []),
      })),
    ),
  );
}

type Own = Omit<OracleSpan, "resource" | "scopeName" | "scopeVersion" | "scope">;

function ownOf(span: Span): Own {
  return {
    traceId: hex(span.traceId).padStart(32, "0"),
    spanId: hex(span.spanId).padStart(16, "0"),
    parentId: hex(span.parentSpanId),
    name: span.name,
    kind: span.kind,
    status: STATUSES[span.status?.code ?? 0],
    statusMessage: span.status?.message ?? "",
    start: span.startTimeUnixNano,
    end: span.endTimeUnixNano,
    attributes: attributesOf(span.attributes),
    events: span.events.map((event) => ({
      name: event.name,
      sinceStart: BigInt.asIntN(64, event.timeUnixNano - span.startTimeUnixNano),
      attributes: attributesOf(event.attributes),
    })),
    links: span.links.map((link) => ({
      traceId: hex(link.traceId),
      spanId: hex(link.spanId),
      attributes: attributesOf(link.attributes),
    })),
  };
}

const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");

function attributesOf(list: readonly OtlpKeyValue[]): Attributes {
  const attributes = new Map<string, Value | undefined>();
  for (const { key, value } of list) {
    if (!attributes.has(key)) attributes.set(key, valueOfAny(value));
  }
  return attributes;
}

function valueOfAny(any: AnyValue | undefined): Value | undefined {
  if (any?.value.case !== "arrayValue") return scalarOf(any);
  const values = any.value.value.values.map(scalarOf);
  const [first] = values;
  if (first === undefined || values.some((value) => value?.type !== first.type)) return undefined;
  return values.length === 1 ? first : { type: "list", values: values as Static[] };
}

function scalarOf(any: AnyValue | undefined): Static | undefined {
  const { value } = any ?? { value: { case: undefined, value: undefined } };
  switch (value.case) {
    case "stringValue":
      return { type: "string", value: value.value };
    case "intValue":
      return { type: "int", value: value.value };
    case "doubleValue":
      return { type: "float", value: value.value };
    case "boolValue":
      return { type: "bool", value: value.value };
    default:
      return undefined;
  }
}

/** By start, then span id, then kind. */
export function bySpanOrder(a: OracleSpan, b: OracleSpan): number {
  if (a.start !== b.start) return a.start < b.start ? -1 : 1;
  if (a.spanId !== b.spanId) return a.spanId < b.spanId ? -1 : 1;
  return a.kind - b.kind;
}

export interface NestedSet {
  readonly left: number;
  readonly right: number;
  readonly parent: number;
  readonly children: number;
}

export interface OracleTrace {
  readonly traceId: string;
  /** By bySpanOrder; each once. */
  readonly spans: readonly OracleSpan[];
  readonly start: bigint;
  readonly duration: bigint;
  /** The greatest start or end: what makes it overlap a time. */
  readonly latest: bigint;
  readonly root: OracleSpan | undefined;
  readonly parents: ReadonlyMap<OracleSpan, OracleSpan>;
  readonly nestedSets: ReadonlyMap<OracleSpan, NestedSet>;
}

/** Spans of one tenant in the order of arrival to traces. */
export function tracesOf(spans: readonly OracleSpan[]): OracleTrace[] {
  const seen = new Set<string>();
  const unique = spans.filter(({ traceId, spanId, kind }) => {
    const key = `${traceId} ${spanId} ${kind}`;
    return !seen.has(key) && seen.add(key);
  });
  return [...Map.groupBy(unique, ({ traceId }) => traceId).values()].map(traceOf);
}

function traceOf(arrived: readonly OracleSpan[]): OracleTrace {
  const spans = [...arrived].sort(bySpanOrder);
  const start = spans[0].start;
  const end = greatest(spans.map((span) => span.end));
  const parents = parentsOf(arrived);
  return {
    traceId: spans[0].traceId,
    spans,
    start,
    duration: end - start,
    latest: greatest(spans.flatMap((span) => [span.start, span.end])),
    root: spans.find(isRoot),
    parents,
    nestedSets: nestedSetsOf(arrived, parents),
  };
}

function greatest(times: readonly bigint[]): bigint {
  return times.reduce((a, b) => (b > a ? b : a));
}

export function isRoot({ parentId }: OracleSpan): boolean {
  return parentId === "";
}

function parentsOf(spans: readonly OracleSpan[]): Map<OracleSpan, OracleSpan> {
  const parents = new Map<OracleSpan, OracleSpan>();
  for (const span of spans) {
    const found = spans.filter((other) => other !== span && other.spanId === span.parentId);
    const wanted = KINDS[span.kind] === "server" ? "client" : "server";
    const parent = found.find(({ kind }) => KINDS[kind] === wanted) ?? found[0];
    if (parent !== undefined) parents.set(span, parent);
  }
  return parents;
}

function nestedSetsOf(
  spans: readonly OracleSpan[],
  parents: ReadonlyMap<OracleSpan, OracleSpan>,
): Map<OracleSpan, NestedSet> {
  const ids = Map.groupBy(spans, ({ spanId }) => spanId);
  const isNumbered = ![...ids.values()].some((same) => same.length > 2);
  // A span that names itself counts as its own child, as in Tempo.
  const namedParent = (span: OracleSpan) =>
    parents.get(span) ?? (span.parentId === span.spanId ? span : undefined);
  const childrenOf = (span: OracleSpan) => spans.filter((other) => namedParent(other) === span);
  const sets = new Map<OracleSpan, NestedSet>();
  let counter = 1;
  const visit = (span: OracleSpan, parent: number): void => {
    const left = counter++;
    const children = childrenOf(span);
    for (const child of children) visit(child, left);
    sets.set(span, { left, right: counter++, parent, children: children.length });
  };
  if (isNumbered) for (const span of spans.filter(isRoot)) visit(span, -1);
  for (const span of spans) {
    if (sets.has(span)) continue;
    sets.set(span, { left: 0, right: 0, parent: 0, children: childrenOf(span).length });
  }
  assert(sets.size === spans.length, "oracle: a span without numbers");
  return sets;
}

/** `resource.service.name` where it is a text. */
export function serviceOf(span: OracleSpan | undefined): string {
  const value = span?.resource.get("service.name");
  return value?.type === "string" ? value.value : "";
}
