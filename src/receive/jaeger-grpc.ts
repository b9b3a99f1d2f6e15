/**
 * Jaeger's collector over gRPC: CollectorService/PostSpans, and SamplingManager beside it where
 * remote sampling is configured.
 *
 * Threads: one ingress Worker; its receivers share the bytes in flight.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { EngineError } from "../base/error.ts";
import { freeBytes } from "../base/free-bytes.ts";
import { SamplingStrategyParametersSchema } from "../proto-gen/jaeger/api_v2/sampling_pb.ts";
import type { GrpcMethod, GrpcMethods, GrpcRequest } from "./grpc-method.ts";
import { JaegerProtoReader } from "./jaeger-proto.ts";
import { refusedPart } from "./jaeger-refusal.ts";
import { JaegerRequest } from "./jaeger-request.ts";
import type { ReceiveMeter, RequestSink } from "./receive.ts";
import { overloaded, throwUnlessStored } from "./refusal.ts";
import type { SamplingSource } from "./sampling-http.ts";

export const POST_SPANS_PATH = "/jaeger.api_v2.CollectorService/PostSpans";
export const SAMPLING_PATH = "/jaeger.api_v2.SamplingManager/GetSamplingStrategy";

export interface JaegerGrpcParts {
  readonly sink: RequestSink;
  readonly meter: ReceiveMeter;
  /** Undefined: nobody can ask. */
  readonly sampling: SamplingSource | undefined;
}

/** A PostSpansResponse has no fields. */
const STORED = new Uint8Array(0);

/** `bytesMax` is of a request as OTLP. */
export function jaegerGrpc(bytesMax: number, parts: JaegerGrpcParts): GrpcMethods {
  const request = new JaegerRequest(bytesMax);
  const reader = new JaegerProtoReader(request);
  const collector = { request, reader, ...parts };
  const methods: (readonly [string, GrpcMethod])[] = [
    [POST_SPANS_PATH, { kind: "unary", hasTenant: true, call: (one) => postSpans(one, collector) }],
  ];
  const { sampling } = parts;
  if (sampling !== undefined) {
    const call = (one: GrpcRequest) => Promise.resolve(strategyOf(one, sampling));
    methods.push([SAMPLING_PATH, { kind: "unary", hasTenant: false, call }]);
  }
  return new Map(methods);
}

interface Collector extends JaegerGrpcParts {
  readonly request: JaegerRequest;
  readonly reader: JaegerProtoReader;
}

async function postSpans(
  { tenant, message }: GrpcRequest,
  { request, reader, sink, meter }: Collector,
): Promise<Uint8Array> {
  const bytes = message.byteLength;
  let offered: ReturnType<RequestSink["offer"]>;
  try {
    request.clear();
    reader.read(message);
    offered = sink.offer(tenant, request.out.written());
  } finally {
    freeBytes(message); // the sink has copied what became of it
  }
  if (offered === undefined) throw overloaded();
  const verdict = await offered;
  throwUnlessStored(verdict);
  meter.stored(tenant, bytes, verdict);
  const refused = refusedPart(verdict);
  if (refused !== undefined) throw new EngineError("malformed", refused);
  return STORED;
}

function strategyOf({ message }: GrpcRequest, sampling: SamplingSource): Uint8Array {
  let service: string;
  try {
    service = fromBinary(SamplingStrategyParametersSchema, message).serviceName;
  } catch (error) {
    throw new EngineError("malformed", "no SamplingStrategyParameters", { cause: error });
  }
  return sampling.of(service).message;
}
