/**
 * What a service is to the server of gRPC receivers: methods by their path. The server does
 * everything about calls and connections; a method sees one whole message.
 */
import type { Reservation } from "./in-flight.ts";

export interface GrpcRequest {
  /** Empty when the method is nobody's in particular. */
  readonly tenant: string;
  /** Not compressed any more, and the method's own: nobody else looks at it again. */
  readonly message: Uint8Array;
  /** Holds its bytes until the method has answered. */
  readonly reservation: Reservation;
}

/** One message in, one message out. */
export interface UnaryMethod {
  readonly kind: "unary";
  /** Whether the call belongs to a tenant, who then must be named when there are several. */
  readonly hasTenant: boolean;
  /** Whether a message is OTLP as it comes, so that its length is what counts. */
  readonly isOtlp?: boolean;
  /** The answer; throws EngineError, or GrpcError. */
  call(request: GrpcRequest): Promise<Uint8Array>;
}

/** One message in, messages out until the client goes or the server stops. */
export interface StreamingMethod {
  readonly kind: "streaming";
  /** Answers what to call when the client has gone. `send` may be called from then on. */
  open(message: Uint8Array, send: (message: Uint8Array) => void): () => void;
}

export type GrpcMethod = UnaryMethod | StreamingMethod;

/** `/opentelemetry.proto.collector.trace.v1.TraceService/Export`, for example. */
export type GrpcMethods = ReadonlyMap<string, GrpcMethod>;
