/**
 * Lists of values as answers have them: each once, by type (booleans, numbers, texts, statuses,
 * kinds), then by value; of equal numbers integers come before floats and floats before durations.
 */
import type { Static } from "../traceql/ast.ts";
import { orderTexts, orderValues } from "./value-order.ts";

/** In this order, without nil. */
export type TagValueList = readonly Static[];

const NUMBERS: readonly Static["type"][] = ["int", "float", "duration"];

/** Zero: it is the same value. */
export function orderTagValues(a: Static, b: Static): number {
  if (a.type === "string" && b.type === "string") return orderTexts(a.value, b.value);
  return orderNaN(a, b) || orderValues(a, b) || orderTypes(a, b);
}

/** After all other numbers. */
function orderNaN(a: Static, b: Static): number {
  if (!NUMBERS.includes(a.type) || !NUMBERS.includes(b.type)) return 0;
  return Number(isNaNumber(a)) - Number(isNaNumber(b));
}

function isNaNumber(value: Static): boolean {
  return value.type === "float" && Number.isNaN(value.value);
}

function orderTypes(a: Static, b: Static): number {
  const order = NUMBERS.indexOf(a.type) - NUMBERS.indexOf(b.type);
  if (order !== 0 || a.type !== "float" || b.type !== "float") return order;
  // -0 and 0 are shown as two.
  return Number(Object.is(b.value, -0)) - Number(Object.is(a.value, -0));
}

export function tagValueList(values: readonly Static[]): TagValueList {
  const list = values.filter(({ type }) => type !== "nil");
  if (list.every((value, i) => i === 0 || orderTagValues(list[i - 1], value) < 0)) return list;
  list.sort(orderTagValues);
  return list.filter((value, i) => i === 0 || orderTagValues(list[i - 1], value) !== 0);
}

export function mergeTagValues(a: TagValueList, b: TagValueList): TagValueList {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const merged: Static[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const order = orderTagValues(a[i], b[j]);
    merged.push(order <= 0 ? a[i] : b[j]);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  while (i < a.length) merged.push(a[i++]);
  while (j < b.length) merged.push(b[j++]);
  return merged;
}

export interface TagValueBounds {
  /** Each of them: 0 is no bound. */
  readonly limit: number;
  readonly bytesMax: number;
}

/**
 * The first ones; the last may go beyond the bytes. What is cut off the lists of parts would not be
 * in that of the whole either, so parts may be cut before they are merged.
 */
export function cutTagValues(
  list: TagValueList,
  { limit, bytesMax }: TagValueBounds,
): TagValueList {
  const most = limit === 0 ? list.length : Math.min(limit, list.length);
  let bytes = 0;
  for (let i = 0; i < most && bytesMax > 0; i++) {
    if (bytes >= bytesMax) return list.slice(0, i);
    bytes += textBytes(list[i]);
  }
  return most === list.length ? list : list.slice(0, most);
}

export function textBytes(value: Static): number {
  if (value.type === "nil") return 0;
  return value.type === "string" ? Buffer.byteLength(value.value) : String(value.value).length;
}
