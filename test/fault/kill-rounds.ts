/**
 * kill -9 again and again, under full load, on one data folder; after each restart the ledger is
 * held against what the server has.
 *
 * A request whose answer never came may be there or not; but whole, or not at all. So the rows of
 * head and blocks together are exactly the acknowledged spans and those requests found whole.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { type Prng, prng } from "../../src/base/prng.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { Server, type ServerSettings } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";
import { LEDGER_WINDOW, LedgerLoad, type SentRequest, TRACE_SPANS } from "./ledger-load.ts";

const CONNECTIONS = 12;
const LOAD_MS_MIN = 150;
/** Between what is waited for and the kill. */
const AFTER_MS_MAX = 150;
/** Of the load, while something is waited for. */
export const WAITING_PAUSE_MS = 50;
const READERS = 4;
/** Requests whose traces are asked for after a kill. */
const TRACES_MAX = 500;
const LAST_TRACES = 100;
const BUSY: readonly number[] = [503, 504];
const ATTEMPTS_MAX = 20;
const ROWS_DEADLINE_MS = 20_000;

/** What the kill is to hit. A cut takes some 100 ms, its publishing some 10 at its end. */
const MOMENTS = ["any time", "a cut", "a publish", "a start"] as const;

/** Another moment: what is waited for when load has run and blocks are being cut. */
export interface OtherMoment {
  readonly name: string;
  comes(server: Server): Promise<void>;
}

export interface KillOptions {
  readonly seed: number;
  readonly kills: number;
  /** How long load runs at most before a kill. */
  readonly loadMsMax: number;
  /** At the end one in so many of all traces is asked for; after each kill all new ones are. */
  readonly finalEvery: number;
  readonly onRound?: (line: string) => void;
  /** Of the server, besides its memory. */
  readonly settings?: ServerSettings;
  /** After all kills and a flush; returns what does not hold. */
  readonly atEnd?: (server: Server) => Promise<readonly string[]>;
  readonly moments?: readonly OtherMoment[];
  /** While load runs: sends what is not in the ledger. */
  readonly aside?: (server: Server) => Promise<void>;
  /** Rows that are not in the ledger. */
  readonly rowsAside?: (server: Server) => Promise<number>;
}

export interface KillReport {
  readonly acknowledgedSpans: number;
  readonly cutOffRequests: number;
  /** Of those, how many were found whole. */
  readonly cutOffStored: number;
  /** By what the kill was to hit. */
  readonly moments: ReadonlyMap<string, number>;
  /** What did not hold; empty when all did. */
  readonly offences: readonly string[];
}

export async function killRounds(options: KillOptions): Promise<KillReport> {
  const { seed, kills, loadMsMax, finalEvery, onRound, settings = {}, atEnd } = options;
  const { rowsAside = async () => 0 } = options;
  const all = [...MOMENTS, ...(options.moments ?? [])];
  const random = prng(seed);
  const ledger = new LedgerLoad(random);
  const moments = new Map<string, number>();
  const offences: string[] = [];
  const unknown: SentRequest[] = [];
  let stored = 0;
  await using server = await Server.start({
    "vivace.memory_budget_bytes": 256 * 1024 * 1024,
    ...settings,
  });
  for (let round = 0; round < kills; round++) {
    const from = ledger.requests.length;
    const moment = all[(round + seed) % all.length];
    const name = typeof moment === "string" ? moment : moment.name;
    moments.set(name, (moments.get(name) ?? 0) + 1);
    await killOnce({ server, ledger, moment, random, loadMsMax, aside: options.aside });
    const recent = ledger.requests.slice(from);
    const lost = recent.filter(({ outcome }) => outcome === "cut off");
    unknown.push(...lost);
    const before = offences.length;
    stored += await judgeCutOff(server, { ledger, requests: lost, offences });
    await holdRows(server, { ledger, offences, rowsAside });
    await holdCount(server, ledger, offences);
    await holdTraces(server, someOf(recent), offences);
    const line = `round ${round + 1}, ${name}: ${recent.length} requests, ${lost.length} cut off`;
    onRound?.(`${line}, rows ${ledger.acknowledgedSpans}`);
    for (let i = before; i < offences.length; i++) offences[i] = `${line}: ${offences[i]}`;
  }
  await server.flush();
  await holdRows(server, { ledger, offences, rowsAside });
  await holdCount(server, ledger, offences);
  await holdTraces(
    server,
    ledger.requests.filter((_, i) => i % finalEvery === 0),
    offences,
  );
  if (atEnd !== undefined) offences.push(...(await atEnd(server)));
  return {
    acknowledgedSpans: ledger.acknowledgedSpans,
    cutOffRequests: unknown.length,
    cutOffStored: stored,
    moments,
    offences: offences.map((offence) => `seed ${seed}: ${offence}`),
  };
}

/** All, or as many as a round has time for: from all over it, and the last. */
export function someOf(requests: readonly SentRequest[]): readonly SentRequest[] {
  const step = Math.ceil(requests.length / TRACES_MAX);
  return requests.filter((_, i) => i % step === 0 || i + LAST_TRACES >= requests.length);
}

interface Kill {
  readonly server: Server;
  readonly ledger: LedgerLoad;
  readonly moment: (typeof MOMENTS)[number] | OtherMoment;
  readonly random: Prng;
  readonly loadMsMax: number;
  readonly aside: KillOptions["aside"];
}

