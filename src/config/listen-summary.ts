/** Which listeners open and where, for the message at the start. */
import type { Config } from "./config.ts";
import { typeOf } from "./receiver/receiver-types.ts";
import { formatEndpoint, isLoopback } from "./value/endpoint.ts";

export interface ListenLine {
  /** The HTTP API, or the key of a receiver: `otlp`, `otlp/second`. */
  readonly name: string;
  /** As configured: port 0 still has to be asked for. */
  readonly endpoint: string;
  readonly serves: string;
  /** Only this machine reaches it, which surprises people who run in containers. */
  readonly loopbackOnly: boolean;
}

export function listenSummary(config: Config): ListenLine[] {
  const { httpListenAddress: address, httpListenPort: port } = config.server;
  const { grpcListenAddress, grpcListenPort } = config.server;
  return [
    {
      name: "http",
      endpoint: formatEndpoint({ address, port }),
      serves: `query API under ${config.httpApiPrefix}/api`,
      loopbackOnly: isLoopback(address),
    },
    {
      name: "grpc",
      endpoint: formatEndpoint({ address: grpcListenAddress, port: grpcListenPort }),
      serves: "query API as gRPC",
      loopbackOnly: isLoopback(grpcListenAddress),
    },
    ...config.receivers.map((receiver) => ({
      name: receiver.name,
      endpoint: formatEndpoint({ address: receiver.listenAddress, port: receiver.listenPort }),
      serves: typeOf(receiver).serves(receiver),
      loopbackOnly: isLoopback(receiver.listenAddress),
    })),
  ];
}
