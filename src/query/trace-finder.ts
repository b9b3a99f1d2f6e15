/**
 * What a question for one trace is, and what head and blocks answer to it.
 */

export interface TraceQuestion {
  /** Tenants whose data may be read; a federated read names several. Never empty. */
  readonly tenants: readonly string[];
  /** 16 bytes. */
  readonly traceId: Uint8Array;
  /** Unix seconds: only blocks that overlap are read (not a filter of spans). */
  readonly startSeconds?: number;
  readonly endSeconds?: number;
  /** Stop after about so many bytes of spans: the answer is then partial. */
  readonly bytesMax: number;
}

export interface FoundTrace {
  /**
   * An encoded TracesData (the wire shape of tempopb.Trace and ExportTraceServiceRequest): spans
   * grouped by resource and scope, each span once. Empty when nothing was found.
   */
  readonly trace: Uint8Array;
  readonly spans: number;
  /** True when bytesMax was passed and spans are missing. */
  readonly partial: boolean;
  /** Ids of blocks that are damaged, whose spans may be missing. */
  readonly damagedBlocks: readonly string[];
  /** Bytes read from blocks and looked at in the head. */
  readonly inspectedBytes: number;
}

export interface TraceFinder {
  find(question: TraceQuestion): Promise<FoundTrace>;
}
