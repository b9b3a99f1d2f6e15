/**
 * What threads are given when they start, and the few messages between them and main. Requests,
 * spans and counters never travel like this: they lie in shared memory.
 */
import type { MessagePort } from "node:worker_threads";
import type { ErrorCode } from "../base/error.ts";
import type { LogFormat, LogLevel } from "../base/log.ts";
import type { Receiver, ReceiverKind, SpanLogConfig } from "../config/config.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { Question } from "../query/question.ts";
import type { SpanFilter } from "../query/trace-filter-spans.ts";
import type { BlockVersions } from "./block-list.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import type { PassedAnswer } from "./pass-answer.ts";
import type { RemoteBlock } from "./store-protocol.ts";
import type { TenantLimits } from "./tenant-limits.ts";

/** Every thread gets this as its workerData. */
export interface ThreadStart {
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  readonly plan: MemoryPlan;
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
}

/** Part of the log that blocks hold, for replay. */
export interface CoveredRange {
  readonly from: number;
  readonly to: number;
  readonly tenants: readonly string[];
}

export interface IngestStart extends ThreadStart {
  readonly walPath: string;
  readonly walBytesMax: number;
  readonly maxBlockDurationMs: number;
  readonly traceIdleMs: number;
  readonly covered: readonly CoveredRange[];
  /** Where the newest block ends. */
  readonly startAtLeast: number;
}

export interface BlockStart extends ThreadStart {
  readonly localPath: string;
  readonly nodeId: string;
}

export interface IngressStart extends ThreadStart {
  /** Which ring this thread fills. */
  readonly ring: number;
  readonly receivers: readonly Receiver[];
  readonly multitenancyEnabled: boolean;
  readonly limits: TenantLimits;
  readonly logReceivedSpans: SpanLogConfig;
  readonly logDiscardedSpans: SpanLogConfig;
  /** RATE_TABLE_BYTES, which all ingress threads share. */
  readonly rateTable: SharedArrayBuffer;
  readonly inFlightBytesMax: number;
  readonly idleTimeoutSeconds: number;
  /** For a request to arrive whole. */
  readonly bodyTimeoutMs: number;
}

export interface QueryStart extends ThreadStart {
  /** Which pins and scratch this thread uses. */
  readonly reader: number;
  readonly localPath: string;
  readonly nodeId: string;
  /** Nobody waits longer for an answer. */
  readonly queryTimeoutMs: number;
  readonly blocks: readonly BlockMeta[];
  /** Of each block the query thread that reads it for questions in TraceQL. */
  readonly owners: readonly number[];
  /** Of each block where it is when it is in a bucket. */
  readonly remotes: readonly (RemoteBlock | undefined)[];
  /** What this list is of. */
  readonly versions: BlockVersions;
  /** The folder of the cache of a bucket's blocks; undefined: there is no bucket. */
  readonly cachePath: string | undefined;
}

// ---- ingest → main
export type IngestMessage = { readonly type: "replayed" } | { readonly type: "stopped" };

// ---- block thread → main
export interface BlockMessage {
  readonly type: "changed";
  readonly added: readonly BlockMeta[];
  /** The control word BLOCKS_VERSION after this change. */
  readonly version: number;
}

// ---- main → ingress and back
export type IngressRequest =
  | { readonly type: "stats" }
  | { readonly type: "drain" }
  | { readonly type: "limits"; readonly limits: TenantLimits };
export interface TenantCounts {
  readonly spans: number;
  readonly bytes: number;
  readonly requests: number;
  /** Spans or requests refused, by reason. */
  readonly discarded: Readonly<Record<string, number>>;
  /** Keys and values of attributes that were cut, by what has the attribute. */
  readonly cut: Readonly<Record<string, number>>;
}
export interface ReceiverSnapshot {
  readonly name: string;
  readonly transport: string;
  readonly tenants: Readonly<Record<string, TenantCounts>>;
}
export interface ListeningReceiver {
  readonly name: string;
  readonly kind: ReceiverKind;
  readonly url: string;
}
export type IngressMessage =
  | { readonly type: "listening"; readonly receivers: readonly ListeningReceiver[] }
  | { readonly type: "stats"; readonly receivers: readonly ReceiverSnapshot[] }
  | { readonly type: "drained" };

// ---- main → query and back
export interface TraceRequest {
  readonly version: 1 | 2;
  readonly accept: string;
  readonly tenants: readonly string[];
  readonly traceId: Uint8Array;
  readonly startSeconds: number | undefined;
  readonly endSeconds: number | undefined;
  readonly filter: SpanFilter | undefined;
}
export type QueryRequest =
  | { readonly type: "trace"; readonly id: number; readonly request: TraceRequest }
  | {
      readonly type: "ask";
      readonly id: number;
      readonly question: Question;
      /** Whether what is known so far is to be told. */
      readonly withProgress: boolean;
    }
  /** Nobody waits any more. */
  | { readonly type: "cancel"; readonly id: number }
  /** Another query thread is there: a port to it. */
  | { readonly type: "peer"; readonly reader: number; readonly port: MessagePort }
  | {
      readonly type: "blocks";
      readonly added: readonly BlockMeta[];
      /** Of those added. */
      readonly owners: readonly number[];
      readonly remotes: readonly (RemoteBlock | undefined)[];
      readonly removed: readonly string[];
      readonly versions: BlockVersions;
    }
  /** The store thread is there: a port to it. */
  | { readonly type: "store"; readonly port: MessagePort; readonly slots: SharedArrayBuffer };
/** To a question in TraceQL. */
export type AskMessage =
  | { readonly type: "progress" | "found"; readonly id: number; readonly answer: PassedAnswer }
  | {
      readonly type: "failed";
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
    };
/** To a question for a trace by its id. */
export interface QueryAnswer {
  readonly type: "answer";
  readonly id: number;
  readonly status: number;
  readonly contentType: string;
  /** Pieces that follow each other, each alone in its buffer. */
  readonly body: readonly Uint8Array<ArrayBuffer>[];
  /** Spans left out of it because another one of the same id came before, with other content. */
  readonly differingSpans: number;
  /** It failed because a block is. */
  readonly isDamage: boolean;
}
