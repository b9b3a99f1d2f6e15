/**
 * The kinds of values that keys take. Each says how it is checked (zod), what to tell an author
 * who wrote something else, which values ask for nothing, and how it is written back.
 */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { CONFIG_VALUE_SHOWN_MAX } from "../limits.ts";
import { formatByteSize, parseByteSize } from "./byte-size.ts";
import { formatDuration, parseDuration } from "./duration.ts";
import {
  ANY_ADDRESS,
  type Endpoint,
  formatEndpoint,
  isHostName,
  parseEndpoint,
} from "./endpoint.ts";
import { Secret } from "./secret.ts";

export interface Value<T> {
  /** A text takes a scalar as it is written, so that `password: 007` keeps its zeros. */
  readonly wants: "text" | "scalar" | "any";
  readonly schema: z.ZodType<T>;
  /** Ends the sentence `… is not <expected>`. */
  readonly expected: string;
  /** A better sentence for some refused values. */
  readonly explain?: (raw: unknown) => string | undefined;
  /** Values that ask for nothing: no key is refused or warned about for them. Null is one too. */
  readonly off: readonly unknown[];
  /** Never shown in a message. */
  readonly secret: boolean;
  /** A boolean flag may stand alone on the command line. */
  readonly boolean: boolean;
  print(value: T): unknown;
}

type Shape<T> = Pick<Value<T>, "schema" | "expected"> & Partial<Value<T>>;

export type Read<T> =
  | { readonly ok: true; readonly value: T; readonly off: boolean }
  | { readonly ok: false; readonly message: string };

export function makeValue<T>(shape: Shape<T>): Value<T> {
  return {
    wants: "scalar",
    off: [],
    secret: false,
    boolean: false,
    print: (value) => value,
    ...shape,
  };
}

/** The same kind, where these values mean that the feature is off. */
export function offWhen<T>(value: Value<T>, ...off: readonly unknown[]): Value<T> {
  return { ...value, off: [...value.off, ...off] };
}

/** Checks what the file or a flag holds. */
export function readValue<T>(kind: Value<T>, raw: unknown): Read<T> {
  const result = kind.schema.safeParse(raw);
  if (!result.success) {
    const explained = kind.secret ? undefined : kind.explain?.(raw);
    const shown = kind.secret ? "what is given" : shownValue(raw);
    return { ok: false, message: explained ?? `${shown} is not ${kind.expected}` };
  }
  const { data } = result;
  const off = kind.off.some((one) => isDeepStrictEqual(one, raw) || isDeepStrictEqual(one, data));
  return { ok: true, value: data, off };
}

/** A value of the file in a message: short, on one line. */
export function shownValue(raw: unknown): string {
  if (Array.isArray(raw)) return "a list";
  if (typeof raw === "object" && raw !== null) return "a mapping";
  const shown = typeof raw === "string" ? JSON.stringify(raw) : String(raw);
  const cut = shown.length > CONFIG_VALUE_SHOWN_MAX;
  return cut ? `${shown.slice(0, CONFIG_VALUE_SHOWN_MAX)}…` : shown;
}

/** A transformation that answers undefined refuses the value, with the kind's usual message. */
export function parsed<T>(parse: (raw: unknown) => T | undefined): z.ZodType<T> {
  return z.unknown().transform((raw, context): T => {
    const value = parse(raw);
    if (value !== undefined) return value;
    context.issues.push({ code: "invalid_value", values: [], input: raw });
    return z.NEVER;
  });
}

const booleanWords: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  ...["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y", true].map(
    (word) => [word, true] as const,
  ),
  ...["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N", false].map(
    (word) => [word, false] as const,
  ),
]);

/** True or false, both of which say something. */
export const flag = makeValue<boolean>({
  schema: parsed((raw) => booleanWords.get(raw)),
  expected: "true or false",
  boolean: true,
});

/** True or false, where false asks for nothing. */
export const toggle = offWhen(flag, false);

export const text = makeValue<string>({
  wants: "text",
  schema: z.string(),
  expected: "a text",
  off: [""],
});

export const secret = makeValue<Secret>({
  wants: "text",
  schema: z.string().transform((value) => new Secret(value)),
  expected: "a text",
  off: [""],
  secret: true,
  print: (value) => value.toString(),
});

