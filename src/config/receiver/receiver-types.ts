/** All kinds of receivers, and where one of them stands in the file. */
import type { Receiver, ReceiverKind } from "../config.ts";
import { jaegerGrpc } from "./jaeger-grpc.ts";
import { jaegerSampling } from "./jaeger-sampling.ts";
import { jaegerThriftHttp } from "./jaeger-thrift-http.ts";
import { jaegerThriftBinary, jaegerThriftCompact } from "./jaeger-udp.ts";
import { otlpGrpc } from "./otlp-grpc.ts";
import { otlpHttp } from "./otlp-http.ts";
import type { ReceiverType } from "./receiver-type.ts";
import { zipkin } from "./zipkin.ts";

type Types = { readonly [K in ReceiverKind]: ReceiverType<Extract<Receiver, { kind: K }>> };

/** In the order in which those of one instance open. */
export const receiverTypes: Types = {
  otlp_grpc: otlpGrpc,
  otlp_http: otlpHttp,
  zipkin,
  jaeger_grpc: jaegerGrpc,
  jaeger_thrift_http: jaegerThriftHttp,
  jaeger_thrift_compact: jaegerThriftCompact,
  jaeger_thrift_binary: jaegerThriftBinary,
  jaeger_remote_sampling: jaegerSampling,
};

/** The type of this very receiver. */
export function typeOf<R extends Receiver>(receiver: R): ReceiverType<R> {
  // The record holds under each kind the type of that kind; tsc cannot follow it through R.
  return receiverTypes[receiver.kind] as unknown as ReceiverType<R>;
}

export const RECEIVERS_PATH = "distributor.receivers";

/** The block of a receiver as a path of keys; its name may hold dots. */
export function receiverKeys(receiver: Receiver): readonly string[] {
  return [...RECEIVERS_PATH.split("."), receiver.name, ...belowOf(typeOf(receiver).below)];
}

/** The same as messages have it. */
export function receiverPath(name: string, below: string): string {
  return [RECEIVERS_PATH, name, ...belowOf(below)].join(".");
}

function belowOf(below: string): readonly string[] {
  return below === "" ? [] : below.split(".");
}
