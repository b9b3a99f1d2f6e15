/** The filters of rules of retention: what a search takes between its braces, and nothing more. */
import { EngineError } from "../base/error.ts";
import type { FieldExpr } from "../traceql/ast.ts";
import { check } from "../traceql/check.ts";
import { fold } from "../traceql/fold.ts";
import { parse } from "../traceql/parse.ts";
import type { RetentionRule } from "./plan-retention.ts";

/** Throws `malformed` with the filter and what is wrong with it. */
export function readRetentionFilter({ filter }: RetentionRule): FieldExpr {
  const bad = (reason: string) =>
    new EngineError("malformed", `vivace.retention_rules: ${filter}: ${reason}`);
  let query: ReturnType<typeof parse>;
  try {
    query = parse(filter);
    check(query);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw bad(error.message);
  }
  const { body, hints } = query;
  const [stage, second] = body.node === "pipeline" ? body.stages : [];
  if (stage?.node !== "filter" || second !== undefined || hints.length > 0) {
    throw bad("a rule is one filter of spans: { … }");
  }
  return fold(stage.expr);
}
