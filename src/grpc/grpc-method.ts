/** What a service is to the server: methods by their path, each of which sees calls. */

export interface GrpcCall {
  /** Of a header that came several times: all of its values, as HTTP/2 joins them. */
  header(name: string): string | undefined;
  /** The request's one message, decompressed. */
  readonly message: Uint8Array;
  /** What the client gives it, in milliseconds; undefined: as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** Aborts when the server stops: calls without an end of their own end then. */
  readonly stopping: AbortSignal;
  /**
   * A message of the answer, as parts that follow each other. Resolves when the client can take
   * more; rejects when it never will.
   */
  send(parts: readonly Uint8Array[]): Promise<void>;
}

/** Resolves when the call went well; what it rejects with becomes the call's status. */
export type GrpcMethod = (call: GrpcCall) => Promise<void>;

/** `/tempopb.StreamingQuerier/Search`, for example. */
export type GrpcMethods = ReadonlyMap<string, GrpcMethod>;
