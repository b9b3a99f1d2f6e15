/** Answers of the oracle as the bodies that HTTP clients read, and bodies made comparable. */
import type {
  FoundSpan,
  KeyValue,
  SpanSet,
  TraceSummary,
  Value,
} from "../../src/query/question.ts";
import type { Static } from "../../src/traceql/ast.ts";
import { formatDuration } from "../../src/traceql/duration.ts";
import type { OracleAnswer } from "./oracle.ts";
import type { OracleMetricsAnswer } from "./oracle-metrics.ts";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** What a question is asked for beyond its type: names in one list, one value a series. */
export interface BodyForm {
  readonly isInstant?: boolean;
  readonly isFirstVersion?: boolean;
}

/** With all fields, zeros too; without metrics of the work. */
export function bodyOf(answer: OracleAnswer, form: BodyForm = {}): Json {
  switch (answer.type) {
    case "search":
      return { traces: answer.traces.map(traceBody) };
    case "tagNames": {
      const names = answer.scopes.flatMap((scope) => scope.names);
      if (form.isFirstVersion) return { tagNames: [...new Set(names)].sort() };
      return { scopes: answer.scopes.map(({ scope, names }) => ({ name: scope, tags: names })) };
    }
    case "tagValues":
      if (form.isFirstVersion) return { tagValues: [...new Set(answer.values.map(textOf))].sort() };
      return {
        tagValues: answer.values.map((value) => ({ type: tagType(value), value: textOf(value) })),
      };
    case "metrics":
      return metricsBody(answer, form.isInstant === true);
  }
}

function traceBody(trace: TraceSummary): Json {
  return {
    traceID: trace.traceId.replace(/^0+/, ""),
    rootServiceName: trace.rootServiceName || "<root span not yet received>",
    rootTraceName: trace.rootTraceName,
    startTimeUnixNano: String(trace.startUnixNano),
    // A message has 32 bits for it.
    durationMs: Math.min(Math.max(0, Number(trace.durationNano / 1_000_000n)), 0xffff_ffff),
    serviceStats: Object.fromEntries(
      trace.services.map(({ service, spans, errors }) => [
        service,
        { spanCount: spans, errorCount: errors },
      ]),
    ),
    spanSets: trace.spanSets.map(spanSetBody),
  };
}

function spanSetBody({ matched, attributes, spans }: SpanSet): Json {
  return { matched, attributes: attributes.map(labelBody), spans: spans.map(spanBody) };
}

function spanBody(span: FoundSpan): Json {
  return {
    spanID: span.spanId,
    name: span.name ?? "",
    startTimeUnixNano: String(span.startUnixNano),
    durationNanos: String(span.durationNano < 0n ? 0n : span.durationNano),
    attributes: span.attributes.map(labelBody),
  };
}

function labelBody({ key, value }: KeyValue): Json {
  return { key, value: anyValueBody(value) };
}

function anyValueBody(value: Value): Json {
  switch (value.type) {
    case "int":
      return { intValue: String(value.value) };
    case "float":
      return { doubleValue: numberBody(value.value) };
    case "bool":
      return { boolValue: value.value };
    case "list":
      return { arrayValue: { values: value.values.map(anyValueBody) } };
    default:
      return { stringValue: textOf(value) };
  }
}

function numberBody(value: number): Json {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return value;
  return value > 0 ? "Infinity" : "-Infinity";
}

/** Floats as Go's shortest %g, with ".0" after what would look like an integer. */
function textOf(value: Static): string {
  if (value.type === "nil") return "nil";
  if (value.type === "duration") return formatDuration(value.value);
  if (value.type !== "float") return String(value.value);
  if (Number.isNaN(value.value)) return "NaN.0";
  if (!Number.isFinite(value.value)) return value.value > 0 ? "+Inf.0" : "-Inf.0";
  const size = Math.abs(value.value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) {
    const text = Object.is(value.value, -0) ? "-0" : String(value.value);
    return text.includes(".") ? text : `${text}.0`;
  }
  return value.value.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}

function tagType({ type }: Static): string {
  return ["status", "kind", "nil"].includes(type) ? "keyword" : type;
}

function metricsBody({ series }: OracleMetricsAnswer, isInstant: boolean): Json {
  return {
    series: series.map(({ labels, samples }) => {
      const own = labels.map(labelBody);
      if (isInstant) return { labels: own, value: numberBody(samples[0]?.value ?? 0) };
      const list = samples.map(({ timestampMs, value }) => ({
        timestampMs: String(timestampMs),
        value: numberBody(value),
      }));
      return { labels: own, samples: list };
    }),
  };
}

