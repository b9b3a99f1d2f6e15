/**
 * Opens a receiver of any kind in an ingress thread: from its configuration to its server in
 * receive/, with this thread's parts.
 */
import { systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type {
  GrpcConfig,
  GrpcKeepalive,
  HttpConfig,
  JaegerGrpcReceiver,
  Receiver,
} from "../config/config.ts";
import { GRPC_CONNECTIONS_MAX, HTTP_CONNECTIONS_MAX, REQUEST_BYTES_MAX } from "../config/limits.ts";
import { formatEndpoint } from "../config/value/endpoint.ts";
import type { GrpcMethods } from "../receive/grpc-method.ts";
import { GrpcServer } from "../receive/grpc-server.ts";
import type { KeepaliveOptions } from "../receive/grpc-session.ts";
import type { HeldAnswers } from "../receive/held-answers.ts";
import type { HttpFormat } from "../receive/http-receive.ts";
import { serveHttp } from "../receive/http-server.ts";
import { listenHttp1 } from "../receive/http1-server.ts";
import type { InFlight } from "../receive/in-flight.ts";
import { jaegerGrpc } from "../receive/jaeger-grpc.ts";
import { jaegerHttp } from "../receive/jaeger-http.ts";
import { otlpGrpc } from "../receive/otlp-grpc.ts";
import { otlpHttp } from "../receive/otlp-http.ts";
import type { ReceiveMeter, RequestSink } from "../receive/receive.ts";
import { zipkinHttp } from "../receive/zipkin-http.ts";
import { openJaegerSampling, openJaegerUdp, samplingFor } from "./open-jaeger.ts";
import { ReceiveCounts } from "./receive-counts.ts";
import { httpTls, readTls, watchTls } from "./receiver-tls.ts";
import type { IngressStart } from "./worker-protocol.ts";

/** What receivers of one thread share. */
export interface ReceiverHost {
  readonly start: IngressStart;
  readonly sink: RequestSink;
  readonly inFlight: InFlight;
  readonly logger: Logger;
  /** True once the server stops. */
  readonly draining: () => boolean;
  readonly held: HeldAnswers;
  /** Whether requests are taken at all: the log has been replayed. */
  readonly ready: () => boolean;
  /** The thread hears what is lost when nobody reads it for longer than that. */
  readonly limitRest: (ms: number) => void;
}

export interface OpenReceiver {
  readonly receiver: Receiver;
  readonly counts: ReceiveCounts;
  readonly url: string;
  /** Once, when the server begins to stop: tells clients on open connections. */
  drain?(): void;
  /** Takes no connection more, if it does not do so since drain(). */
  close?(): void;
  /** When nothing is in flight any more. */
  stop(): Promise<void>;
}

/** Undefined: it is another thread's, as what cannot share its port is the first one's. */
export async function openReceiver(
  receiver: Receiver,
  host: ReceiverHost,
): Promise<OpenReceiver | undefined> {
  switch (receiver.kind) {
    case "otlp_grpc":
      return openGrpc(receiver, host, (meter) => otlpGrpc({ sink: host.sink, meter }));
    case "otlp_http":
      return openHttp(receiver, host, otlpHttp(receiver));
    case "zipkin":
      return openHttp(receiver, host, zipkinHttp(receiver, systemClock));
    case "jaeger_grpc":
      return openJaegerGrpc(receiver, host);
    case "jaeger_thrift_http":
      return openHttp(receiver, host, jaegerHttp(REQUEST_BYTES_MAX));
    case "jaeger_thrift_compact":
    case "jaeger_thrift_binary":
      return openJaegerUdp(receiver, host);
    case "jaeger_remote_sampling":
      return openJaegerSampling(receiver, host);
  }
}

async function openJaegerGrpc(
  receiver: JaegerGrpcReceiver,
  host: ReceiverHost,
): Promise<OpenReceiver> {
  const { sink } = host;
  const sampling = samplingFor(receiver, host);
  const open = await openGrpc(receiver, host, (meter) =>
    jaegerGrpc(REQUEST_BYTES_MAX, { sink, meter, sampling }),
  );
  return {
    ...open,
    async stop() {
      sampling?.close();
      await open.stop();
    },
  };
}

/** Any format over HTTP. */
function openHttp<Kind>(
  receiver: Receiver & HttpConfig,
  host: ReceiverHost,
  format: HttpFormat<Kind>,
): OpenReceiver {
  const { start, ...parts } = host;
  const { tls, listenAddress: address } = receiver;
  const counts = new ReceiveCounts(receiver.name, "http");
  const optionsOn = (port: number) => ({
    hostname: address,
    port,
    idleTimeoutSeconds: start.idleTimeoutSeconds,
    requestBytesMax: receiver.requestBytesMax,
    bodyTimeoutMs: start.bodyTimeoutMs,
    multitenancyEnabled: start.multitenancyEnabled,
    cors: receiver.cors,
    tls: tls && httpTls(readTls(tls)),
  });
  const httpParts = { ...parts, meter: counts };
  if (tls === undefined) {
    const connectionsMax = HTTP_CONNECTIONS_MAX;
    const ownOptions = { ...optionsOn(receiver.listenPort), connectionsMax };
    const server = listenHttp1(format, ownOptions, httpParts);
    return {
      ...{ receiver, counts },
      url: `http://${formatEndpoint({ address, port: server.port })}/`,
      close: () => server.close(),
      stop: () => server.stop(),
    };
  }
  const serve = (port: number) => Bun.serve(serveHttp(format, optionsOn(port), httpParts));
  let server = serve(receiver.listenPort);
  let closed: Promise<void> | undefined;
  // A server keeps its certificate: its connections end with it, new ones come to the next one.
  const change = () => {
    const old = server;
    server = serve(old.port ?? receiver.listenPort);
    old.stop().catch((error) => host.logger.error("a server did not stop", { error: `${error}` }));
  };
  const unwatch = watchTls(tls, { logger: host.logger, change });
  return {
    receiver,
    counts,
    url: `${server.url}`,
    close() {
      closed = server.stop();
    },
    async stop() {
      unwatch();
      await (closed ?? server.stop());
    },
  };
}

/** Any service over gRPC. */
async function openGrpc(
  receiver: Receiver & GrpcConfig,
  host: ReceiverHost,
  methods: (meter: ReceiveMeter) => GrpcMethods,
): Promise<OpenReceiver> {
  const { start, inFlight, logger } = host;
  const { tls, streamsMax, listenAddress: hostname } = receiver;
  const counts = new ReceiveCounts(receiver.name, "grpc");
  const server = new GrpcServer(
    {
      hostname,
      port: receiver.listenPort,
      streamsMax,
      connectionsMax: GRPC_CONNECTIONS_MAX,
      messageBytesMax: receiver.requestBytesMax,
      receiveTimeoutMs: start.bodyTimeoutMs || Number.POSITIVE_INFINITY,
      multitenancyEnabled: start.multitenancyEnabled,
      keepalive: keepaliveOptions(receiver.keepalive),
      tls: tls && httpTls(readTls(tls)),
    },
    {
      ...{ methods: methods(counts), inFlight, meter: counts, logger },
      isServing: host.ready,
      isFull: () => host.sink.isFull === true,
    },
  );
  server.listen();
  const change = (context: ReturnType<typeof readTls>) => server.setTls(httpTls(context));
  const unwatch = tls === undefined ? () => {} : watchTls(tls, { logger, change });
  const scheme = tls === undefined ? "http" : "https";
  return {
    receiver,
    counts,
    url: `${scheme}://${formatEndpoint({ address: hostname, port: server.port })}`,
    drain: () => server.drain(),
    async stop() {
      unwatch();
      await server.stop();
    },
  };
}

/** Zero is no limit in the configuration. */
function keepaliveOptions(keepalive: GrpcKeepalive): KeepaliveOptions {
  const orNever = (ms: number) => ms || Number.POSITIVE_INFINITY;
  return {
    ...keepalive,
    connectionIdleMs: orNever(keepalive.connectionIdleMs),
    connectionAgeMs: orNever(keepalive.connectionAgeMs),
    connectionAgeGraceMs: orNever(keepalive.connectionAgeGraceMs),
  };
}
