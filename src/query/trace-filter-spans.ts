/**
 * A trace with those of its spans alone that a filter finds, with their ancestors and descendants
 * where these are wanted: `q` of Tempo's trace by id.
 */
import { assert } from "../base/assert.ts";
import type { FieldExpr } from "../traceql/ast.ts";
import { readResource, readScope } from "./any-value.ts";
import { compile, isTrue, type Spot } from "./compile.ts";
import { spokenOf } from "./field-of.ts";
import { joined, ProtoCursor, putVarint, varintBytes, WIRE_BYTES } from "./proto-cursor.ts";
import type { Source } from "./segment.ts";
import { type ReadSpan, readSpan, spanReaders } from "./span-readers.ts";

export interface SpanFilter {
  /** Checked; speaks of single spans. */
  readonly expr: FieldExpr;
  /** Steps towards the root that are kept of each span found; Infinity: all of them. */
  readonly ancestors: number;
  /** Steps away from it. */
  readonly descendants: number;
}

export interface FilteredTrace {
  /** An encoded TracesData. */
  readonly trace: Uint8Array;
  /** Whether spans were left out. */
  readonly isLess: boolean;
}

/** Of ResourceSpans and ScopeSpans: message = 1, members = 2. */
const SOURCE_TAG = (1 << 3) | WIRE_BYTES;
const MEMBER_TAG = (2 << 3) | WIRE_BYTES;
const RESOURCE_SPANS_TAG = (1 << 3) | WIRE_BYTES;

/** `trace` is an encoded TracesData. Throws `block_corrupt`. */
export function filterTraceSpans(trace: Uint8Array, filter: SpanFilter): FilteredTrace {
  const spans = [...spansOf(trace)];
  const keeps = spanTest(filter.expr);
  const found = spans.filter(({ span }) => keeps(span));
  const kept = new Set(found.map(({ place }) => place));
  const near = new Set([
    ...walk(found, { steps: filter.ancestors, next: parentsIn(spans) }),
    ...walk(found, { steps: filter.descendants, next: childrenIn(spans) }),
  ]);
  for (const { place, span } of spans) if (near.has(span.id)) kept.add(place);
  if (kept.size === spans.length) return { trace, isLess: false };
  return { trace: only(trace, kept), isLess: true };
}

/** Comparisons with events that are joined by `&&` speak of the same event; so with links. */
function spanTest(expr: FieldExpr): (span: ReadSpan) => boolean {
  let current: ReadSpan | undefined;
  const spanAtHand = () => {
    assert(current !== undefined, "query: no span at hand");
    return current;
  };
  const parts = conjuncts(expr).map((part) => {
    const { fields, run } = compile(part);
    const readers = spanReaders(fields, spanAtHand);
    return { lists: spokenOf(part), test: (spot: Spot) => isTrue(run(readers, spot)) };
  });
  const ofSpan = parts.filter(({ lists }) => lists.length === 0);
  const ofEntries = parts.filter(({ lists }) => lists.length > 0);
  return (span) => {
    current = span;
    if (!ofSpan.every(({ test }) => test({ row: 0, event: -1, link: -1 }))) return false;
    return (
      ofEntries.length === 0 ||
      spots(span).some((spot) => ofEntries.every((part) => part.test(spot)))
    );
  };
}

function conjuncts(expr: FieldExpr): FieldExpr[] {
  if (expr.node !== "binary" || expr.op !== "&&") return [expr];
  return [...conjuncts(expr.left), ...conjuncts(expr.right)];
}

/** Each event with each link; -1 where there are none. */
function spots({ event: events, link: links }: ReadSpan): Spot[] {
  const places = (list: readonly unknown[]) => (list.length === 0 ? [-1] : [...list.keys()]);
  return places(events).flatMap((event) => places(links).map((link) => ({ row: 0, event, link })));
}

interface PlacedSpan {
  /** In the order of the trace, from 0. */
  readonly place: number;
  readonly span: ReadSpan;
}

