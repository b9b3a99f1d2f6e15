/** What the HTTP API needs from the rest of the engine. main.ts supplies it. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Asker } from "../query/question.ts";
import type { SpanFilter } from "../query/trace-filter-spans.ts";
import type { QueryLimits } from "./query-limits.ts";

/** One question for a trace, checked. */
export interface TraceAsk {
  /** Whose data may be read; never empty. */
  readonly tenants: readonly string[];
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** Which of Tempo's two APIs answers. */
  readonly version: 1 | 2;
  /** The Accept header; empty when there is none. */
  readonly accept: string;
  /** Unix seconds; which blocks are read. */
  readonly startSeconds?: number;
  readonly endSeconds?: number;
  /** Of version 2: only these spans. */
  readonly filter?: SpanFilter;
}

export interface ApiAnswer {
  readonly status: number;
  /** Empty when the body is. */
  readonly contentType: string;
  /** Pieces that follow each other. */
  readonly body: readonly Uint8Array<ArrayBuffer>[];
}

/** Brings a question to a query thread. */
export interface TraceAsker {
  /**
   * Rejects with an EngineError when there is no answer. When `signal` aborts nobody waits any
   * more: the work should end; what becomes of the promise does not matter.
   */
  ask(question: TraceAsk, signal: AbortSignal): Promise<ApiAnswer>;
}

export interface Readiness {
  /** Why requests are not served yet, or no longer, a sentence each; empty when ready. */
  reasons(): readonly string[];
}

export interface Flusher {
  /** Cuts what is in memory; resolves when it is published, rejects with an EngineError. */
  flush(): Promise<void>;
}

export interface ServiceState {
  readonly name: string;
  /** As Tempo says it: Starting, Running, Stopping, Failed. */
  readonly state: string;
  readonly failure?: string;
}

export interface StatusPages {
  services(): readonly ServiceState[];
  /** YAML with secrets masked. */
  config(mode: "effective" | "defaults" | "diff"): string;
}

export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

export interface RequestMeter {
  /** Once an answer is ready. `route` is Tempo's name for the path pattern. */
  answered(request: AnsweredRequest): void;
}

export interface AnsweredRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export interface ApiOptions {
  /** Before the query paths, `/tempo` for example; empty for none. Never ends in a slash. */
  readonly httpApiPrefix: string;
  /** Large answers on their way to clients, all together; above it requests for them are 503. */
  readonly answersHeldBytesMax: number;
  /** Tenants come from X-Scope-OrgID, and a query without one is refused. */
  readonly multitenancyEnabled: boolean;
  readonly build: BuildInfo;
  readonly query: QueryLimits;
  /** For one question; then the client gets 504. */
  readonly queryTimeoutMs: number;
  /** For a flush; then the client gets 504, and the flush goes on. */
  readonly flushTimeoutMs: number;
}

export interface BuildInfo {
  /** The engine's own version. */
  readonly version: string;
  /** The commit it was built from; empty when not known. */
  readonly revision: string;
}

export interface ApiParts {
  readonly traces: TraceAsker;
  /** All other questions. */
  readonly asker: Asker;
  readonly clock: Clock;
  readonly readiness: Readiness;
  readonly flusher: Flusher;
  readonly pages: StatusPages;
  readonly metrics: MetricsText;
  readonly meter: RequestMeter;
  readonly logger: Logger;
}
