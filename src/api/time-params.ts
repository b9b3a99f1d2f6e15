/**
 * Times and durations in parameters: Unix seconds, fractions of them, nanoseconds, RFC 3339;
 * durations as Prometheus and Go write them. Refused in Tempo's words.
 */
import { EngineError } from "../base/error.ts";
import { parseDuration } from "../traceql/duration.ts";
import { parseInteger, refusing } from "./go-number.ts";

export const NS_PER_SECOND = 1_000_000_000n;
const NS_PER_MS = 1_000_000n;

/** Longer integers are nanoseconds: Tempo's own rule, by which milliseconds are of 1970. */
const SECONDS_LENGTH_MAX = 10;
const FRACTION = /^[+-]?(\d+\.\d*|\.\d+)(e[+-]?\d{1,2})?$/i;
const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** A part of time; undefined bounds are open. Unix nanoseconds. */
export interface TimeRange {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
}

/** Parameters of Go's kind: an empty one is absent, of several the first counts. */
export function parameter(params: URLSearchParams, name: string): string | undefined {
  return params.get(name) || undefined;
}

/** Unix nanoseconds of 64 bits; throws `malformed`. */
export function parseTimestamp(text: string): bigint {
  const nano = FRACTION.test(text) ? parseFraction(text) : parseRfc3339(text);
  if (nano !== undefined && BigInt.asIntN(64, nano) !== nano) {
    throw new EngineError("malformed", `parsing ${JSON.stringify(text)}: value out of range`);
  }
  if (nano !== undefined) return nano;
  const value = parseInteger(text, { bits: 64, signed: true });
  return text.length <= SECONDS_LENGTH_MAX ? value * NS_PER_SECOND : value;
}

/** To the millisecond, as Tempo: a double has no more of seconds since 1970 that people mean. */
function parseFraction(text: string): bigint {
  const seconds = Number(text);
  const ms = Math.round((seconds % 1) * 1000);
  return BigInt(Math.trunc(seconds)) * NS_PER_SECOND + BigInt(ms) * NS_PER_MS;
}

function parseRfc3339(text: string): bigint | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, date, fraction = "", zone] = match;
  const ms = Date.parse(`${date}${zone}`);
  // JavaScript takes 24:00 and the 31st of February; Go does not.
  const local = new Date(Date.parse(`${date}Z`));
  if (Number.isNaN(ms) || local.toJSON()?.slice(0, date.length) !== date) return undefined;
  return BigInt(ms) * NS_PER_MS + BigInt(fraction.padEnd(9, "0"));
}

/** Of `since`, in nanoseconds; throws `malformed`. */
export function parseSince(text: string): bigint {
  const ns = text === "0" ? 0n : parseDuration(text);
  if (ns !== undefined) return ns;
  const message = `not a valid duration string: ${JSON.stringify(text)}`;
  throw new EngineError("malformed", `could not parse 'since' parameter: ${message}`);
}

/** As Go's time.ParseDuration, and days, too; nanoseconds; throws `malformed`. */
export function parseGoDuration(text: string): bigint {
  const [, sign, size] = /^([+-]?)(.*)$/s.exec(text) ?? ["", "", ""];
  const ns = size === "0" ? 0n : parseDuration(size);
  if (ns !== undefined) return sign === "-" ? -ns : ns;
  const quoted = JSON.stringify(text);
  if (/^[\d.]*\d[\d.]*$/.test(size)) {
    throw new EngineError("malformed", `time: missing unit in duration ${quoted}`);
  }
  throw new EngineError("malformed", `time: invalid duration ${quoted}`);
}

/**
 * Of searches and lists: `since`, or both `start` and `end`, or all of time. `nowNano` is the end
 * of `since`.
 */
export function parseTimeRange(params: URLSearchParams, nowNano: bigint): TimeRange {
  return refusing("error parsing date range", () => {
    const since = parameter(params, "since");
    if (since !== undefined) return { startNano: nowNano - parseSince(since), endNano: nowNano };
    const start = parameter(params, "start");
    const end = parameter(params, "end");
    if (start === undefined && end === undefined) {
      return { startNano: undefined, endNano: undefined };
    }
    if (start === undefined || end === undefined) {
      const only = "only one of start and end provided: must provide both or neither";
      throw new EngineError("malformed", only);
    }
    const range = { startNano: startOf(start), endNano: endOf(end) };
    // As in messages, where a zero is what is not set.
    const isOpen = range.startNano === 0n && range.endNano === 0n;
    return isOpen ? { startNano: undefined, endNano: undefined } : range;
  });
}

/** Of metrics: `end` or now, `start` or so long before, but never before a time to come. */
export function parseMetricsRange(
  params: URLSearchParams,
  { nowNano, sinceNano }: { nowNano: bigint; sinceNano: bigint },
): { readonly startNano: bigint; readonly endNano: bigint } {
  const sinceText = parameter(params, "since");
  const since = sinceText === undefined ? sinceNano : parseSince(sinceText);
  const endText = parameter(params, "end");
  const endNano = endText === undefined ? nowNano : endOf(endText);
  const startText = parameter(params, "start");
  const last = endNano > nowNano ? nowNano : endNano;
  return { startNano: startText === undefined ? last - since : startOf(startText), endNano };
}

function startOf(text: string): bigint {
  return refusing("could not parse 'start' parameter", () => parseTimestamp(text));
}

function endOf(text: string): bigint {
  return refusing("could not parse 'end' parameter", () => parseTimestamp(text));
}
