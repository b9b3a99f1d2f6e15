/** What operators between spansets, numbers of spansets, metrics and constants make. */
import type {
  ArithmeticOp,
  Coalesce,
  CompareOp,
  Group,
  Literal,
  MetricsExpr,
  MetricsOperation,
  Pipeline,
  ScalarExpr,
  ScalarFilter,
  Select,
  Sort,
  SpansetExpr,
  SpansetOp,
  Stage,
  Static,
} from "./ast.ts";
import type { Token } from "./lex.ts";
import { withSeries } from "./parse-metrics.ts";
import { arithmetic, negated } from "./static.ts";
import type { TokenCursor } from "./token-cursor.ts";

export type Part =
  | { readonly is: "spanset"; readonly node: SpansetExpr }
  /** In parentheses, or of several stages. */
  | { readonly is: "pipeline"; readonly node: Pipeline }
  | { readonly is: "stage"; readonly node: Group | Select | Coalesce | Sort | ScalarFilter }
  | { readonly is: "scalar"; readonly node: ScalarExpr }
  | { readonly is: "metrics"; readonly node: MetricsExpr }
  | { readonly is: "const"; readonly node: Literal };

const COMPARES: readonly string[] = ["=", "!=", "<", "<=", ">", ">="] satisfies CompareOp[];
const RELATIONS = [
  ...[">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~"],
  ...["&>", "&>>", "&<", "&<<", "&~"],
];

/** Loose to tight; all are left-associative but ^. */
export const LEVELS: Readonly<Record<string, number>> = {
  ...{ "&&": 1, "||": 1 },
  ...Object.fromEntries([...COMPARES, ...RELATIONS].map((op) => [op, 2])),
  ...{ "+": 3, "-": 3, "*": 4, "/": 4, "%": 4, "^": 5 },
};

export function isCompare(op: string): op is CompareOp {
  return COMPARES.includes(op);
}

/** A part that is a stage of a pipeline as it stands. */
export function isStage(part: Part): part is Part & { readonly node: Stage } {
  return part.is === "spanset" || part.is === "stage";
}

interface Operation {
  readonly op: string;
  /** The operator's. */
  readonly token: Token;
  readonly left: Part;
  readonly right: Part;
}

export function combine(cursor: TokenCursor, operation: Operation): Part {
  const { op, token } = operation;
  const made =
    spansets(operation) ??
    constants(cursor, operation) ??
    series(cursor, operation) ??
    scalars(operation);
  if (made === undefined) throw cursor.error(`syntax error: unexpected ${op}`, token);
  return made;
}

function spansets({ op, left, right }: Operation): Part | undefined {
  const a = spansetOf(left);
  const b = spansetOf(right);
  if (a === undefined || b === undefined) return undefined;
  if (op !== "&&" && op !== "||" && !RELATIONS.includes(op)) return undefined;
  const node: SpansetExpr = { node: "spansetOperation", op: op as SpansetOp, left: a, right: b };
  // With pipelines as operands it is a query of its own, and no stage of another.
  const isPipeline = left.is === "pipeline" || right.is === "pipeline";
  return isPipeline
    ? { is: "pipeline", node: { node: "pipeline", stages: [node] } }
    : { is: "spanset", node };
}

/** What may be an operand of spanset operators. */
export function spansetOf(part: Part): SpansetExpr | undefined {
  if (part.is === "spanset") return part.node;
  if (part.is !== "pipeline") return undefined;
  const [only] = part.node.stages;
  const isOperation = part.node.stages.length === 1 && only.node === "spansetOperation";
  return isOperation ? only : part.node;
}

function constants(cursor: TokenCursor, { op, token, left, right }: Operation): Part | undefined {
  if (left.is !== "const" || right.is !== "const") return undefined;
  if (op !== "+" && op !== "-" && op !== "*" && op !== "/") return undefined;
  return { is: "const", node: folded(cursor, { op, token }, left.node, right.node) };
}

/** The constant of a constant operation; with one operand, its negative. */
export function folded(
  cursor: TokenCursor,
  { op, token }: { op: "+" | "-" | "*" | "/"; token: Token },
  ...operands: readonly Literal[]
): Literal {
  const [a, b] = operands.map(({ value }) => value);
  if (b === undefined) return { node: "literal", value: negated(a) ?? refuse(cursor, token) };
  refuseDuration(cursor, token, a, b);
  return { node: "literal", value: arithmetic(op, a, b) ?? refuse(cursor, token) };
}

function refuse(cursor: TokenCursor, token: Token): never {
  throw cursor.error("division by zero", token);
}

function refuseDuration(cursor: TokenCursor, token: Token, ...values: readonly Static[]): void {
  if (values.every(({ type }) => type !== "duration")) return;
  throw cursor.error("duration cannot be used in scalar arithmetic", token);
}

function series(cursor: TokenCursor, operation: Operation): Part | undefined {
  const { op, token, left, right } = operation;
  if (left.is !== "metrics" && right.is !== "metrics") return undefined;
  if (left.is === "metrics" && right.is === "const" && isCompare(op)) {
    const second = { node: "seriesFilter", op, value: right.node.value } as const;
    return { is: "metrics", node: withSeries(left.node, second) };
  }
  if (op !== "+" && op !== "-" && op !== "*" && op !== "/") return undefined;
  if (!isSeries(left) || !isSeries(right)) return undefined;
  for (const part of [left, right]) {
    if (part.is === "const") refuseDuration(cursor, token, part.node.value);
  }
  const [a, b] = [left.node, right.node];
  const node: MetricsOperation = { node: "metricsOperation", op, left: a, right: b, seconds: [] };
  return { is: "metrics", node };
}

function isSeries(part: Part): part is Part & { readonly node: MetricsExpr | Literal } {
  return part.is === "metrics" || part.is === "const";
}

function scalars({ op, left, right }: Operation): Part | undefined {
  if (left.is !== "scalar" && right.is !== "scalar") return undefined;
  const a = scalarOf(left);
  const b = scalarOf(right);
  if (a === undefined || b === undefined) return undefined;
  if (isCompare(op)) {
    // `2 < ({ … } | count())` is none of Tempo's forms.
    if (left.is === "const" && b.node === "scalarPipeline") return undefined;
    const node: ScalarFilter = { node: "scalarFilter", op, left: a, right: b };
    return { is: "stage", node };
  }
  if (!["+", "-", "*", "/", "%", "^"].includes(op)) return undefined;
  const node = { node: "scalarOperation", op: op as ArithmeticOp, left: a, right: b } as const;
  return { is: "scalar", node };
}

function scalarOf(part: Part): ScalarExpr | undefined {
  return part.is === "scalar" || part.is === "const" ? part.node : undefined;
}
