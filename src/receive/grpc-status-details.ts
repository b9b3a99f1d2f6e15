/**
 * When to try again, as OpenTelemetry's exporters read it: google.rpc.RetryInfo in the status's
 * details. With RESOURCE_EXHAUSTED it says that trying again is of use at all.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack, DurationSchema } from "@bufbuild/protobuf/wkt";
import { EngineError } from "../base/error.ts";
import { type GrpcStatus, grpcStatus } from "../grpc/grpc-status.ts";
import { RetryInfoSchema } from "../proto-gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../proto-gen/google/rpc/status_pb.ts";

/** How a call ends by this error; with RetryInfo where the client should send again. */
export function statusWithRetry(error: unknown, retryAfterSeconds: number): GrpcStatus {
  const status = grpcStatus(error);
  if (!(error instanceof EngineError && error.face.retry)) return status;
  return { ...status, details: encode(status, retryAfterSeconds) };
}

function encode({ code, message }: GrpcStatus, retryAfterSeconds: number): Uint8Array {
  const retryDelay = create(DurationSchema, { seconds: BigInt(retryAfterSeconds) });
  const info = create(RetryInfoSchema, { retryDelay });
  const details = [anyPack(RetryInfoSchema, info)];
  return toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
}
