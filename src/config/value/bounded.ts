/** Kinds of values with bounds or choices of their own, made for one setting each. */

import { z } from "zod";
import { formatByteSize } from "./byte-size.ts";
import { formatDuration } from "./duration.ts";
import { byteSize, duration, makeValue, type Value } from "./value.ts";

/** One of several words. */
export function choice<const T extends string>(names: readonly [T, ...T[]]): Value<T> {
  return makeValue<T>({ wants: "text", schema: z.enum(names), expected: oneOf(names) });
}

/** A choice of which one is built; the others get their sentence. Empty is the built one. */
export function onlyOne<T extends string>(
  built: T,
  others: { readonly unbuilt: readonly string[]; readonly sentence: (name: string) => string },
): Value<T> {
  return makeValue<T>({
    wants: "text",
    schema: z.literal(built).or(z.literal("").transform(() => built)),
    expected: oneOf([built, ...others.unbuilt]),
    explain: (raw) =>
      typeof raw === "string" && others.unbuilt.includes(raw) ? others.sentence(raw) : undefined,
  });
}

/** A choice of which several are known; the others get their sentence. Empty is the first one. */
export function knownOf<const T extends string>(
  known: readonly [T, ...T[]],
  others: { readonly unbuilt: readonly string[]; readonly sentence: (name: string) => string },
): Value<T> {
  return makeValue<T>({
    wants: "text",
    schema: z.enum(known).or(z.literal("").transform(() => known[0])),
    expected: oneOf([...known, ...others.unbuilt]),
    explain: (raw) =>
      typeof raw === "string" && others.unbuilt.includes(raw) ? others.sentence(raw) : undefined,
  });
}

/** Timers count whole milliseconds. */
export function wholeMs(bounds: { readonly min?: number; readonly max?: number } = {}) {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
  const above = min <= 1 ? "" : `, at least ${formatDuration(min)}`;
  const below = max === Number.MAX_SAFE_INTEGER ? "" : `, at most ${formatDuration(max)}`;
  return {
    ...duration,
    schema: duration.schema.refine((ms) => Number.isInteger(ms) && ms >= min && ms <= max),
    expected: `${duration.expected}${above}${below}${min === 1 ? ", above 0" : ""}`,
  } satisfies Value<number>;
}

export function bytesBetween(min: number, max: number): Value<number> {
  const range =
    max === Number.MAX_SAFE_INTEGER
      ? `at least ${formatByteSize(min)}`
      : `from ${formatByteSize(min)} to ${formatByteSize(max)}`;
  return {
    ...byteSize,
    schema: byteSize.schema.refine((bytes) => bytes >= min && bytes <= max),
    expected: `a number of bytes ${range}, such as 1073741824 or 1GiB`,
  };
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
