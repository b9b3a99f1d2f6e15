/**
 * Tempo's search by tags as a query of the language: a trace that has each of the tags somewhere.
 *
 * Some names are no attributes. The values of those that Tempo gives a column of their own hold the
 * text that is asked for, in this case; of all others the text is the value. What is a number or a
 * truth value is compared as one, too.
 */
import { EngineError } from "../base/error.ts";
import type { Attribute, FieldExpr, Filter, Query, SpansetExpr, Static } from "../traceql/ast.ts";

/** Their texts are searched, not compared. */
const SEARCHED = new Set([
  ...["service.name", "k8s.cluster.name", "k8s.namespace.name", "k8s.pod.name"],
  ...["k8s.container.name", "http.request.method", "url.path", "url.route", "server.address"],
  ...["http.method", "http.url", "http.route"],
]);

const INTRINSICS = {
  name: "name",
  "root.name": "rootName",
  "root.service.name": "rootServiceName",
} as const;

const STATUSES = ["error", "ok", "unset"] as const;
const NOTHING = literal({ type: "bool", value: false });
const INTEGER = /^-?[0-9]{1,18}$/;
const DECIMAL = /^-?[0-9]+\.[0-9]+$/;

/** Nobody types more, and the query nests as deep. */
const TAGS_MAX = 64;

/** Without tags all traces; throws `malformed` for too many. */
export function tagSearch(tags: ReadonlyMap<string, string>): Query {
  if (tags.size > TAGS_MAX) {
    throw new EngineError("malformed", `invalid tags: ${tags.size} tags exceed ${TAGS_MAX}`);
  }
  const filters = [...tags].map(([name, value]): Filter => {
    return { node: "filter", expr: condition(name, value) };
  });
  const all: Filter = { node: "filter", expr: literal({ type: "bool", value: true }) };
  const [first = all, ...others] = filters;
  const both = (left: SpansetExpr, right: SpansetExpr): SpansetExpr => {
    return { node: "spansetOperation", op: "&&", left, right };
  };
  const stages = [others.reduce<SpansetExpr>(both, first)];
  return { body: { node: "pipeline", stages }, hints: [] };
}

function condition(name: string, value: string): FieldExpr {
  const status = STATUSES.find((one) => one === value);
  if (name === "status.code") {
    if (status === undefined) return NOTHING;
    return compare({ node: "intrinsic", name: "status" }, "=", { type: "status", value: status });
  }
  if (isIntrinsic(name)) return holds({ node: "intrinsic", name: INTRINSICS[name] }, value);
  const scopes =
    name === "service.name" ? (["resource"] as const) : (["resource", "span"] as const);
  return either(
    scopes.flatMap((scope) => {
      const attribute: Attribute = { node: "attribute", scope, parent: false, name };
      return SEARCHED.has(name)
        ? [holds(attribute, value), ...numbers(attribute, value)]
        : [compare(attribute, "=", { type: "string", value }), ...numbers(attribute, value)];
    }),
  );
}

function isIntrinsic(name: string): name is keyof typeof INTRINSICS {
  return Object.hasOwn(INTRINSICS, name);
}

/** As the values that are not texts and look like this. */
function numbers(field: FieldExpr, text: string): FieldExpr[] {
  if (INTEGER.test(text)) return [compare(field, "=", { type: "int", value: BigInt(text) })];
  if (DECIMAL.test(text)) return [compare(field, "=", { type: "float", value: Number(text) })];
  if (text !== "true" && text !== "false") return [];
  return [compare(field, "=", { type: "bool", value: text === "true" })];
}

function holds(field: FieldExpr, text: string): FieldExpr {
  const escaped = text.replace(/[\\.+*?()|[\]{}^$]/g, "\\$&");
  return compare(field, "=~", { type: "string", value: `.*${escaped}.*` });
}

function compare(left: FieldExpr, op: "=" | "=~", value: Static): FieldExpr {
  return { node: "binary", op, left, right: literal(value) };
}

function either(expressions: readonly FieldExpr[]): FieldExpr {
  return expressions.reduce((left, right) => ({ node: "binary", op: "||", left, right }));
}

function literal(value: Static): FieldExpr {
  return { node: "literal", value };
}
