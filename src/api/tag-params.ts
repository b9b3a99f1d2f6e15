/** The parameters of lists of names and values, refused in Tempo's words. */
import { type IntegerKind, parseInteger, refusing } from "./go-number.ts";
import type { TagNamesAsk } from "./tag-names-question.ts";
import type { TagValuesAsk } from "./tag-values-question.ts";
import { parameter, parseTimeRange } from "./time-params.ts";

const UINT32: IntegerKind = { bits: 32, signed: false };

/** Throws `malformed`. A limit that is none is no limit, as in Tempo. */
export function parseTagNamesParams(
  params: URLSearchParams,
  nowNano: bigint,
): Omit<TagNamesAsk, "version"> {
  const scope = parameter(params, "scope") ?? "";
  const query = parameter(params, "q") ?? "";
  const limitText = parameter(params, "limit") ?? "";
  const limit = /^\d{1,9}$/.test(limitText) ? Number(limitText) : 0;
  return { scope, query, range: parseTimeRange(params, nowNano), limit };
}

/**
 * Throws `malformed`. `maxStaleValues` lets Tempo give up early and answer less; it is checked, and
 * all values are given.
 */
export function parseTagValuesParams(
  params: URLSearchParams,
  nowNano: bigint,
): Omit<TagValuesAsk, "version" | "name"> {
  const range = parseTimeRange(params, nowNano);
  const limit = uint32(params, "limit");
  uint32(params, "maxStaleValues");
  return { query: parameter(params, "q") ?? "", range, limit };
}

function uint32(params: URLSearchParams, name: string): number {
  const text = parameter(params, name);
  if (text === undefined) return 0;
  return Number(refusing(`invalid ${name}`, () => parseInteger(text, UINT32)));
}
