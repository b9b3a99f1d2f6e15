/**
 * The parameters of `/api/search`, refused in Tempo's words: Grafana shows them to people.
 *
 * `skip_ast_transformations` chooses between Tempo's ways to the same answer, and is not read.
 */
import { EngineError } from "../base/error.ts";
import { type IntegerKind, parseInteger, refusing } from "./go-number.ts";
import { parseLogfmt } from "./logfmt.ts";
import { checkDurations, checkSeconds, type SearchAsk } from "./search-question.ts";
import { parameter, parseGoDuration, parseTimeRange } from "./time-params.ts";

const UINT32: IntegerKind = { bits: 32, signed: false };

/** All that Tempo and we know: of an old search every other key is a tag. */
const RESERVED = new Set([
  ...["q", "query", "tags", "minDuration", "maxDuration", "limit", "spss"],
  ...["start", "end", "since", "skip_ast_transformations"],
]);

/** Throws `malformed`. */
export function parseSearchParams(params: URLSearchParams, nowNano: bigint): SearchAsk {
  const start = uint32(params, "start");
  const end = uint32(params, "end");
  const query = parameter(params, "q") ?? "";
  const isOpen = (start ?? 0) === 0 && (end ?? 0) === 0;
  const tags = parseTags(params, { query, isOpen });
  const durations = parseDurations(params);
  const limit = uint32(params, "limit");
  if (limit === 0) throw new EngineError("malformed", "invalid limit: must be a positive number");
  const spansPerSpanSet = uint32(params, "spss") ?? 0;
  checkSeconds(start ?? 0, end ?? 0);
  const range = parseTimeRange(params, nowNano);
  return { query, tags, ...durations, range, limit: limit ?? 0, spansPerSpanSet };
}

/** Without a query, tags, and bounds of time, it is a search of the oldest kind. */
function parseTags(
  params: URLSearchParams,
  { query, isOpen }: { query: string; isOpen: boolean },
): ReadonlyMap<string, string> {
  const text = parameter(params, "tags");
  if (text !== undefined && query !== "") {
    const message = "invalid request: can't specify tags and q in the same query";
    throw new EngineError("malformed", message);
  }
  if (text !== undefined) return parseLogfmt(text);
  const tags = new Map<string, string>();
  for (const [key, value] of query === "" && isOpen ? params : []) {
    if (!RESERVED.has(key) && value !== "" && !tags.has(key)) tags.set(key, value);
  }
  return tags;
}

function parseDurations(
  params: URLSearchParams,
): Pick<SearchAsk, "minDurationNano" | "maxDurationNano"> {
  const minDurationNano = duration(params, "minDuration");
  return checkDurations({ minDurationNano, maxDurationNano: duration(params, "maxDuration") });
}

/** Nanoseconds; zero is no bound, as in Tempo. */
function duration(params: URLSearchParams, name: string): bigint | undefined {
  const text = parameter(params, name);
  if (text === undefined) return undefined;
  const ns = refusing(`invalid ${name}`, () => parseGoDuration(text));
  return ns === 0n ? undefined : ns;
}

function uint32(params: URLSearchParams, name: string): number | undefined {
  const text = parameter(params, name);
  if (text === undefined) return undefined;
  return Number(refusing(`invalid ${name}`, () => parseInteger(text, UINT32)));
}
