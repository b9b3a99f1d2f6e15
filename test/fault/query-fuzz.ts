/**
 * The query API of a real server against requests of query-requests.ts: each is answered in time,
 * with what was asked for or with a reason why not; the server lives, and holds no more memory.
 */
import { type DescMessage, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Prng, prng } from "../../src/base/prng.ts";
import {
  QueryInstantResponseSchema,
  QueryRangeResponseSchema,
  SearchResponseSchema,
  SearchTagsResponseSchema,
  SearchTagsV2ResponseSchema,
  SearchTagValuesResponseSchema,
  SearchTagValuesV2ResponseSchema,
} from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { PARTS, randomItems, requestOf } from "../oracle/oracle-traces.ts";
import { Server } from "../support/server.ts";
import { type QueryRequest, randomRequest } from "./query-requests.ts";

export interface QueryFuzzOptions {
  readonly seed: number;
  readonly requests: number;
  readonly onProgress: (done: number) => void;
}

export interface QueryFuzzReport {
  /** Of what kind, and how each ended: by status. */
  readonly ends: ReadonlyMap<string, ReadonlyMap<number, number>>;
  /** The slowest, first. */
  readonly slowest: readonly { readonly ms: number; readonly request: QueryRequest }[];
  readonly failures: readonly string[];
  /** Resident, of the server, at its highest. */
  readonly memoryBytesMax: number;
}

const AT_ONCE = 16;
/** Of the server; a question that takes longer is answered with 504. */
const QUERY_TIMEOUT_MS = 10_000;
/** On top of it, for machines that do much else. */
const SLACK_MS = 20_000;
const MEMORY_BYTES_MAX = 1600 * 1024 * 1024;
const MEMORY_EVERY = 500;
const SLOWEST = 5;
const FAILURES_MAX = 20;
const TRACE_SETS = 30;

export async function fuzzQueries(options: QueryFuzzOptions): Promise<QueryFuzzReport> {
  await using server = await Server.start({
    "querier.search.query_timeout": `${QUERY_TIMEOUT_MS}ms`,
  });
  await sendTraces(server, prng(options.seed));
  return await new QueryFuzz(server, options).run();
}

/** In two blocks and the head. */
async function sendTraces(server: Server, random: Prng): Promise<void> {
  const sets = Array.from({ length: TRACE_SETS }, () => randomItems(random, 6));
  for (let part = 0; part < PARTS; part++) {
    for (const items of sets) {
      const body = requestOf(items, part);
      if (body === undefined) continue;
      const { status } = await server.send(body);
      if (status !== 200) throw new Error(`test: spans are refused: ${status}`);
    }
    if (part < PARTS - 1) await server.flush();
  }
}

class QueryFuzz {
  readonly #server: Server;
  readonly #options: QueryFuzzOptions;
  readonly #random: Prng;
  readonly #ends = new Map<string, Map<number, number>>();
  readonly #failures: string[] = [];
  #slowest: { readonly ms: number; readonly request: QueryRequest }[] = [];
  #memoryBytesMax = 0;
  #begun = 0;

  constructor(server: Server, options: QueryFuzzOptions) {
    this.#server = server;
    this.#options = options;
    this.#random = prng(options.seed);
  }

  async run(): Promise<QueryFuzzReport> {
    const work = async () => {
      while (this.#begun < this.#options.requests && this.#failures.length < FAILURES_MAX) {
        await this.#one(randomRequest(this.#random), this.#begun++);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await this.#lives();
    return {
      ends: this.#ends,
      slowest: this.#slowest,
      failures: this.#failures,
      memoryBytesMax: this.#memoryBytesMax,
    };
  }

  async #one(request: QueryRequest, number: number): Promise<void> {
    const began = performance.now();
    const fail = (why: string) => {
      const what = request.query ?? request.path;
      this.#failures.push(`${number} ${why}: ${JSON.stringify(what.slice(0, 600))}`);
    };
    try {
      const response = await fetch(this.#server.api + request.path, {
        headers: { accept: request.accept },
        signal: AbortSignal.timeout(QUERY_TIMEOUT_MS + SLACK_MS),
      });
      const body = new Uint8Array(await response.arrayBuffer());
      const wrong = wrongIn(request, { response, body });
      if (wrong !== undefined) fail(wrong);
      const ends = this.#ends.get(request.kind) ?? new Map<number, number>();
      this.#ends.set(request.kind, ends);
      ends.set(response.status, (ends.get(response.status) ?? 0) + 1);
    } catch (error) {
      fail(String(error));
    }
    this.#slowest.push({ ms: performance.now() - began, request });
    this.#slowest.sort((a, b) => b.ms - a.ms).splice(SLOWEST);
    if (number % MEMORY_EVERY === 0) await this.#weigh();
    this.#options.onProgress(number + 1);
  }

