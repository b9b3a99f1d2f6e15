/**
 * A load that remembers: sends as fast as it is answered from several connections, and keeps of
 * each request whether it was acknowledged, refused, or cut off without an answer.
 *
 * Batches are encoded once; each request is a copy of one with ids of its own, so that the client
 * costs little beside the server.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
// A Trace has the same fields as a request.
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";

/** Spans of the traces of a request: more than one, so that half a request can be told. */
export const TRACE_SPANS: readonly number[] = [37, 23];
/** Unix seconds between which all spans start. */
export const LEDGER_WINDOW = { start: "1699999990", end: "1700000010" } as const;
export const REQUEST_SPANS = TRACE_SPANS.reduce((sum, spans) => sum + spans, 0);

const BATCHES = 4;
/** Stand for ids in the encoded batch: a trace's number is in the last byte. */
const TRACE_MARK = Buffer.alloc(15, 0xfa);
const SPAN_MARK = Buffer.alloc(6, 0xfb);

interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly traceIdsAt: readonly number[];
  readonly spanIdsAt: readonly number[];
}

export interface SentRequest {
  /** Hex, in the order of TRACE_SPANS. */
  readonly traceIds: readonly string[];
  outcome: "in flight" | "acknowledged" | "refused" | "cut off";
}

export class LedgerLoad {
  readonly requests: SentRequest[] = [];
  /** How often each other status came. */
  readonly refused = new Map<number, number>();
  readonly #random: Prng;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #batches: readonly Batch[];
  /** Of each connection between an answer and its next request. */
  pauseMs = 0;
  #stopped = false;

  /** `headers` name a tenant where there are several. */
  constructor(random: Prng, headers: Readonly<Record<string, string>> = {}) {
    this.#random = random;
    this.#headers = { ...headers, "content-type": "application/x-protobuf" };
    this.#batches = Array.from({ length: BATCHES }, (_, i) => makeBatch(i));
  }

  get acknowledgedSpans(): number {
    return this.#of("acknowledged").length * REQUEST_SPANS;
  }

  get acknowledged(): readonly SentRequest[] {
    return this.#of("acknowledged");
  }

  /** Nobody knows what became of them. */
  get cutOff(): readonly SentRequest[] {
    return this.#of("cut off");
  }

  /** Sends until stop(), or until nobody answers any more. */
  async run(otlp: string, connections: number): Promise<void> {
    this.#stopped = false;
    const url = `${otlp}/v1/traces`;
    await Promise.all(Array.from({ length: connections }, () => this.#sendAll(url)));
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Counts a cut-off request that was found whole among those that must stay. */
  settle(request: SentRequest, outcome: "acknowledged" | "refused"): void {
    request.outcome = outcome;
  }

  async #sendAll(url: string): Promise<void> {
    while (!this.#stopped) {
      const { request, body } = this.#next();
      this.requests.push(request);
      try {
        const response = await fetch(url, { method: "POST", body, headers: this.#headers });
        // What counts is the status: the body may be cut off with the process.
        request.outcome = response.status === 200 ? "acknowledged" : "refused";
        if (response.status !== 200) {
          this.refused.set(response.status, (this.refused.get(response.status) ?? 0) + 1);
        }
        await response.arrayBuffer();
        if (this.pauseMs > 0) await Bun.sleep(this.pauseMs);
      } catch {
        if (request.outcome === "in flight") request.outcome = "cut off";
        return;
      }
    }
  }

  #next(): { request: SentRequest; body: Uint8Array<ArrayBuffer> } {
    const { bytes, traceIdsAt, spanIdsAt } = this.#batches[this.requests.length % BATCHES];
    const body = bytes.slice();
    const ids = TRACE_SPANS.map(() => this.#random.bytes(16).fill(0xc5, 0, 1));
    for (const at of traceIdsAt) body.set(ids[bytes[at + 15]], at);
    spanIdsAt.forEach((at, i) => {
      body.set(this.#random.bytes(4), at);
      body.set([1, i], at + 4);
    });
    const traceIds = ids.map((id) => Buffer.from(id).toString("hex"));
    return { request: { traceIds, outcome: "in flight" }, body };
  }

  #of(outcome: SentRequest["outcome"]): SentRequest[] {
    return this.requests.filter((request) => request.outcome === outcome);
  }
}

function makeBatch(variant: number): Batch {
  const spans = TRACE_SPANS.flatMap((count, trace) =>
    Array.from({ length: count }, (_, i) => ({
      traceId: Buffer.concat([TRACE_MARK, Buffer.from([trace])]),
      spanId: Buffer.concat([SPAN_MARK, Buffer.from([trace, i])]),
      name: `step ${i % 12}`,
      kind: (1 + (i % 5)) as Span["kind"],
      startTimeUnixNano: 1_700_000_000_000_000_000n + BigInt(i * 1_000_000),
      endTimeUnixNano: 1_700_000_000_000_500_000n + BigInt(i * 1_000_000),
      attributes: [
        text("http.request.method", ["GET", "PUT"][i % 2]),
        text("url.path", `/v${variant}/things/${i}`),
        { key: "thing.count", value: { value: { case: "intValue" as const, value: BigInt(i) } } },
      ],
      events: i % 8 === 0 ? [{ timeUnixNano: 1_700_000_000_000_100_000n, name: "retry" }] : [],
    })),
  );
  const resource = { attributes: [text("service.name", `service ${variant}`)] };
  const scopeSpans = [{ scope: { name: "ledger" }, spans }];
  const request = create(TraceSchema, {
    resourceSpans: [{ resource, scopeSpans }],
  });
  const bytes = toBinary(TraceSchema, request);
  const marks = { traceIdsAt: placesOf(bytes, TRACE_MARK), spanIdsAt: placesOf(bytes, SPAN_MARK) };
  if (marks.traceIdsAt.length !== spans.length || marks.spanIdsAt.length !== spans.length) {
    throw new Error("test: a batch holds its marks elsewhere too");
  }
  return { bytes, ...marks };
}

function text(key: string, value: string) {
  return { key, value: { value: { case: "stringValue" as const, value } } };
}

function placesOf(bytes: Uint8Array, mark: Buffer): number[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const places: number[] = [];
  for (let at = buffer.indexOf(mark); at >= 0; at = buffer.indexOf(mark, at + 1)) places.push(at);
  return places;
}
