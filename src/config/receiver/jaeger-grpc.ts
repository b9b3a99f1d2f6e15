/** Jaeger's collector over gRPC: `jaeger.protocols.grpc`. */
import type { JaegerGrpcReceiver } from "../config.ts";
import { grpcMessageMib, grpcSettings, readGrpc } from "./grpc-settings.ts";
import { endpointSetting } from "./receiver-setting.ts";
import type { ReceiverType } from "./receiver-type.ts";

export const jaegerGrpcEndpoint = endpointSetting(14250, "Where Jaeger's gRPC is received.");

export const jaegerGrpc: ReceiverType<JaegerGrpcReceiver> = {
  kind: "jaeger_grpc",
  type: "jaeger",
  below: "protocols.grpc",
  transport: "tcp",
  byDefault: true,
  settings: [jaegerGrpcEndpoint, ...grpcSettings],
  sizePath: grpcMessageMib.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(jaegerGrpcEndpoint);
    return { kind: "jaeger_grpc", name, listenAddress, listenPort, ...readGrpc(at) };
  },
  serves: () => "Jaeger gRPC",
};