  async #weigh(): Promise<void> {
    const status = await Bun.file(`/proc/${this.#server.pid}/status`).text();
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    this.#memoryBytesMax = Math.max(this.#memoryBytesMax, kilobytes * 1024);
    if (this.#memoryBytesMax > MEMORY_BYTES_MAX) {
      this.#failures.push(`memory: ${this.#memoryBytesMax} bytes`);
    }
  }

  /** It answers as before, and nothing of it broke on the way. */
  async #lives(): Promise<void> {
    const response = await this.#server.get("/api/search?q=%7B%7D&limit=1");
    const answer = await response.text();
    if (!answer.includes("traceID")) this.#failures.push(`at the end: ${answer}`);
    const broken = this.#server.log.match(/^.*level=(?:error|fatal).*$/gm) ?? [];
    this.#failures.push(...broken.slice(0, FAILURES_MAX));
  }
}

const SCHEMAS: readonly (readonly [path: RegExp, schema: DescMessage])[] = [
  [/^\/api\/search\/tags$/, SearchTagsResponseSchema],
  [/^\/api\/v2\/search\/tags$/, SearchTagsV2ResponseSchema],
  [/^\/api\/search\/tag\//, SearchTagValuesResponseSchema],
  [/^\/api\/v2\/search\/tag\//, SearchTagValuesV2ResponseSchema],
  [/^\/api\/metrics\/query_range$/, QueryRangeResponseSchema],
  [/^\/api\/metrics\/query$/, QueryInstantResponseSchema],
  [/^\/api\/search$/, SearchResponseSchema],
];

interface Answered {
  readonly response: Response;
  readonly body: Uint8Array;
}

/** Undefined: it is an answer. */
function wrongIn(request: QueryRequest, { response, body }: Answered): string | undefined {
  const { status } = response;
  if (status === 200) return wrongAnswer(request, { response, body });
  const text = new TextDecoder().decode(body);
  // A broken URL may be of no path at all; a question may take too long.
  if (status === 404 && request.kind === "broken URL") return undefined;
  if (status === 504 && text === "context deadline exceeded") return undefined;
  if (status === 503 && text.includes("more memory than it may have")) return undefined;
  if (status !== 400) return `status ${status} ${text.slice(0, 200)}`;
  const place = response.headers.get("x-vivace-query-position") ?? "";
  return wrongRefusal(text, place, request.query);
}

function wrongAnswer({ path }: QueryRequest, { response, body }: Answered): string | undefined {
  const type = response.headers.get("content-type") ?? "";
  const schema = SCHEMAS.find(([pattern]) => pattern.test(path.split("?")[0]))?.[1];
  try {
    if (type === "application/protobuf" && schema !== undefined) fromBinary(schema, body);
    else {
      // Unknown fields are refused, as strict clients do.
      const json = JSON.parse(new TextDecoder().decode(body)) as JsonValue;
      if (schema !== undefined && type.startsWith("application/json")) fromJson(schema, json);
    }
    return undefined;
  } catch (error) {
    return `answer: ${error}`;
  }
}

const PLACE = /^line (\d+), col (\d+)$/;
const REASON = /^invalid TraceQL query: .{10,}/s;

/** A query that cannot be read has a place, inside of it; any refusal has a reason. */
function wrongRefusal(text: string, place: string, query: string | undefined): string | undefined {
  if (text.length < 10) return `refused without a reason: ${text}`;
  if (!text.startsWith("invalid TraceQL query") || query === undefined) return undefined;
  const [, line, column] = PLACE.exec(place) ?? [];
  if (line === undefined) return `refused at no place: ${text}`;
  if (!REASON.test(text)) return `refused without a reason: ${text}`;
  const lines = query.split("\n");
  const isInside =
    Number(line) >= 1 &&
    Number(line) <= lines.length &&
    Number(column) >= 1 &&
    Number(column) <= lines[Number(line) - 1].length + 1;
  return isInside ? undefined : `refused at a place outside: ${text.slice(0, 200)}`;
}
