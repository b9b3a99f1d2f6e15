/** OTLP over gRPC: `otlp.protocols.grpc`. */
import type { OtlpGrpcReceiver } from "../config.ts";
import { grpcMessageMib, grpcSettings, readGrpc } from "./grpc-settings.ts";
import { endpointSetting } from "./receiver-setting.ts";
import type { ReceiverType } from "./receiver-type.ts";

export const otlpGrpcEndpoint = endpointSetting(4317, "Where OTLP over gRPC is received.");

export const otlpGrpc: ReceiverType<OtlpGrpcReceiver> = {
  kind: "otlp_grpc",
  type: "otlp",
  below: "protocols.grpc",
  transport: "tcp",
  byDefault: true,
  settings: [otlpGrpcEndpoint, ...grpcSettings],
  sizePath: grpcMessageMib.path,
  make(name, at) {
    const { address: listenAddress, port: listenPort } = at(otlpGrpcEndpoint);
    return { kind: "otlp_grpc", name, listenAddress, listenPort, ...readGrpc(at) };
  },
  serves: () => "OTLP/gRPC",
};
