/**
 * The questions beside the checkout that a real Tempo answered: its checker, run against a server,
 * and its data in parts, so that traces come to lie in several places.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ResourceSpans } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { ROOT } from "./checkout.ts";
import type { Server } from "./server.ts";

const FOLDER = join(ROOT, "..", "shared", "conformance");
/** Searches take as long as all others together. */
const AT_ONCE = 2;
const DIFFERENCES = join(ROOT, "test", "conformance-differences.md");

export type ConformanceKind = "search" | "range" | "instant" | "tags" | "values" | "trace";

export interface Conformance {
  /** Questions asked. */
  readonly asked: number;
  /** Ids of those that were answered otherwise than by Tempo, sorted. */
  readonly differing: readonly string[];
  /** What the checker printed. */
  readonly output: string;
}

/** The requests of the data in order, as they are to be sent. */
export function conformanceRequests(): Uint8Array<ArrayBuffer>[] {
  const data = join(FOLDER, "data");
  if (!existsSync(data)) throw new Error(`test: the questions are not at ${FOLDER}`);
  const names = readdirSync(data).filter((name) => name.endsWith(".pb.gz"));
  return names.sort().map((name) => new Uint8Array(gunzipSync(readFileSync(join(data, name)))));
}

/**
 * The same spans in so many parts, some requests each: every trace is cut into as many runs of its
 * spans, which keeps their order.
 */
export function conformanceParts(parts: number): Uint8Array<ArrayBuffer>[][] {
  const messages = conformanceRequests().map((bytes) => fromBinary(TraceSchema, bytes));
  const lengths = new Map<string, number>();
  const idOf = ({ traceId }: { readonly traceId: Uint8Array }) => Buffer.from(traceId).toString();
  const eachSpan = (use: (traceId: string) => boolean) =>
    messages.map(({ resourceSpans }) =>
      resourceSpans.map((group) => ({
        ...group,
        scopeSpans: group.scopeSpans.map((inner) => ({
          ...inner,
          spans: inner.spans.filter((span) => use(idOf(span))),
        })),
      })),
    );
  eachSpan((id) => {
    lengths.set(id, (lengths.get(id) ?? 0) + 1);
    return true;
  });
  return Array.from({ length: parts }, (_, part) => {
    const seen = new Map<string, number>();
    const kept = eachSpan((id) => {
      const place = seen.get(id) ?? 0;
      seen.set(id, place + 1);
      return Math.floor((place * parts) / (lengths.get(id) ?? 1)) === part;
    });
    return kept.map((resourceSpans) =>
      toBinary(TraceSchema, create(TraceSchema, { resourceSpans: withSpans(resourceSpans) })),
    );
  });
}

function withSpans(groups: readonly ResourceSpans[]): ResourceSpans[] {
  return groups
    .map((group) => ({
      ...group,
      scopeSpans: group.scopeSpans.filter(({ spans }) => spans.length > 0),
    }))
    .filter(({ scopeSpans }) => scopeSpans.length > 0);
}

export async function sendRequests(
  server: Server,
  requests: readonly Uint8Array<ArrayBuffer>[],
): Promise<void> {
  for (const body of requests) {
    const response = await server.send(body);
    const answer = await response.text();
    if (response.status !== 200 || answer !== "") {
      throw new Error(`test: the data are refused: ${response.status} ${answer}`);
    }
  }
}

/** Asks all questions of these kinds; a process a kind. */
export async function askConformance(
  server: Server,
  kinds: readonly ConformanceKind[],
): Promise<Conformance> {
  const outputs: string[] = [];
  const left = [...kinds];
  const work = async () => {
    for (let kind = left.shift(); kind; kind = left.shift())
      outputs.push(await check(server, kind));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const output = outputs.join("");
  const found = [...output.matchAll(/^DIFF (\S+) /gm)].map(([, id]) => id);
  const totals = [...output.matchAll(/^(\d+)\/(\d+) answers agree$/gm)];
  if (totals.length !== kinds.length) throw new Error(`test: the checker says:\n${output}`);
  const asked = totals.reduce((sum, [, , all]) => sum + Number(all), 0);
  return { asked, differing: found.sort(), output };
}

async function check(server: Server, kind: ConformanceKind): Promise<string> {
  const script = join(FOLDER, "check.py");
  const child = Bun.spawn({
    cmd: ["python3", script, "compare", "--api", server.api, "--only", kind],
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  // 1 says that answers differ, which the output says as well.
  if ((await child.exited) > 1 || error !== "") throw new Error(`test: check.py: ${out}${error}`);
  return out;
}

/** Where we differ on purpose. */
export function knownDifferences(): { readonly reasons: number; readonly ids: string[] } {
  const text = readFileSync(DIFFERENCES, "utf8");
  const ids = [...text.matchAll(/^- `(\w+)` /gm)].map(([, id]) => id);
  return { reasons: [...text.matchAll(/^## /gm)].length, ids: ids.sort() };
}