export const count = makeValue<number>({
  schema: z.int().nonnegative().or(parsed(underscored)),
  expected: "a whole number, 0 or more",
});

export const integer = makeValue<number>({ schema: z.int(), expected: "a whole number" });

export const decimal = makeValue<number>({ schema: z.number(), expected: "a number" });

export const port = makeValue<number>({
  schema: z.int().min(0).max(65_535),
  expected: "a port, 0 to 65535",
});

export const duration = durationValue({ longUnits: false });

/** Tempo takes days and weeks in a few keys of the overrides only. */
export const longDuration = durationValue({ longUnits: true });

/** Zero says that there is no such limit or interval. */
export const durationOrOff = offWhen(duration, 0);

export const byteSize = makeValue<number>({
  schema: parsed((raw) => {
    if (typeof raw === "number") return Number.isSafeInteger(raw) && raw >= 0 ? raw : undefined;
    return typeof raw === "string" ? (parseByteSize(raw) ?? underscored(raw)) : undefined;
  }),
  expected: "a number of bytes, such as 1048576, 20MB or 512MiB",
  print: (bytes) => {
    const shown = formatByteSize(bytes);
    return shown === String(bytes) ? bytes : shown;
  },
});

export const textList = makeValue<string[]>({
  wants: "any",
  schema: z.array(z.coerce.string()).or(z.string().transform((item) => [item])),
  expected: "a list of texts",
  off: ["", []],
});

/** A list whose items Tempo describes further; here none of them has an effect. */
export const itemList = makeValue<unknown[]>({
  wants: "any",
  schema: z.array(z.unknown()),
  expected: "a list",
  off: [[]],
});

/** Free names with free values. */
export const textMap = makeValue<Record<string, unknown>>({
  wants: "any",
  schema: z.record(z.string(), z.unknown()),
  expected: "a mapping",
  off: [{}],
});

export const address = makeValue<string>({
  wants: "text",
  schema: parsed((raw) => {
    if (typeof raw !== "string") return undefined;
    if (raw === "") return ANY_ADDRESS;
    const bare = /^\[(.+)\]$/.exec(raw)?.[1] ?? raw;
    return isHostName(bare) || /^[0-9A-Fa-f:.]+$/.test(bare) ? bare : undefined;
  }),
  expected: "an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::1",
});

export const endpoint = makeValue<Endpoint>({
  wants: "text",
  schema: parsed((raw) => (typeof raw === "string" ? parseEndpoint(raw) : undefined)),
  expected: "an address and a port, such as 127.0.0.1:4318, :4318 or [::1]:4318",
  print: formatEndpoint,
});

export const folder = makeValue<string>({
  wants: "text",
  schema: z
    .string()
    .min(1)
    .refine((path) => !path.includes("\0")),
  expected: "the path of a folder",
});

/** A path under which HTTP requests arrive; `.` and `..` are left to nobody's interpretation. */
export const urlPath = makeValue<string>({
  wants: "text",
  schema: z.string().regex(/^(?:\/(?!\.{1,2}(?:\/|$))[\w.~:@!$&'()*+,;=-]+)+$/),
  expected: "a path that begins with a slash and does not end with one, such as /v1/traces",
});

function durationValue(options: { longUnits: boolean }): Value<number> {
  return makeValue<number>({
    schema: parsed((raw) => {
      if (raw === 0) return 0;
      const ms = typeof raw === "string" ? parseDuration(raw, options) : undefined;
      return ms !== undefined && ms >= 0 ? ms : undefined;
    }),
    expected: options.longUnits
      ? "a duration with its unit, such as 30s, 336h or 14d"
      : "a duration with its unit, such as 30s, 1h30m or 336h (days are not a unit here)",
    print: formatDuration,
  });
}

/** Go's YAML reads 1_000_000 as a number. */
function underscored(raw: unknown): number | undefined {
  if (typeof raw !== "string" || !/^\d{1,3}(?:_\d{3})+$/.test(raw)) return undefined;
  const value = Number(raw.replaceAll("_", ""));
  return Number.isSafeInteger(value) ? value : undefined;
}
