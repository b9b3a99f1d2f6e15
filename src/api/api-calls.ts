/** Calls of gRPC that the API takes: the streaming queries, and the health of both. */
import type { GrpcServerOptions } from "../grpc/grpc-server.ts";
import { httpStatusOf } from "../grpc/grpc-status.ts";
import type { ApiOptions, ApiParts } from "./api-parts.ts";
import type { HeldAnswers } from "./api-stream.ts";
import { healthMethods } from "./health-methods.ts";
import { STREAMING_SERVICE, streamMethods } from "./stream-methods.ts";

/** What calls are bounded by, of the configuration. */
export interface CallLimits
  extends Pick<
    GrpcServerOptions,
    | ("messageBytesMax" | "streamsMax" | "headBytesMax")
    | ("readTimeoutMs" | "writeTimeoutMs" | "idleTimeoutMs")
  > {
  readonly packetBytesMax: number;
}

/** `answers` are those of the HTTP API. */
export function apiCalls(
  options: ApiOptions,
  parts: ApiParts,
  { answers, limits }: { readonly answers: HeldAnswers; readonly limits: CallLimits },
): GrpcServerOptions {
  const { asker, clock, logger, meter, readiness } = parts;
  const { packetBytesMax, ...bounds } = limits;
  const methods = new Map([
    ...streamMethods(options, { asker, clock, answers, packetBytesMax }),
    ...healthMethods([STREAMING_SERVICE], readiness),
  ]);
  return {
    ...bounds,
    methods,
    logger,
    onCall: (path, status, seconds) => {
      const route = methods.has(path) ? path : "other";
      meter.answered({ method: "gRPC", route, status: httpStatusOf(status), seconds });
    },
  };
}
