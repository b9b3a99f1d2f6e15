/**
 * A field's values as numbers, and as the buckets of histograms and quantiles.
 *
 * Durations are told in seconds, and added up in nanoseconds: of whole numbers the order makes no
 * difference. Buckets end at powers of two: of integers and durations (nanoseconds) from 2 on, of
 * floats above zero; nothing else is in any.
 */
import type { Field } from "../traceql/ast.ts";
import { intrinsicType } from "../traceql/intrinsics.ts";
import { type CodeTools, type FieldCodes, fieldCodes } from "./field-codes.ts";
import type { Layer } from "./field-columns.ts";
import type { FilterBits } from "./filter-bits.ts";
import type { Value } from "./question.ts";
import { NIL } from "./value-compare.ts";

const NANOS_PER_SECOND = 1e9;
/** As the kernel codes powers of two of doubles. */
const POWER_BIAS = 1075;

interface FieldRows {
  readonly field: Field;
  readonly slotOf: number;
}

/** NaN for what is no number. */
export function numberOf(value: Value): number {
  switch (value.type) {
    case "int":
      return Number(value.value);
    case "float":
      return value.value;
    case "duration":
      return Number(value.value) / NANOS_PER_SECOND;
    default:
      return Number.NaN;
  }
}

/** What fieldNumbers() has of a field for one of what is told. */
export function unitOf(field: Field | undefined): number {
  const isDuration = field?.node === "intrinsic" && intrinsicType(field.name) === "duration";
  return isDuration ? NANOS_PER_SECOND : 1;
}

/** Address of a double for each row, NaN where it has no number; of durations nanoseconds. */
export function fieldNumbers(filter: FilterBits, of: FieldRows, tools: CodeTools): number {
  const { scratch, kernel } = tools;
  const { rows } = filter.segment;
  const out = scratch.take(rows * 8);
  const plain = plainNumbers(filter, of.field);
  if (plain?.type === "float") kernel.doublesOfDoubles(plain.at, plain.present, rows, out);
  else if (plain !== undefined) kernel.doublesOfLongs(plain.at, plain.present, rows, out);
  else {
    scratch.within(() => {
      const codes = fieldCodes(filter, of, tools);
      const table = scratch.take(codes.size * 8);
      for (let code = 0; code < codes.size; code++) {
        const value = codes.value(code);
        const isDuration = value.type === "duration";
        scratch.doubles[table / 8 + code] = isDuration ? Number(value.value) : numberOf(value);
      }
      kernel.doublesOfCodes(codes.at, codes.width, rows, table, out);
    });
  }
  return out;
}

/** Values are the buckets' upper bounds, nil for rows in none. */
export function fieldBuckets(filter: FilterBits, of: FieldRows, tools: CodeTools): FieldCodes {
  const { scratch, kernel } = tools;
  const { rows } = filter.segment;
  const plain = plainNumbers(filter, of.field);
  if (plain?.type === "float") {
    const at = scratch.take(rows * 2);
    kernel.powersOfDoubles(plain.at, plain.present, rows, at);
    const value = (code: number) => bound(code === 0 ? undefined : 2 ** (code - POWER_BIAS));
    return { at, width: 2, size: POWER_BIAS + 1024, dictionary: undefined, value };
  }
  if (plain !== undefined) {
    const kept = plain.powers?.();
    const at = kept ?? scratch.take(rows);
    if (kept === undefined) kernel.powersOfLongs(plain.at, plain.present, rows, at);
    const unit = plain.type === "duration" ? NANOS_PER_SECOND : 1;
    const value = (code: number) => bound(code === 0 ? undefined : 2 ** code / unit);
    return { at, width: 1, size: 64, dictionary: undefined, value };
  }
  const { at, width, size, value } = fieldCodes(filter, of, tools);
  return { at, width, size, dictionary: undefined, value: (code) => bound(bucketOf(value(code))) };
}

function bound(value: number | undefined): Value {
  return value === undefined ? NIL : { type: "float", value };
}

type Numbers = Extract<Layer, { kind: "longs" | "doubles" }>;

/** A field that is one column of numbers. */
function plainNumbers(filter: FilterBits, field: Field): Numbers | undefined {
  const { scope, layers } = filter.columns(field);
  const [only] = layers;
  if (scope !== "row" || layers.length !== 1) return undefined;
  return only.kind === "longs" || only.kind === "doubles" ? only : undefined;
}

/** Undefined: in none. */
function bucketOf(value: Value): number | undefined {
  if (value.type === "float") {
    if (!(value.value > 0)) return undefined;
    const least = leastPower(value.value);
    return Number.isFinite(least) ? least : undefined;
  }
  if (value.type !== "int" && value.type !== "duration") return undefined;
  if (value.value < 2n) return undefined;
  const power = 2 ** (value.value - 1n).toString(2).length;
  return value.type === "duration" ? power / NANOS_PER_SECOND : power;
}

/** That is not below. */
function leastPower(value: number): number {
  if (!Number.isFinite(value)) return value;
  let power = 2 ** Math.floor(Math.log2(value));
  while (power < value) power *= 2;
  while (power / 2 >= value && power / 2 > 0) power /= 2;
  return power;
}
