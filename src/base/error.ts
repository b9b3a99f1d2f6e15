/**
 * Every error that leaves a module, and what the outside sees of it.
 *
 * One row per code: the protocol faces and whether a client should try again live side by side,
 * so a new error cannot be added without deciding all of them. The retryable ones are those that
 * the OTLP specification names as such (429, 502, 503, 504).
 */
const faces = {
  malformed: { http: 400, grpc: 3, retry: false },
  no_tenant: { http: 401, grpc: 16, retry: false },
  not_found: { http: 404, grpc: 5, retry: false },
  wrong_method: { http: 405, grpc: 12, retry: false },
  too_large: { http: 413, grpc: 8, retry: false },
  wrong_type: { http: 415, grpc: 3, retry: false },
  rate_limited: { http: 429, grpc: 8, retry: true },
  live_traces_exceeded: { http: 429, grpc: 8, retry: true },
  tenant_overloaded: { http: 429, grpc: 8, retry: true },
  overloaded: { http: 503, grpc: 14, retry: true },
  disk_failed: { http: 503, grpc: 14, retry: true },
  store_unavailable: { http: 503, grpc: 14, retry: true },
  store_refused: { http: 500, grpc: 13, retry: false },
  internal: { http: 500, grpc: 13, retry: false },
  block_corrupt: { http: 500, grpc: 15, retry: false },
} as const satisfies Record<string, { http: number; grpc: number; retry: boolean }>;

export type ErrorCode = keyof typeof faces;

export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;
  /** Of a request that was refused: how many spans it had, when that is known. */
  readonly spans: number | undefined;
  /** Of damage in a block: its id, when that is known. */
  readonly block: string | undefined;

  /** `message` is lower case, without a full stop, and names the thing: "block 01J… footer crc". */
  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly cause?: unknown;
      readonly spans?: number;
      readonly block?: string | undefined;
    } = {},
  ) {
    super(message, options);
    this.code = code;
    this.spans = options.spans;
    this.block = options.block;
  }

  get face(): (typeof faces)[ErrorCode] {
    return faces[this.code];
  }
}

const REFUSALS_MAX = 1000;
const refusals = new Map<string, EngineError>();

/**
 * An error without a stack, and the same one for the same words: making one is most of what it
 * costs, and refusals come in crowds when there is the least time for them.
 */
export function refusal(code: ErrorCode, message: string): EngineError {
  const known = refusals.get(message);
  if (known?.code === code) return known;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = new EngineError(code, message);
  Error.stackTraceLimit = stackTraceLimit;
  if (refusals.size >= REFUSALS_MAX) refusals.clear();
  refusals.set(message, error);
  return error;
}
