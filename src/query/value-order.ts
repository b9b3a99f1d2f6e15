/** An order of values of all types, for sorting and for what must always come out alike. */
import type { KindName, Static, StatusName } from "../traceql/ast.ts";
import type { Value } from "./question.ts";

const STATUSES: readonly StatusName[] = ["error", "ok", "unset"];
const KINDS: readonly KindName[] = [
  ...(["unspecified", "internal", "server", "client", "producer", "consumer"] as const),
];

/** Bools, numbers, texts, statuses, kinds; what has no order after all of them. */
const RANKS: Readonly<Record<Value["type"], number>> = {
  bool: 0,
  int: 1,
  float: 1,
  duration: 1,
  string: 2,
  status: 3,
  kind: 4,
  nil: 5,
  list: 6,
};

/**
 * Below zero, zero, above zero. Numbers compare exactly whatever their types; NaN is equal to all.
 */
export function orderValues(a: Value, b: Value): number {
  if (RANKS[a.type] !== RANKS[b.type]) return RANKS[a.type] - RANKS[b.type];
  if (a.type === "list" || b.type === "list") return 0;
  return orderAlike(a, b);
}

function orderAlike(a: Static, b: Static): number {
  if (a.type === "nil" || b.type === "nil") return 0;
  if (a.type === "string" && b.type === "string") {
    return orderTexts(a.value, b.value);
  }
  if (a.type === "status" && b.type === "status") {
    return STATUSES.indexOf(a.value) - STATUSES.indexOf(b.value);
  }
  if (a.type === "kind" && b.type === "kind")
    return KINDS.indexOf(a.value) - KINDS.indexOf(b.value);
  if (a.value < b.value) return -1;
  return a.value > b.value ? 1 : 0;
}

/** By their bytes in UTF-8, which is by code points. */
export function orderTexts(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return inPlace(x) - inPlace(y);
  }
  return a.length - b.length;
}

/** Halves of code points above U+FFFF come behind all others. */
function inPlace(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Undefined for what has no place in an order: nothing, lists, NaN. */
export function sortable(value: Value): Static | undefined {
  if (value.type === "nil" || value.type === "list") return undefined;
  return value.type === "float" && Number.isNaN(value.value) ? undefined : value;
}

/** What has no place comes last in both directions. */
export function orderSorted(
  a: Static | undefined,
  b: Static | undefined,
  isDescending: boolean,
): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return isDescending ? orderValues(b, a) : orderValues(a, b);
}

/**
 * A total order of values that are labels: as above, NaN after other numbers, lists by their
 * elements, numbers that are equal by their type.
 */
export function orderLabels(a: Value, b: Value): number {
  const byRank = RANKS[a.type] - RANKS[b.type];
  if (byRank !== 0) return byRank;
  if (a.type === "list" || b.type === "list") return orderLists(elements(a), elements(b));
  const byNaN = Number(isNaNValue(a)) - Number(isNaNValue(b));
  if (byNaN !== 0) return byNaN;
  return orderAlike(a, b) || NUMBERS.indexOf(a.type) - NUMBERS.indexOf(b.type);
}

const NUMBERS: readonly Value["type"][] = ["int", "duration", "float"];

function orderLists(a: readonly Static[], b: readonly Static[]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const order = orderLabels(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function elements(value: Value): readonly Static[] {
  return value.type === "list" ? value.values : [];
}

function isNaNValue(value: Static): boolean {
  return value.type === "float" && Number.isNaN(value.value);
}