async function killOnce(kill: Kill): Promise<void> {
  const { server, ledger, moment, random, loadMsMax } = kill;
  const running = ledger.run(server.otlp, CONNECTIONS);
  const aside = kill.aside?.(server).catch(() => {});
  await Bun.sleep(LOAD_MS_MIN + random.below(loadMsMax - LOAD_MS_MIN));
  await aside;
  if (typeof moment !== "string") {
    server.flush().catch(() => {});
    ledger.pauseMs = WAITING_PAUSE_MS;
    await moment.comes(server);
    ledger.pauseMs = 0;
    await Bun.sleep(random.below(AFTER_MS_MAX));
  } else if (moment === "a cut" || moment === "a publish") {
    const flushed = server.flush().catch(() => {});
    if (moment === "a cut") await Bun.sleep(random.below(120));
    else await Promise.race([published(server), flushed]);
  }
  await server.kill();
  await running;
  if (moment === "a start") {
    // The replay of what was killed is killed as well.
    const started = server.restart().catch(() => {});
    await Bun.sleep(1 + random.below(600));
    await server.kill();
    await server.restart();
    await started;
    return;
  }
  await server.restart();
}

/** Resolves when a block's folder appears: its files are being written. */
async function published(server: Server): Promise<void> {
  const files = () =>
    Array.from(new Bun.Glob("**/*").scanSync({ cwd: server.blocksFolder })).length;
  const before = files();
  await waitFor(
    () => files() !== before,
    () => "no block is written",
  );
}

interface CutOff {
  readonly ledger: LedgerLoad;
  readonly requests: readonly SentRequest[];
  readonly offences: string[];
}

/** Requests without an answer: whole or not at all. Returns how many are there. */
export async function judgeCutOff(server: Server, { ledger, requests, offences }: CutOff) {
  let stored = 0;
  for (const request of requests) {
    const counts = await Promise.all(request.traceIds.map((id) => spanIds(server, id)));
    const isWhole = counts.every((ids, i) => ids.length === TRACE_SPANS[i]);
    const isAbsent = counts.every((ids) => ids.length === 0);
    if (!isWhole && !isAbsent) {
      offences.push(`a request is there in part: ${counts.map((ids) => ids.length).join(", ")}`);
    }
    if (isWhole) stored += 1;
    ledger.settle(request, isWhole ? "acknowledged" : "refused");
  }
  return stored;
}

/** Rows of head and blocks together, once no cut is under way. */
export async function holdRows(
  server: Server,
  of: Pick<CutOff, "ledger" | "offences"> & Pick<KillOptions, "rowsAside">,
): Promise<void> {
  const { ledger, offences, rowsAside = async () => 0 } = of;
  let expected = ledger.acknowledgedSpans;
  let found = "";
  const asExpected = async () => {
    expected = ledger.acknowledgedSpans + (await rowsAside(server));
    const text = await (await server.get("/metrics")).text();
    const [head, blocks] = [metric(text, "vivace_head_rows"), metric(text, "vivace_block_rows")];
    found = `${head} rows in the head and ${blocks} in blocks`;
    return head + blocks === expected;
  };
  try {
    await waitFor(asExpected, () => found, ROWS_DEADLINE_MS);
  } catch {
    offences.push(`${found}, expected ${expected} in all`);
  }
}

/** A query counts every acknowledged span once, in head and blocks together. */
export async function holdCount(
  server: Server,
  ledger: Pick<LedgerLoad, "acknowledgedSpans">,
  offences: string[],
): Promise<void> {
  const expected = ledger.acknowledgedSpans;
  const found = await countSpans(server, LEDGER_WINDOW);
  if (found !== expected) offences.push(`a query counts ${found} spans, expected ${expected}`);
}

/** Unix seconds. */
export async function countSpans(
  server: Server,
  window: { readonly start: string; readonly end: string },
): Promise<number> {
  const params = new URLSearchParams({ q: "{ } | count_over_time()", ...window });
  const { status, body } = await answer(server, `/api/metrics/query?${params}`);
  const text = new TextDecoder().decode(body);
  if (status !== 200) throw new Error(`test: ${status} ${text}`);
  const { series } = JSON.parse(text) as { series?: { value?: number }[] };
  return series?.[0]?.value ?? 0;
}

/** Every acknowledged trace by id: all of its spans, once. */
export async function holdTraces(
  server: Server,
  requests: readonly SentRequest[],
  offences: string[],
): Promise<void> {
  const left = requests.filter(({ outcome }) => outcome === "acknowledged");
  const read = async () => {
    for (let request = left.pop(); request; request = left.pop()) {
      for (const [i, id] of request.traceIds.entries()) {
        const ids = await spanIds(server, id);
        if (ids.length === TRACE_SPANS[i] && new Set(ids).size === ids.length) continue;
        offences.push(`trace ${id} has ${ids.length} spans of ${TRACE_SPANS[i]}`);
      }
    }
  };
  await Promise.all(Array.from({ length: READERS }, read));
}

/** On a machine that is busy with other things no answer may come in time: then asked again. */
async function answer(server: Server, path: string): Promise<{ status: number; body: Uint8Array }> {
  const accept = path.includes("/traces/") ? "application/protobuf" : "application/json";
  for (let attempt = 1; ; attempt++) {
    const response = await server.get(path, { accept });
    const body = new Uint8Array(await response.arrayBuffer());
    const { status } = response;
    // Attempts and no time, which goes on while a process is suspended.
    if (!BUSY.includes(status) || attempt === ATTEMPTS_MAX) return { status, body };
    await Bun.sleep(1000);
  }
}

async function spanIds(server: Server, traceId: string): Promise<string[]> {
  const { status, body } = await answer(server, `/api/traces/${traceId}`);
  if (status === 404) return [];
  if (status !== 200) throw new Error(`test: ${traceId}: ${status}`);
  const { resourceSpans } = fromBinary(TraceSchema, body);
  const spans = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((it) => it.spans));
  return spans.map(({ spanId }) => Buffer.from(spanId).toString("hex"));
}

export function metric(text: string, name: string): number {
  const value = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`test: no metric ${name}`);
  return Number(value);
}
