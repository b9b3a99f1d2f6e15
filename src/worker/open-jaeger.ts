/** Opens Jaeger's receivers that are neither a format over HTTP nor a service over gRPC. */
import { EngineError } from "../base/error.ts";
import type {
  JaegerBinaryReceiver,
  JaegerCompactReceiver,
  JaegerSamplingReceiver,
  Receiver,
} from "../config/config.ts";
import { UDP_QUEUE_BYTES_MAX } from "../config/limits.ts";
import { formatEndpoint } from "../config/value/endpoint.ts";
import { JaegerAgent } from "../receive/jaeger-agent.ts";
import { SamplingFile } from "../receive/sampling-file.ts";
import { type SamplingSource, samplingHttp } from "../receive/sampling-http.ts";
import { UdpSocket } from "../receive/udp-socket.ts";
import type { OpenReceiver, ReceiverHost } from "./open-receiver.ts";
import { ReceiveCounts } from "./receive-counts.ts";

/** Of the time that packets have in the system's buffer the thread may rest so much. */
const REST_SHARE = 0.25;
/** From the signal to stop until packets that came before it are read. */
const LINGER_MS = 50;

/** A socket is not shared between threads: the first one has it. */
export async function openJaegerUdp(
  receiver: JaegerCompactReceiver | JaegerBinaryReceiver,
  host: ReceiverHost,
): Promise<OpenReceiver | undefined> {
  if (host.start.ring !== 0) return undefined;
  const { sink, inFlight, logger } = host;
  const counts = new ReceiveCounts(receiver.name, "udp");
  const protocol = receiver.kind === "jaeger_thrift_compact" ? "compact" : "binary";
  await JaegerAgent.warm(protocol, logger);
  const agent = new JaegerAgent(
    {
      protocol,
      packetBytesMax: receiver.requestBytesMax,
      queuePackets: receiver.queuePackets,
      bytesMax: UDP_QUEUE_BYTES_MAX,
    },
    { sink, inFlight, logger, meter: counts },
  );
  const { listenAddress: hostname, listenPort: port, bufferBytes } = receiver;
  const socket = await UdpSocket.open(
    { hostname, port, bufferBytes },
    {
      logger,
      onPacket: (packet) => agent.take(packet),
      onDrops: (packets) => agent.lost(packets),
    },
  );
  host.limitRest(socket.bufferedMs * REST_SHARE);
  let closed: Promise<void> | undefined;
  const close = () => {
    closed ??= socket.close();
    return closed;
  };
  return {
    receiver,
    counts,
    url: `udp://${formatEndpoint({ address: hostname, port: socket.address.port })}`,
    // Packets would come for ever, and each would be waited for.
    drain: () => void setTimeout(() => void close(), LINGER_MS),
    stop: close,
  };
}

export function openJaegerSampling(
  receiver: JaegerSamplingReceiver,
  { logger }: ReceiverHost,
): OpenReceiver {
  const counts = new ReceiveCounts(receiver.name, "http");
  const file = samplingOf(receiver, logger);
  const server = Bun.serve({
    hostname: receiver.listenAddress,
    port: receiver.listenPort,
    reusePort: true,
    development: false,
    maxRequestBodySize: 0,
    fetch: samplingHttp(file),
    error(error) {
      logger.error("receiver failed", { error: error.stack ?? String(error) });
      return new Response("internal error", { status: 500 });
    },
  });
  return {
    receiver,
    counts,
    url: `${server.url}`,
    async stop() {
      file.close();
      await server.stop(true);
    },
  };
}

/** What the gRPC receiver of the same name tells; undefined when nothing is configured. */
export function samplingFor(
  { name }: Receiver,
  { start, logger }: ReceiverHost,
): (SamplingSource & { close(): void }) | undefined {
  const own = start.receivers.find(
    (one): one is JaegerSamplingReceiver =>
      one.kind === "jaeger_remote_sampling" && one.name === name,
  );
  return own === undefined ? undefined : samplingOf(own, logger);
}

function samplingOf(receiver: JaegerSamplingReceiver, logger: ReceiverHost["logger"]) {
  const { strategyFile, reloadIntervalMs: reloadMs } = receiver;
  return new SamplingFile({ path: strategyFile || undefined, reloadMs }, logger);
}

/** Before threads start, which would be started again and again. Throws EngineError. */
export function checkSampling(receiver: JaegerSamplingReceiver): void {
  if (receiver.strategyFile === "") return;
  try {
    SamplingFile.check(receiver.strategyFile);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw new EngineError(error.code, `${receiver.strategyFile}: ${error.message}`);
  }
}
