/**
 * Opens a receiver of any kind in an ingress thread: from its configuration to its server in
 * receive/, with this thread's parts.
 */
import type { Logger } from "../base/log.ts";
import type { Receiver } from "../config/config.ts";
import type { HttpFormat } from "../receive/http-receive.ts";
import { serveHttp } from "../receive/http-server.ts";
import type { InFlight } from "../receive/in-flight.ts";
import { otlpHttp } from "../receive/otlp-http.ts";
import type { RequestSink } from "../receive/receive.ts";
import { ReceiveCounts } from "./receive-counts.ts";
import type { IngressStart } from "./worker-protocol.ts";

/** What receivers of one thread share. */
export interface ReceiverHost {
  readonly start: IngressStart;
  readonly sink: RequestSink;
  readonly inFlight: InFlight;
  readonly logger: Logger;
  /** True once the server stops. */
  readonly draining: () => boolean;
}

export interface OpenReceiver {
  readonly receiver: Receiver;
  readonly counts: ReceiveCounts;
  readonly url: string;
  /** Once, when the server begins to stop: tells clients on open connections. */
  drain?(): void;
  /** When nothing is in flight any more. */
  stop(): Promise<void>;
}

/** Undefined: it is another thread's, as what cannot share its port is the first one's. */
export async function openReceiver(
  receiver: Receiver,
  host: ReceiverHost,
): Promise<OpenReceiver | undefined> {
  switch (receiver.kind) {
    case "otlp_http":
      return openHttp(receiver, host, otlpHttp(receiver));
  }
}

/** Any format over HTTP. */
function openHttp<Kind>(
  receiver: Receiver,
  host: ReceiverHost,
  format: HttpFormat<Kind>,
): OpenReceiver {
  const { start, ...parts } = host;
  const counts = new ReceiveCounts(receiver.name, "http");
  const options = {
    hostname: receiver.listenAddress,
    port: receiver.listenPort,
    idleTimeoutSeconds: start.idleTimeoutSeconds,
    requestBytesMax: receiver.requestBytesMax,
    bodyTimeoutMs: start.bodyTimeoutMs,
    multitenancyEnabled: start.multitenancyEnabled,
  };
  const server = Bun.serve(serveHttp(format, options, { ...parts, meter: counts }));
  return { receiver, counts, url: `${server.url}`, stop: () => server.stop() };
}
