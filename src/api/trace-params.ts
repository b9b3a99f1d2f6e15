/**
 * The parameters of a trace by id, refused in Tempo's words: Grafana shows them to people.
 *
 * `mode`, `blockStart` and `blockEnd` are checked and change nothing, as in Tempo: they steer the
 * jobs that its frontend gives to queriers, and the frontend sets them itself.
 */
import { EngineError } from "../base/error.ts";
import { parseInteger, refusing } from "./go-number.ts";

export interface TraceWindow {
  /** Unix seconds. */
  readonly startSeconds?: number;
  readonly endSeconds?: number;
}

const modes = ["all", "ingesters", "blocks", "external"];

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

function integer(text: string | null, name: string): bigint | undefined {
  if (!text) return undefined;
  return refusing(`invalid ${name}`, () => parseInteger(text, { bits: 64, signed: true }));
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
