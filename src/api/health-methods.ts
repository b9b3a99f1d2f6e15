/** `grpc.health.v1.Health`: probes and load balancers ask whether questions are answered yet. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { GrpcCall, GrpcMethods } from "../grpc/grpc-method.ts";
import { GrpcError } from "../grpc/grpc-status.ts";
import {
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../proto-gen/grpc/health/v1/health_pb.ts";
import type { Readiness } from "./api-parts.ts";

type Status = HealthCheckResponse["status"];

const SERVICE = "grpc.health.v1.Health";
/** Nobody says when readiness changes, so it is looked at so often for those who watch. */
const WATCH_MS = 1000;

/** `services` are those that exist; the empty name is the server as a whole. */
export function healthMethods(services: readonly string[], readiness: Readiness): GrpcMethods {
  const known = new Set(["", SERVICE, ...services]);
  const statusOf = (service: string): Status => {
    if (!known.has(service)) return ServingStatus.SERVICE_UNKNOWN;
    return readiness.reasons().length === 0 ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  };
  return new Map([
    [`/${SERVICE}/Check`, (call: GrpcCall) => check(call, statusOf)],
    [`/${SERVICE}/Watch`, (call: GrpcCall) => watch(call, statusOf)],
  ]);
}

async function check(call: GrpcCall, statusOf: (service: string) => Status): Promise<void> {
  const status = statusOf(serviceOf(call));
  if (status === ServingStatus.SERVICE_UNKNOWN) throw new GrpcError("notFound", "unknown service");
  await call.send([encoded(status)]);
}

/** Until the client goes, its time is over, or the server stops. */
async function watch(call: GrpcCall, statusOf: (service: string) => Status): Promise<void> {
  const service = serviceOf(call);
  const ended = Promise.withResolvers<void>();
  call.signal.addEventListener("abort", () => ended.resolve(), { once: true });
  const stop = () => ended.reject(new GrpcError("unavailable", "the server stops"));
  call.stopping.addEventListener("abort", stop, { once: true });
  const late = () => ended.reject(new GrpcError("deadlineExceeded", "context deadline exceeded"));
  const deadline = call.timeoutMs === undefined ? undefined : setTimeout(late, call.timeoutMs);
  let last = statusOf(service);
  const look = () => {
    const status = statusOf(service);
    if (status === last) return;
    last = status;
    call.send([encoded(status)]).catch(ended.reject);
  };
  const timer = setInterval(look, WATCH_MS);
  try {
    await call.send([encoded(last)]);
    await ended.promise;
  } finally {
    clearInterval(timer);
    clearTimeout(deadline);
    call.stopping.removeEventListener("abort", stop);
  }
}

function serviceOf({ message }: GrpcCall): string {
  try {
    return fromBinary(HealthCheckRequestSchema, message).service;
  } catch {
    throw new GrpcError("internal", "grpc: failed to unmarshal the received message");
  }
}

function encoded(status: Status): Uint8Array {
  return toBinary(HealthCheckResponseSchema, {
    $typeName: "grpc.health.v1.HealthCheckResponse",
    status,
  });
}
