/** TraceQL as requests bring it: bounded, read and checked, refused as Tempo refuses it. */
import { EngineError } from "../base/error.ts";
import type { Query } from "../traceql/ast.ts";
import { check } from "../traceql/check.ts";
import { fold } from "../traceql/fold.ts";
import { foldQuery } from "../traceql/fold-query.ts";
import { parse } from "../traceql/parse.ts";
import { parseLenientFilter } from "../traceql/parse-lenient.ts";
import { TraceqlError } from "../traceql/traceql-error.ts";
import { refusing } from "./go-number.ts";

/** Throws `malformed`. */
export function checkQuerySize(text: string, bytesMax: number): void {
  if (bytesMax === 0 || text.length * 3 <= bytesMax || Buffer.byteLength(text) <= bytesMax) return;
  const limit = `the configured maximum size of ${bytesMax} bytes`;
  const advice = "reduce the query expression size or contact your system administrator";
  throw new EngineError("malformed", `TraceQL expression exceeds ${limit}, ${advice}`);
}

/** Throws `malformed` with the place of the mistake. */
export function readQuery(text: string): Query {
  return refusing("invalid TraceQL query", () => {
    const query = parse(text);
    check(query);
    return foldQuery(query);
  });
}

/**
 * The filter of an unfinished query for lists of names and values; undefined when all is meant.
 * One that means nothing restricts nothing: people are still typing.
 */
export function readFilter(text: string): ReturnType<typeof parseLenientFilter> {
  const expr = text === "" ? undefined : parseLenientFilter(text);
  if (expr === undefined) return undefined;
  try {
    check({ body: { node: "pipeline", stages: [{ node: "filter", expr }] }, hints: [] });
    return fold(expr);
  } catch (error) {
    if (error instanceof TraceqlError) return undefined;
    throw error;
  }
}
