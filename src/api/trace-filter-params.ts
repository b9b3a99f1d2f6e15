/**
 * `q` of a trace by id and what goes with it, refused in Tempo's words: one filter of spans, and
 * how many of their ancestors (`keep_hierarchy`, `ancestor_depth`) and of their descendants
 * (`match_depth`) stay. As in Tempo, what has no effect is not looked at.
 */
import { EngineError } from "../base/error.ts";
import { fieldsOf } from "../query/field-of.ts";
import { SPAN_INTRINSICS } from "../query/span-readers.ts";
import type { SpanFilter } from "../query/trace-filter-spans.ts";
import type { FieldExpr, Query } from "../traceql/ast.ts";
import { check } from "../traceql/check.ts";
import { fold } from "../traceql/fold.ts";
import { parse } from "../traceql/parse.ts";
import { parseInteger, refusing } from "./go-number.ts";
import { checkQuerySize } from "./query-text.ts";

/** undefined: the whole trace is asked for. Throws `malformed`. */
export function parseTraceFilter(
  params: URLSearchParams,
  queryBytesMax: number,
): SpanFilter | undefined {
  const text = (params.get("q") ?? "").trim();
  if (text === "") return undefined;
  checkQuerySize(text, queryBytesMax);
  const keepHierarchy = boolean(params.get("keep_hierarchy") ?? "", "keep_hierarchy");
  const descendants = depth(params.get("match_depth") ?? "", "match_depth", 0);
  const ancestors = keepHierarchy
    ? depth(params.get("ancestor_depth") ?? "", "ancestor_depth", Number.POSITIVE_INFINITY)
    : 0;
  const expr = refusing("invalid TraceQL filter", () => readSpanFilter(text));
  return { expr, ancestors, descendants };
}

function readSpanFilter(text: string): FieldExpr {
  const query = refusing("failed to parse TraceQL spanset filter", () => {
    const parsed = parse(text);
    check(parsed);
    return parsed;
  });
  const expr = filterOf(query);
  for (const field of fieldsOf(expr)) {
    if (field.node === "attribute") {
      if (field.parent) throw unsupported("attribute scope", "parent");
    } else if (!SPAN_INTRINSICS.has(field.name)) throw unsupported("intrinsic", field.name);
  }
  return fold(expr);
}

function filterOf({ body }: Query): FieldExpr {
  if (body.node !== "pipeline") throw onlyFilter("a multi-stage pipeline or metrics query");
  if (body.stages.length !== 1) throw onlyFilter(`${body.stages.length} pipeline elements`);
  const [stage] = body.stages;
  if (stage.node !== "filter") throw onlyFilter("a structural or aggregate query");
  return stage.expr;
}

function onlyFilter(got: string): EngineError {
  return new EngineError("malformed", `only a single TraceQL filter is supported: got ${got}`);
}

function unsupported(what: string, name: string): EngineError {
  return new EngineError("malformed", `${what} is not supported by this filter: "${name}"`);
}

const TRUE: readonly string[] = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE: readonly string[] = ["", "0", "f", "F", "FALSE", "false", "False"];

/** As Go's strconv.ParseBool reads it; absent is false. */
function boolean(text: string, name: string): boolean {
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  const parsing = `strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`;
  throw new EngineError("malformed", `invalid value for ${name}: ${parsing}`);
}

/** -1 is without end. */
function depth(text: string, name: string, absent: number): number {
  if (text === "") return absent;
  const invalid = `invalid value for ${name}`;
  const value = refusing(invalid, () => goAtoi(text));
  if (value < -1n) throw new EngineError("malformed", `${invalid}: must be >= -1`);
  return value === -1n ? Number.POSITIVE_INFINITY : Number(value);
}

/** The same integers as ParseInt, under the name of the function that Tempo calls. */
function goAtoi(text: string): bigint {
  try {
    return parseInteger(text, { bits: 64, signed: true });
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, error.message.replace("ParseInt", "Atoi"));
  }
}
