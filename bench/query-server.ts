/**
 * The real server on a folder of blocks, for the benches of questions: started, filled when it has
 * nothing, asked, and looked at from outside.
 */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Prng } from "../src/base/prng.ts";
import { Server, type ServerSettings } from "../test/support/server.ts";
import { fillShop } from "./data/fill-shop.ts";
import type { QueryClass, TimeRange } from "./query-classes.ts";

/** An hour for three million, ten for thirty. */
const SPREAD_SECONDS_PER_SPAN = 3600 / 3e6;

const COMPACTION = "backend_scheduler.provider.compaction.compaction";
/** A merge waits 20 cycles for others, and merged blocks until the old files went. */
const UNCHANGED_MS = 60_000;

export interface QueryServerOptions {
  /** Undefined: one that goes with the server. */
  readonly folder: string | undefined;
  /** For a folder without blocks. */
  readonly spans: number;
  /** Work on a copy, so that the folder stays as it is. */
  readonly isCopied: boolean;
  /** First let the server merge blocks, until it finds no more to merge. */
  readonly isMerged?: boolean;
}

interface Meta {
  readonly id: string;
  readonly merged?: { readonly replaces: readonly string[] };
  readonly spans: number;
  readonly startUnixNano: string;
  readonly endUnixNano: string;
}

export interface Usage {
  /** CPU seconds. */
  readonly query: number;
  readonly ingest: number;
  readonly all: number;
  /** Resident. */
  readonly bytes: number;
}

export class QueryServer implements AsyncDisposable {
  readonly server: Server;
  readonly range: TimeRange;
  readonly spans: number;
  readonly #temporary: readonly string[];
  #asked = 0;

  private constructor(server: Server, metas: readonly Meta[], temporary: readonly string[]) {
    this.server = server;
    this.#temporary = temporary;
    const starts = metas.map(({ startUnixNano }) => Number(startUnixNano) / 1e9);
    const ends = metas.map(({ endUnixNano }) => Number(endUnixNano) / 1e9);
    this.range = { start: Math.floor(Math.min(...starts)), end: Math.ceil(Math.max(...ends)) };
    this.spans = metas.reduce((sum, { spans }) => sum + spans, 0);
    console.log(
      `${this.spans} spans in ${metas.length} blocks over ${this.range.end - this.range.start} s`,
    );
  }

  static async start(options: QueryServerOptions): Promise<QueryServer> {
    const { folder, spans, isCopied, isMerged = false } = options;
    const own = mkdtempSync(join(tmpdir(), "vivace-bench-"));
    const filled = folder ?? join(own, "filled");
    mkdirSync(filled, { recursive: true });
    if (blockMetas(filled).length === 0) await fill(filled, spans);
    const data = isCopied ? join(own, "copy") : filled;
    if (isCopied) linkAll(join(filled, "blocks", "single"), join(data, "blocks", "single"));
    if (isMerged) await merge(data);
    const server = await startOn(data);
    return new QueryServer(server, blockMetas(data), [own]);
  }

  /** Milliseconds until the whole answer is there; throws when it cannot be right. */
  async ask(one: QueryClass, random: Prng): Promise<number> {
    const path = one.path(this.#asked++, someRange(this.range, random));
    const began = performance.now();
    const response = await this.server.get(path);
    const text = await response.text();
    const took = performance.now() - began;
    if (!response.ok) throw new Error(`${one.name}: ${response.status} ${text.slice(0, 200)}`);
    one.check(JSON.parse(text));
    return took;
  }

  async usage(): Promise<Usage> {
    const text = await (await this.server.get("/metrics")).text();
    const sum = (pattern: RegExp) =>
      text
        .split("\n")
        .filter((line) => pattern.test(line))
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    return {
      query: sum(/^vivace_thread_cpu_seconds_total\{.*query/),
      ingest: sum(/^vivace_thread_cpu_seconds_total\{.*ingest/),
      all: sum(/^process_cpu_seconds_total /),
      bytes: sum(/^process_resident_memory_bytes /),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    for (const path of this.#temporary) rmSync(path, { recursive: true, force: true });
  }
}

function startOn(folder: string, settings: ServerSettings = {}): Promise<Server> {
  return Server.start({
    "storage.trace.local.path": join(folder, "blocks"),
    "storage.trace.wal.path": join(folder, "wal"),
    // As a user gets it.
    "vivace.memory_budget_bytes": undefined,
    // Blocks stay as they are: merged ones would be fewer, and without traces in two of them.
    "compactor.disabled": true,
    ...settings,
  });
}

/** What the server does by itself, in minutes instead of hours. */
async function merge(folder: string): Promise<void> {
  const began = performance.now();
  const old = blockMetas(folder).length;
  await using server = await startOn(folder, {
    "compactor.disabled": false,
    "querier.search.query_timeout": "5s",
    [`${COMPACTION}.compacted_block_retention`]: "5s",
    [`${COMPACTION}.compaction_cycle`]: "1s",
  });
  let left = old;
  for (let sinceMs = performance.now(); performance.now() - sinceMs < UNCHANGED_MS; ) {
    await Bun.sleep(1000);
    const metas = blockMetas(folder);
    if (metas.length !== left) sinceMs = performance.now();
    left = metas.length;
  }
  await server.stop();
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${old} blocks merged to ${left} in ${seconds} s`);
}

/** In a process of its own, so that nothing of it shows in what is measured. */
async function fill(folder: string, spans: number): Promise<void> {
  const began = performance.now();
  await using server = await startOn(folder);
  const sent = await fillShop(server, { spans, spreadSeconds: spans * SPREAD_SECONDS_PER_SPAN });
  await server.stop();
  console.log(`${sent} spans stored in ${((performance.now() - began) / 1000).toFixed(0)} s`);
}

function blockMetas(folder: string): Meta[] {
  const tenant = join(folder, "blocks", "single", "single-tenant");
  if (!existsSync(tenant)) return [];
  return readdirSync(tenant)
    .map((id) => join(tenant, id, "meta.json"))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, "utf8")) as Meta);
}

/** Files of blocks never change, so a second name for each is a copy. */
function linkAll(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkAll(source, target);
    else linkSync(source, target);
  }
}

/** Around all of the data, give or take a minute. */
function someRange({ start, end }: TimeRange, random: Prng): TimeRange {
  return { start: start - 60 + random.below(120), end: end - 60 + random.below(120) };
}

export function at(times: readonly number[], part: number): number {
  return [...times].sort((a, b) => a - b)[Math.floor(times.length * part)] ?? Number.NaN;
}
