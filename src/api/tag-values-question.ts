/**
 * Lists of values as requests bring them, and what they make: a question, and values that are
 * known without data.
 *
 * In the newer API a name is a field of the language. In the older one it is the bare name of an
 * attribute, and some names are not: they stand for intrinsics, or for one scope alone.
 */
import { EngineError } from "../base/error.ts";
import type { TagValuesQuestion } from "../query/question.ts";
import type { Attribute, Field, IntrinsicName, Static } from "../traceql/ast.ts";
import { parse } from "../traceql/parse.ts";
import { refusing } from "./go-number.ts";
import { boundedRange, type QuestionContext } from "./query-limits.ts";
import { checkQuerySize, readFilter } from "./query-text.ts";
import type { TimeRange } from "./time-params.ts";

export interface TagValuesAsk {
  readonly version: 1 | 2;
  readonly name: string;
  /** TraceQL that may be unfinished; empty: none. The older API takes none. */
  readonly query: string;
  readonly range: TimeRange;
  /** 0: all. */
  readonly limit: number;
}

export interface TagValuesPlan {
  /** Undefined: there is no data to ask for. */
  readonly question: TagValuesQuestion | undefined;
  /** Before those of the answer. */
  readonly known: readonly Static[];
}

const STATUSES: readonly Static[] = [
  { type: "status", value: "ok" },
  { type: "status", value: "error" },
  { type: "status", value: "unset" },
];

const KINDS: readonly Static[] = [
  { type: "kind", value: "client" },
  { type: "kind", value: "server" },
  { type: "kind", value: "producer" },
  { type: "kind", value: "consumer" },
  { type: "kind", value: "internal" },
  { type: "kind", value: "unspecified" },
];

/** Values without data: of enumerations all; of what differs from span to span none. */
const KNOWN: ReadonlyMap<IntrinsicName, readonly Static[]> = new Map([
  ["status", STATUSES],
  ["kind", KINDS],
  ...(["duration", "traceDuration"] as const).map((name) => [name, []] as const),
  ...(["trace:id", "span:id", "span:parentID"] as const).map((name) => [name, []] as const),
  ...(["link:traceID", "link:spanID"] as const).map((name) => [name, []] as const),
]);

/** Of the older API. */
const V1_INTRINSICS: ReadonlyMap<string, IntrinsicName> = new Map([
  ["name", "name"],
  ["status.code", "status"],
  ["rootName", "rootName"],
  ["root.name", "rootName"],
  ["rootServiceName", "rootServiceName"],
  ["root.service.name", "rootServiceName"],
  ["trace:id", "trace:id"],
  ["span:id", "span:id"],
]);
const V1_RESOURCE = new Set([
  ...["service.name", "cluster", "namespace", "pod", "container"],
  ...["k8s.namespace.name", "k8s.cluster.name", "k8s.pod.name", "k8s.container.name"],
]);
const V1_SPAN = new Set(["http.method", "http.url", "http.status_code"]);

/** Throws `malformed`. */
export function tagValuesPlan(ask: TagValuesAsk, context: QuestionContext): TagValuesPlan {
  const { tenants, limits } = context;
  checkQuerySize(ask.query, limits.queryBytesMax);
  const range = boundedRange(ask.range, context);
  if (ask.name === "") throw new EngineError("malformed", "please provide a non-empty tagName");
  const field = ask.version === 1 ? fieldNamed(ask.name) : readField(ask.name);
  const fixed = field.node === "intrinsic" ? KNOWN.get(field.name) : undefined;
  if (fixed !== undefined) {
    return { question: undefined, known: fixed.slice(0, ask.limit || fixed.length) };
  }
  const isError = ask.version === 1 && ask.name === "error";
  return {
    known: isError ? [{ type: "string", value: "true" }] : [],
    question: {
      type: "tagValues",
      tenants,
      ...range,
      field,
      filter: ask.version === 1 ? undefined : readFilter(ask.query),
      limit: ask.limit,
      bytesMax: limits.tagValuesBytesMax,
    },
  };
}

function fieldNamed(name: string): Field {
  const intrinsic = V1_INTRINSICS.get(name);
  if (intrinsic !== undefined) return { node: "intrinsic", name: intrinsic };
  const scope: Attribute["scope"] = V1_RESOURCE.has(name)
    ? "resource"
    : V1_SPAN.has(name)
      ? "span"
      : "none";
  return { node: "attribute", scope, parent: false, name };
}

/** A field as a query has it, alone. */
function readField(name: string): Field {
  const prefix = `please provide a valid tagName: failed to parse identifier ${name}`;
  return refusing(prefix, () => {
    const { body } = parse(`{${name}}`);
    const [stage] = body.node === "pipeline" ? body.stages : [];
    const expr = stage?.node === "filter" ? stage.expr : undefined;
    const isAlone = body.node === "pipeline" && body.stages.length === 1;
    if (isAlone && expr?.node === "attribute" && !expr.parent) return expr;
    if (isAlone && expr?.node === "intrinsic" && expr.name !== "parent") return expr;
    throw new EngineError("malformed", "expected an attribute or an intrinsic");
  });
}
