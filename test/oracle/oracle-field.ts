/**
 * Expressions over one span.
 *
 * A field of events (of links) speaks of the innermost comparison that it stands in: some event
 * (link) must make it true, of both some pair; so for !=, !~ and `= nil`, too, and a span without
 * events makes none of them true. The comparisons and bare fields of events in the chain of && at
 * the top of a filter must be true of one and the same event; those of links, of the same link.
 * Bare, as a condition, a field of events is true when it is true of some event, else false when
 * it is false of some. What is neither true nor false stays so below a `!`. As a value (by,
 * aggregates, sort, metrics) it is that of the first event, then link, where the expression has a
 * value; a span without any has one whose intrinsics are empty.
 */
import type { Value } from "../../src/query/question.ts";
import type {
  ArithmeticOp,
  Binary,
  Field,
  FieldExpr,
  Intrinsic,
  IntrinsicName,
} from "../../src/traceql/ast.ts";
import {
  type Attributes,
  KINDS,
  NIL,
  type OracleEvent,
  type OracleLink,
  type OracleSpan,
  type OracleTrace,
  serviceOf,
} from "./oracle-span.ts";
import { NIL_SHOWN_KEY } from "./oracle-traces.ts";
import { type ComparingOp, compares, negative, reckon } from "./oracle-value.ts";

/** As a label, or as what is shown, "nil" is said of a span that lacks it. */
export function isNilShown(field: Field): boolean {
  if (field.node === "intrinsic" || field.parent || field.name !== NIL_SHOWN_KEY) return false;
  return field.scope === "span" || field.scope === "none";
}

export interface At {
  readonly trace: OracleTrace;
  readonly span: OracleSpan;
  /** Which one a comparison speaks of just now. */
  readonly event?: OracleEvent | undefined;
  readonly link?: OracleLink | undefined;
}

export type FieldNode = Extract<FieldExpr, { node: "attribute" | "intrinsic" }>;

export function isField(expr: FieldExpr): expr is FieldNode {
  return expr.node === "attribute" || expr.node === "intrinsic";
}

/** Whether a filter keeps a span. */
export function filterKeeps(expr: FieldExpr, at: At): boolean {
  const chain = conjuncts(expr);
  const ofOne = chain.filter(
    (part) => isCompared(part) && (speaks(part, "event") || speaks(part, "link")),
  );
  const others = chain.filter((part) => !ofOne.includes(part));
  if (!others.every((part) => isTrue(part, at))) return false;
  if (ofOne.length === 0) return true;
  return choices(ofOne, at).some((chosen) => ofOne.every((part) => isTrue(part, chosen)));
}

function conjuncts(expr: FieldExpr): FieldExpr[] {
  if (expr.node !== "binary" || expr.op !== "&&") return [expr];
  return [...conjuncts(expr.left), ...conjuncts(expr.right)];
}

/** A comparison, or a field for itself. */
function isCompared(expr: FieldExpr): boolean {
  return isField(expr) || (expr.node === "binary" && isComparing(expr.op));
}

export function isComparing(op: Binary["op"]): op is ComparingOp {
  return ["=", "!=", "<", "<=", ">", ">=", "=~", "!~"].includes(op);
}

/** Whether the expression itself names a field of events (links): not in a comparison in it. */
function speaks(expr: FieldExpr, of: "event" | "link"): boolean {
  if (expr.node === "attribute") return expr.scope === of;
  if (expr.node === "intrinsic") return expr.name.startsWith(`${of}:`);
  if (expr.node === "unary") return expr.op === "-" && speaks(expr.operand, of);
  if (expr.node !== "binary") return false;
  if (isComparing(expr.op)) return [expr.left, expr.right].some((side) => speaksInside(side, of));
  return speaksInside(expr, of);
}

/** Inside of a comparison: through arithmetic only. */
function speaksInside(expr: FieldExpr, of: "event" | "link"): boolean {
  if (isField(expr)) return speaks(expr, of);
  if (expr.node === "unary") return expr.op === "-" && speaksInside(expr.operand, of);
  if (expr.node !== "binary" || isComparing(expr.op)) return false;
  if (expr.op === "&&" || expr.op === "||") return false;
  return speaksInside(expr.left, of) || speaksInside(expr.right, of);
}

