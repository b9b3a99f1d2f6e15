/** How calls of gRPC end: codes, words for people, and what errors of the engine become. */

import { ClientGone, DeadlineExceeded } from "../base/deadline.ts";
import { EngineError } from "../base/error.ts";

/** Of gRPC's codes those that are given here by name; the engine's errors bring their own. */
export const grpcCodes = {
  ok: 0,
  cancelled: 1,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

export interface GrpcStatus {
  readonly code: number;
  /** Empty when the call went well. */
  readonly message: string;
  /** An encoded google.rpc.Status. */
  readonly details?: Uint8Array | undefined;
}

export const GRPC_OK: GrpcStatus = { code: grpcCodes.ok, message: "" };

/** An end that the protocol itself asks for. */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;

  constructor(code: keyof typeof grpcCodes, message: string) {
    super(message);
    this.code = grpcCodes[code];
  }
}

/** EngineErrors speak for themselves, others are ours and stay inside. */
export function grpcStatus(error: unknown): GrpcStatus {
  if (error instanceof GrpcError) return error;
  if (error instanceof EngineError) return { code: error.face.grpc, message: error.message };
  if (error instanceof ClientGone) return { code: grpcCodes.cancelled, message: error.message };
  if (error instanceof DeadlineExceeded) {
    return { code: grpcCodes.deadlineExceeded, message: error.message };
  }
  return { code: grpcCodes.internal, message: "internal error" };
}

/** Whether it is nobody's fault but ours, and worth a line in the log. */
export function isInternal(error: unknown): boolean {
  return grpcStatus(error).code === grpcCodes.internal && !(error instanceof GrpcError);
}

/** As headers of an answer without messages, or as trailers behind them. */
export function statusHeaders({ code, message, details }: GrpcStatus): Record<string, string> {
  return {
    "grpc-status": String(code),
    ...(message !== "" && { "grpc-message": percentEncoded(message) }),
    ...(details && { "grpc-status-details-bin": Buffer.from(details).toString("base64") }),
  };
}

/** Headers are ASCII: all else, and the percent sign, as bytes of UTF-8 in hex digits. */
function percentEncoded(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x7e]+/g, (some) =>
    [...Buffer.from(some)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** Codes as the statuses of HTTP under which requests are counted. */
const HTTP_STATUSES: ReadonlyMap<number, number> = new Map([
  ...([[0, 200] as const, [1, 499] as const, [3, 400] as const, [4, 504] as const] as const),
  ...([[5, 404] as const, [8, 429] as const, [12, 501] as const, [14, 503] as const] as const),
  [16, 401] as const,
]);

export function httpStatusOf({ code }: GrpcStatus): number {
  return HTTP_STATUSES.get(code) ?? 500;
}

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ...([["H", 3_600_000] as const, ["M", 60_000] as const, ["S", 1000] as const] as const),
  ...([["m", 1] as const, ["u", 1e-3] as const, ["n", 1e-6] as const] as const),
]);

/** Of the header `grpc-timeout`; undefined: as long as it takes. Throws GrpcError. */
export function parseGrpcTimeout(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const [, digits = "", unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(header) ?? [];
  const unitMs = UNIT_MS.get(unit);
  if (unitMs !== undefined) return Number(digits) * unitMs;
  throw new GrpcError("internal", `malformed grpc-timeout: ${JSON.stringify(header)}`);
}
