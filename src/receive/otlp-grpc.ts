/**
 * OTLP over gRPC: TraceService/Export. The message goes into the ring as it came; what is in it
 * is the kernel's.
 *
 * Threads: one ingress Worker; its receivers share the bytes in flight.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { freeBytes } from "../base/free-bytes.ts";
import { ExportTraceServiceResponseSchema } from "../proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type { GrpcMethods, GrpcRequest } from "./grpc-method.ts";
import { partialSuccessOf } from "./otlp-response.ts";
import type { ReceiveMeter, RequestSink } from "./receive.ts";
import { overloaded, throwUnlessStored } from "./refusal.ts";

export const EXPORT_PATH = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

export interface OtlpGrpcParts {
  readonly sink: RequestSink;
  readonly meter: ReceiveMeter;
}

/** All accepted: a response with nothing to say has no bytes. */
const STORED = new Uint8Array(0);

export function otlpGrpc(parts: OtlpGrpcParts): GrpcMethods {
  const call = (request: GrpcRequest) => exportTraces(request, parts);
  return new Map([[EXPORT_PATH, { kind: "unary", hasTenant: true, isOtlp: true, call }]]);
}

async function exportTraces(
  { tenant, message }: GrpcRequest,
  { sink, meter }: OtlpGrpcParts,
): Promise<Uint8Array> {
  const bytes = message.byteLength;
  const offered = sink.offer(tenant, message);
  freeBytes(message); // the sink has copied it
  if (offered === undefined) throw overloaded();
  const verdict = await offered;
  throwUnlessStored(verdict);
  meter.stored(tenant, bytes, verdict);
  const partialSuccess = partialSuccessOf(verdict.rejected);
  if (partialSuccess === undefined) return STORED;
  return toBinary(
    ExportTraceServiceResponseSchema,
    create(ExportTraceServiceResponseSchema, { partialSuccess }),
  );
}