/**
 * Every event and link of which the expressions may speak; none when they need one and it lacks.
 * What is bound already stays.
 */
function choices(exprs: readonly FieldExpr[], at: At, among: Among = at.span): At[] {
  const needsEvent = at.event === undefined && exprs.some((expr) => speaks(expr, "event"));
  const needsLink = at.link === undefined && exprs.some((expr) => speaks(expr, "link"));
  const withEvent = needsEvent ? among.events.map((event): At => ({ ...at, event })) : [at];
  if (!needsLink) return withEvent;
  return withEvent.flatMap((one) => among.links.map((link) => ({ ...one, link })));
}

type Among = Pick<OracleSpan, "events" | "links">;

const EMPTY_EVENT: OracleEvent = { name: "", sinceStart: 0n, attributes: new Map() };
const EMPTY_LINK: OracleLink = { traceId: "", spanId: "0".repeat(16), attributes: new Map() };

/** As a value: what is grouped, aggregated, sorted by. */
export function valueAt(expr: FieldExpr, { trace, span }: At): Value {
  const at = { trace, span };
  const among = {
    events: span.events.length === 0 ? [EMPTY_EVENT] : span.events,
    links: span.links.length === 0 ? [EMPTY_LINK] : span.links,
  };
  const values = choices([expr], at, among).map((chosen) => operandAt(expr, chosen));
  return values.find(({ type }) => type !== "nil") ?? NIL;
}

export function isTrue(expr: FieldExpr, at: At): boolean {
  const value = conditionAt(expr, at);
  return value.type === "bool" && value.value;
}

function bool(value: boolean): Value {
  return { type: "bool", value };
}

/** As a condition. */
function conditionAt(expr: FieldExpr, at: At): Value {
  if (isField(expr) && isUnbound(expr, at)) return fieldOfAny(expr, at);
  if (expr.node === "unary" && expr.op === "!") {
    const value = conditionAt(expr.operand, at);
    return value.type === "bool" ? bool(!value.value) : NIL;
  }
  if (expr.node !== "binary") return operandAt(expr, at);
  if (expr.op === "&&") return bool(isTrue(expr.left, at) && isTrue(expr.right, at));
  if (expr.op === "||") return bool(isTrue(expr.left, at) || isTrue(expr.right, at));
  if (isComparing(expr.op)) return bool(comparisonHolds(expr, expr.op, at));
  return operandAt(expr, at);
}

/** As a part of a comparison or of arithmetic; conditions inside speak for themselves. */
function operandAt(expr: FieldExpr, at: At): Value {
  if (expr.node === "literal") return expr.value;
  if (isField(expr)) return fieldAt(expr, at);
  if (expr.node === "unary" && expr.op === "-") return negative(operandAt(expr.operand, at));
  if (expr.node === "binary" && isArithmetic(expr.op)) {
    return reckon(expr.op, operandAt(expr.left, at), operandAt(expr.right, at));
  }
  return conditionAt(expr, { trace: at.trace, span: at.span });
}

function isArithmetic(op: Binary["op"]): op is ArithmeticOp {
  return ["+", "-", "*", "/", "%", "^"].includes(op);
}

function isUnbound(expr: FieldNode, at: At): boolean {
  if (speaks(expr, "event")) return at.event === undefined;
  return speaks(expr, "link") && at.link === undefined;
}

/** A field of events or links that stands for itself as a condition. */
function fieldOfAny(expr: FieldNode, at: At): Value {
  const values = choices([expr], at).map((chosen) => fieldAt(expr, chosen));
  const found = (wanted: boolean) =>
    values.some((value) => value.type === "bool" && value.value === wanted);
  if (found(true)) return bool(true);
  return found(false) ? bool(false) : NIL;
}

function comparisonHolds(expr: Binary, op: ComparingOp, at: At): boolean {
  return choices([expr], at).some((chosen) => sidesCompare(expr, op, chosen));
}

