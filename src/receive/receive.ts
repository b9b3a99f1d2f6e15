/**
 * What a receiver needs from the rest of the engine. The wiring in worker/ supplies it.
 */

/** What became of one request. Shapes of the answer: OTLP's, made by otlp-response.ts. */
export interface Verdict {
  /** "stored": durable and visible, less what was rejected. Else nothing of it was kept. */
  readonly outcome:
    | "stored"
    | "malformed"
    | "too_large"
    | "overloaded"
    | "disk_failed"
    | "live_traces_exceeded";
  /** Spans kept. */
  readonly accepted: number;
  /** Spans of a stored request that were refused, by reason. */
  readonly rejected: RejectedSpans;
  /** Keys and values that were cut. Absent: none. */
  readonly cut?: CutAttributes;
  /** A bit for each span in their order, set when it was refused; only where it is asked for. */
  readonly refusedBits?: Uint8Array;
}

/** By what has the attribute. */
export interface CutAttributes {
  readonly resource: number;
  readonly scope: number;
  readonly span: number;
  readonly event: number;
  readonly link: number;
}

export interface RejectedSpans {
  readonly invalidTraceId: number;
  /** Also parents and links whose ids have a wrong length. */
  readonly invalidSpanId: number;
  readonly invalidUtf8: number;
  /** Attributes nested too deep, or too many of them. */
  readonly overLimit: number;
  /** The next two: by the limits of the tenant. */
  readonly traceTooLarge: number;
  readonly liveTraces: number;
}

export interface RequestSink {
  /** Nothing would be taken now: a reason to refuse a request before it is read. */
  readonly isFull?: boolean;
  /**
   * Takes a copy of one encoded, decompressed ExportTraceServiceRequest. Resolves when the spans
   * are durable and visible, or refused. Undefined: no room now, nothing was kept; the caller
   * answers 503. Throws EngineError for what the tenant may not send.
   */
  offer(tenant: string, request: Uint8Array): Promise<Verdict> | undefined;
}

/** Counts what receivers see; every method is called once a request. */
export interface ReceiveMeter {
  /** A request was answered with success. `bytes` is the decompressed size. */
  stored(tenant: string, bytes: number, verdict: Verdict): void;
  /**
   * A request was refused as a whole, or several were; `reason` is an error code. How many spans
   * they had is known only where their bodies were read for another purpose: most refusals come
   * before, and must cost little.
   */
  refused(tenant: string, reason: string, counts?: RefusedCounts): void;
}

export interface RefusedCounts {
  /** 1 if absent. */
  readonly requests?: number | undefined;
  readonly spans?: number | undefined;
}
