/**
 * The parameters of a trace by id, refused in Tempo's words: Grafana shows them to people.
 *
 * `mode`, `blockStart` and `blockEnd` are checked and change nothing, as in Tempo: they steer the
 * jobs that its frontend gives to queriers, and the frontend sets them itself.
 */
import { EngineError } from "../base/error.ts";

export interface TraceWindow {
  /** Unix seconds. */
  readonly startSeconds?: number;
  readonly endSeconds?: number;
}

const modes = ["all", "ingesters", "blocks", "external"];
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** Throws `malformed`. An empty parameter counts as absent. */
export function parseTraceParams(params: URLSearchParams): TraceWindow {
  const mode = params.get("mode") || "all";
  if (!modes.includes(mode)) throw refused(`invalid value for mode ${mode}`);
  if (mode === "ingesters") return {};
  checkUuid(params.get("blockStart"), "blockstart");
  checkUuid(params.get("blockEnd"), "blockEnd");
  const start = integer(params.get("start"), "start");
  const end = integer(params.get("end"), "end");
  if (start !== undefined && end !== undefined && end <= start) {
    const received = `received start=${start} end=${end}`;
    throw refused(`http parameter start must be before end. ${received}`);
  }
  return {
    ...(start !== undefined && { startSeconds: Number(start) }),
    ...(end !== undefined && { endSeconds: Number(end) }),
  };
}

/** A signed 64-bit decimal, as Go's strconv.ParseInt reads it. */
function integer(text: string | null, name: string): bigint | undefined {
  if (!text) return undefined;
  const parsing = `invalid ${name}: strconv.ParseInt: parsing ${JSON.stringify(text)}`;
  if (!/^[+-]?[0-9]+$/.test(text)) throw refused(`${parsing}: invalid syntax`);
  // Leading zeros are fine at any length; more digits than these never are, and cost time.
  const digits = text.replace(/^[+-]?0*/, "");
  const value = digits.length > 19 ? INT64_MAX + 1n : BigInt(digits || "0");
  const signed = text.startsWith("-") ? -value : value;
  if (digits.length > 19 || signed > INT64_MAX || signed < INT64_MIN) {
    throw refused(`${parsing}: value out of range`);
  }
  return signed;
}

/** Standard form, in braces, as URN, or digits alone. */
function checkUuid(text: string | null, name: string): void {
  if (!text) return;
  const problem = uuidProblem(text);
  if (problem !== undefined) throw refused(`invalid value for ${name}: ${problem}`);
}

function uuidProblem(text: string): string | undefined {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes === 32) return /^[0-9a-fA-F]{32}$/.test(text) ? undefined : "invalid UUID format";
  if (bytes !== 36 && bytes !== 38 && bytes !== 45) return `invalid UUID length: ${bytes}`;
  if (bytes === 45 && text.slice(0, 9).toLowerCase() !== "urn:uuid:") {
    return `invalid urn prefix: ${JSON.stringify(text.slice(0, 9))}`;
  }
  const from = { 36: 0, 38: 1, 45: 9 }[bytes];
  const standard = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
  return standard.test(text.slice(from, from + 36)) ? undefined : "invalid UUID format";
}

const refused = (message: string) => new EngineError("malformed", message);