function sidesCompare({ left, right }: Binary, op: ComparingOp, at: At): boolean {
  const isNil = (side: FieldExpr) => side.node === "literal" && side.value.type === "nil";
  if (isNil(left) && isNil(right)) return false;
  if (isNil(left) || isNil(right)) {
    const isAbsent = operandAt(isNil(left) ? right : left, at).type === "nil";
    return (op === "=" && isAbsent) || (op === "!=" && !isAbsent);
  }
  const isPattern = op === "=~" || op === "!~";
  const side = (own: FieldExpr, other: FieldExpr): Value => {
    const value = operandAt(own, at);
    const isId =
      !isPattern && own.node === "literal" && value.type === "string" && isTraceId(other);
    return isId ? { type: "string", value: value.value.replace(/^0+/, "") } : value;
  };
  return compares(op, side(left, right), side(right, left));
}

function isTraceId(expr: FieldExpr): boolean {
  return expr.node === "intrinsic" && ["trace:id", "link:traceID"].includes(expr.name);
}

/** nil when it is absent. Of events and links the one that `at` names. */
export function fieldAt(expr: FieldNode, at: At): Value {
  if (expr.node === "intrinsic") return intrinsicAt(expr, at);
  const { span, event, link } = at;
  const of = (attributes: Attributes | undefined) => attributes?.get(expr.name);
  switch (expr.scope) {
    case "span":
      return of(span.attributes) ?? NIL;
    case "resource":
      return resourceValue(expr.name, span);
    case "none":
      return of(span.attributes) ?? resourceValue(expr.name, span);
    case "instrumentation":
      return of(span.scope) ?? NIL;
    case "event":
      return of(event?.attributes) ?? NIL;
    case "link":
      return of(link?.attributes) ?? NIL;
  }
}

function resourceValue(name: string, span: OracleSpan): Value {
  const value = span.resource.get(name);
  return value ?? (name === "service.name" ? { type: "string", value: "" } : NIL);
}

/** Ids of traces as they are shown and compared. */
function shortened(traceId: string): string {
  return traceId.replace(/^0+/, "");
}

type ByName = Readonly<Record<Exclude<IntrinsicName, "parent">, (at: At) => Value>>;

const text = (value: string): Value => ({ type: "string", value });
const int = (value: number): Value => ({ type: "int", value: BigInt(value) });
const duration = (value: bigint): Value => ({ type: "duration", value });

const INTRINSIC: ByName = {
  duration: ({ span }) => duration(span.end - span.start),
  name: ({ span }) => text(span.name),
  status: ({ span }) => ({ type: "status", value: span.status }),
  statusMessage: ({ span }) => text(span.statusMessage),
  kind: ({ span }) => ({ type: "kind", value: KINDS[span.kind] }),
  "span:id": ({ span }) => text(span.spanId),
  "span:parentID": ({ span }) => text(span.parentId.padStart(16, "0")),
  "span:childCount": ({ trace, span }) => int(trace.nestedSets.get(span)?.children ?? 0),
  "trace:id": ({ trace }) => text(shortened(trace.traceId)),
  traceDuration: ({ trace }) => duration(trace.duration),
  rootName: ({ trace }) => text(trace.root?.name ?? ""),
  rootServiceName: ({ trace }) => text(serviceOf(trace.root)),
  "event:name": ({ event }) => (event === undefined ? NIL : text(event.name)),
  "event:timeSinceStart": ({ event }) => (event === undefined ? NIL : duration(event.sinceStart)),
  "link:traceID": ({ link }) => (link === undefined ? NIL : text(shortened(link.traceId))),
  "link:spanID": ({ link }) => (link === undefined ? NIL : text(link.spanId)),
  "instrumentation:name": ({ span }) => text(span.scopeName),
  "instrumentation:version": ({ span }) => text(span.scopeVersion),
  nestedSetLeft: ({ trace, span }) => int(trace.nestedSets.get(span)?.left ?? 0),
  nestedSetRight: ({ trace, span }) => int(trace.nestedSets.get(span)?.right ?? 0),
  nestedSetParent: ({ trace, span }) => int(trace.nestedSets.get(span)?.parent ?? 0),
};

function intrinsicAt({ name }: Intrinsic, at: At): Value {
  return name === "parent" ? NIL : INTRINSIC[name](at);
}
