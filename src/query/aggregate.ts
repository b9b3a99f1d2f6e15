/** One number out of the values of a spanset. */
import type { Aggregate, Static } from "../traceql/ast.ts";
import { printField } from "../traceql/print.ts";
import type { Value } from "./question.ts";
import { orderValues } from "./value-order.ts";

type Numeric = Extract<Static, { type: "int" | "float" | "duration" }>;

/** Under which an aggregate is shown. */
export function aggregateName({ fn, argument, quantile }: Aggregate): string {
  const text = argument === undefined ? "" : printField(argument);
  return `${fn}(${text}${quantile === undefined ? "" : `, ${quantile}`})`;
}

/**
 * `values` are those of the spans, nil where one has none; `spans` their number. Undefined when no
 * value is a number. Integers give an integer (a sum modulo 2^64), durations a duration; a mixture
 * and the average of integers are floats, of durations their nanoseconds. min, max and quantile
 * give one of the values; quantile the one at max(1, ceil(q * n)) of n in order.
 */
export function aggregate(
  { fn, argument, quantile = 0 }: Aggregate,
  spans: number,
  values: readonly Value[],
): Static | undefined {
  if (argument === undefined) return { type: "int", value: BigInt(spans) };
  const numbers = values.filter(isNumber);
  if (numbers.length === 0) return undefined;
  if (fn === "min") return numbers.reduce((a, b) => (orderValues(b, a) < 0 ? b : a));
  if (fn === "max") return numbers.reduce((a, b) => (orderValues(b, a) > 0 ? b : a));
  if (fn === "quantile") {
    const place = Math.max(1, Math.ceil(quantile * numbers.length)) - 1;
    return numbers.toSorted(orderValues)[place];
  }
  return sumOrAverage(numbers, fn === "avg");
}

function isNumber(value: Value): value is Numeric {
  if (value.type === "float") return !Number.isNaN(value.value);
  return value.type === "int" || value.type === "duration";
}

function sumOrAverage(numbers: readonly Numeric[], isAverage: boolean): Static {
  const [{ type }] = numbers;
  const isOfOneType = numbers.every((one) => one.type === type);
  if (isOfOneType && (type === "duration" || (type === "int" && !isAverage))) {
    const sum = numbers.reduce((all, { value }) => all + BigInt(value), 0n);
    const count = isAverage ? BigInt(numbers.length) : 1n;
    return { type, value: BigInt.asIntN(64, sum / count) };
  }
  const sum = numbers.reduce((all, { value }) => all + Number(value), 0);
  return { type: "float", value: isAverage ? sum / numbers.length : sum };
}