// ---- comparable

type Fields = { readonly [key: string]: Json };

function fieldsOf(json: Json | undefined): Fields {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? (json as Fields) : {};
}

function listOf(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? (json as readonly Json[]) : [];
}

/**
 * A body with what matters alone: omitted zeros filled in, empty lists left out, labels and
 * attributes by key, series and values in an order of their own, exemplars and metrics of the work
 * gone.
 */
export function comparable(body: Json): Json {
  const whole = Object.entries(fieldsOf(wholeOf(body)));
  return Object.fromEntries(whole.filter(([, list]) => listOf(list).length > 0));
}

function wholeOf(body: Json): Json {
  const { traces, scopes, tagNames, tagValues, series } = fieldsOf(body);
  if (series !== undefined) return { series: listOf(series).map(seriesOf).sort(byText) };
  if (scopes !== undefined) {
    const byName = listOf(scopes)
      .map(fieldsOf)
      .filter(({ name }) => name !== "intrinsic")
      .map(({ name, tags }) => [name, [...listOf(tags)].sort(byText)] as const);
    return { scopes: [...byName].sort(byText) };
  }
  if (tagNames !== undefined) return { tagNames: [...listOf(tagNames)].sort(byText) };
  if (tagValues !== undefined) return { tagValues: listOf(tagValues).map(tagOf).sort(byText) };
  return { traces: listOf(traces).map(traceOf) };
}

function byText(a: Json, b: Json): number {
  const [x, y] = [JSON.stringify(a), JSON.stringify(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}

function tagOf(json: Json): Json {
  if (typeof json === "string") return json;
  const { type, value } = fieldsOf(json);
  return { type: type ?? "", value: value ?? "" };
}

function labelsOf(json: Json | undefined): Json {
  const pairs = listOf(json).map((pair): [string, Json] => {
    const { key, value } = fieldsOf(pair);
    return [String(key ?? ""), value ?? null];
  });
  return Object.fromEntries(pairs.sort(byText));
}

function seriesOf(json: Json): Json {
  const { labels, samples, value } = fieldsOf(json);
  if (samples === undefined) return { labels: labelsOf(labels), value: value ?? 0 };
  const list = listOf(samples).map((sample) => {
    const { timestampMs, value: own } = fieldsOf(sample);
    return [timestampMs ?? "0", own ?? 0];
  });
  return { labels: labelsOf(labels), samples: list };
}

function traceOf(json: Json): Json {
  const trace = fieldsOf(json);
  const services = Object.entries(fieldsOf(trace["serviceStats"]))
    .map(([name, stats]): [string, Json] => {
      const { spanCount, errorCount } = fieldsOf(stats);
      return [name, [spanCount ?? 0, errorCount ?? 0]];
    })
    .sort(byText);
  return {
    id: trace["traceID"] ?? "",
    root: [trace["rootServiceName"] ?? "", trace["rootTraceName"] ?? ""],
    start: trace["startTimeUnixNano"] ?? "0",
    ms: trace["durationMs"] ?? 0,
    services,
    sets: listOf(trace["spanSets"]).map(setOf),
  };
}

function setOf(json: Json): Json {
  const { matched, attributes, spans } = fieldsOf(json);
  return {
    matched: matched ?? 0,
    attributes: labelsOf(attributes),
    spans: listOf(spans).map((span) => {
      const fields = fieldsOf(span);
      return {
        id: fields["spanID"] ?? "",
        name: fields["name"] ?? "",
        start: fields["startTimeUnixNano"] ?? "0",
        duration: fields["durationNanos"] ?? "0",
        attributes: labelsOf(fields["attributes"]),
      };
    }),
  };
}

const TOLERANCE = 1e-9;

/** Numbers may differ by what the order of additions makes. */
export function agree(a: Json, b: Json): boolean {
  if (typeof a === "number" && typeof b === "number") {
    return a === b || Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, i) => agree(item as Json, b[i] as Json));
  }
  if (typeof a === "object" && typeof b === "object" && a !== null && b !== null) {
    const [x, y] = [fieldsOf(a), fieldsOf(b)];
    const keys = Object.keys(x);
    if (keys.length !== Object.keys(y).length) return false;
    return keys.every((key) => Object.hasOwn(y, key) && agree(x[key], y[key]));
  }
  return a === b;
}