function* spansOf(trace: Uint8Array): Generator<PlacedSpan> {
  let place = 0;
  for (const group of members(trace, RESOURCE_SPANS_TAG)) {
    const resource = readResource(sourceOf(group));
    for (const scopeSpans of members(group, MEMBER_TAG)) {
      const scope: Source = readScope(sourceOf(scopeSpans));
      for (const message of members(scopeSpans, MEMBER_TAG)) {
        yield { place: place++, span: readSpan(message, resource, scope) };
      }
    }
  }
}

type Near = (id: string) => readonly string[];

const NO_PARENT = "0".repeat(16);

/** Spans may share an id: then all of their parents count. */
function parentsIn(spans: readonly PlacedSpan[]): Near {
  return near(spans.map(({ span: { id, parentId } }) => [id, parentId]));
}

function childrenIn(spans: readonly PlacedSpan[]): Near {
  return near(spans.map(({ span: { id, parentId } }) => [parentId, id]));
}

function near(pairs: readonly (readonly [string, string])[]): Near {
  const found = Map.groupBy(pairs, ([from]) => from);
  return (id) => (found.get(id) ?? []).map(([, to]) => to);
}

/** Ids that some number of steps lead to; the shortest way to each counts. */
function walk(
  from: readonly PlacedSpan[],
  { steps, next }: { readonly steps: number; readonly next: Near },
): Set<string> {
  const found = new Set<string>();
  let edge = new Set(from.map(({ span }) => span.id));
  for (let step = 0; step < steps && edge.size > 0; step++) {
    const further = new Set<string>();
    for (const id of edge) {
      for (const to of next(id)) {
        if (to === NO_PARENT || found.has(to)) continue;
        found.add(to);
        further.add(to);
      }
    }
    edge = further;
  }
  return found;
}

/** The trace without the spans that are not kept, and without groups that have none. */
function only(trace: Uint8Array, kept: ReadonlySet<number>): Uint8Array {
  let place = 0;
  const scopeSpans = (group: Uint8Array) =>
    filtered(group, MEMBER_TAG, (message) => (kept.has(place++) ? message : undefined));
  const resourceSpans = (group: Uint8Array) => filtered(group, MEMBER_TAG, scopeSpans);
  return filtered(trace, RESOURCE_SPANS_TAG, resourceSpans) ?? new Uint8Array(0);
}

/** A message with what `map` makes of its members; undefined when none is left. */
function filtered(
  message: Uint8Array,
  tag: number,
  map: (member: Uint8Array) => Uint8Array | undefined,
): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let isEmpty = true;
  for (const { whole, payload, tag: found } of fieldsOf(message)) {
    if (found !== tag) {
      parts.push(whole);
      continue;
    }
    const member = map(payload);
    if (member === undefined) continue;
    isEmpty = false;
    const head = new Uint8Array(1 + varintBytes(member.length));
    head[0] = tag;
    putVarint(head, 1, member.length);
    parts.push(head, member);
  }
  return isEmpty ? undefined : joined(parts);
}

function* members(message: Uint8Array, tag: number): Generator<Uint8Array> {
  for (const field of fieldsOf(message)) if (field.tag === tag) yield field.payload;
}

/** The Resource or InstrumentationScope; empty when there is none. */
function sourceOf(message: Uint8Array): Uint8Array {
  return members(message, SOURCE_TAG).next().value ?? new Uint8Array(0);
}

interface MessageField {
  readonly tag: number;
  readonly whole: Uint8Array;
  /** Of a length-delimited field. */
  readonly payload: Uint8Array;
}

function* fieldsOf(message: Uint8Array): Generator<MessageField> {
  const cursor = new ProtoCursor(message);
  while (cursor.at < message.length) {
    const start = cursor.at;
    const tag = cursor.tag(message.length);
    cursor.skip(tag & 7, message.length);
    const length = (tag & 7) === WIRE_BYTES ? cursor.low : 0;
    const whole = message.subarray(start, cursor.at);
    yield { tag, whole, payload: whole.subarray(whole.length - length) };
  }
}
