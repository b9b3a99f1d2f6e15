/**
 * The filter of a query that is still being written, for lists of names and values: an unfinished
 * comparison restricts nothing, and brackets that are missing at the end are added.
 */
import type { FieldExpr, Query } from "./ast.ts";
import { intrinsicNamed } from "./intrinsics.ts";
import { lex, type Token } from "./lex.ts";
import { parse } from "./parse.ts";
import { TraceqlError } from "./traceql-error.ts";

/** Undefined when everything is meant, or nobody can tell what is. */
export function parseLenientFilter(source: string): FieldExpr | undefined {
  const query = unlessBroken(() => parse(source)) ?? unlessBroken(() => parse(repaired(source)));
  if (query === undefined) return undefined;
  const { body } = query;
  const pipeline = body.node === "metricsQuery" ? body.pipeline : body;
  if (pipeline.node !== "pipeline") return undefined;
  const [first] = pipeline.stages;
  if (first.node !== "filter") return undefined;
  const { expr } = first;
  const isAll = expr.node === "literal" && expr.value.type === "bool" && expr.value.value;
  return isAll ? undefined : expr;
}

function unlessBroken(call: () => Query): Query | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof TraceqlError) return undefined;
    throw error;
  }
}

const COMPARES = ["=", "!=", "<", "<=", ">", ">=", "=~", "!~"];
const CLOSING: Readonly<Record<string, string>> = { "{": "}", "(": ")" };

/** The part before the first pipe, made whole. */
function repaired(source: string): string {
  const all = lex(source);
  const pipe = all.findIndex((token) => isSymbol(token, ["|"]));
  const tokens = all.slice(0, pipe < 0 ? all.length - 1 : pipe);
  const words: string[] = [];
  const open: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    if (isUnfinished(tokens, i)) {
      words.push("true");
      i++;
      continue;
    }
    const token = tokens[i];
    const text = source.slice(token.from, token.to);
    if (token.type === "symbol" && CLOSING[text] !== undefined) open.push(CLOSING[text]);
    if (token.type === "symbol" && text === open.at(-1)) open.pop();
    words.push(text);
  }
  return [...words, ...open.reverse()].join(" ");
}

/** A field and a comparison with nothing to compare to. */
function isUnfinished(tokens: readonly Token[], at: number): boolean {
  const [field, op, value] = tokens.slice(at, at + 3);
  if (!isField(field) || op === undefined || !isSymbol(op, COMPARES)) return false;
  return value === undefined || isSymbol(value, ["}", ")", "&&", "||"]);
}

function isField(token: Token): boolean {
  if (token.type === "attribute") return true;
  const isName = token.type === "scoped" || token.type === "word";
  return isName && intrinsicNamed(token.text) !== undefined;
}

function isSymbol(token: Token, symbols: readonly string[]): boolean {
  return token.type === "symbol" && symbols.includes(token.text);
}
