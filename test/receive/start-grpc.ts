/** A gRPC receiver on a port of its own, with a sink that keeps what it is offered. */
import * as grpc from "@grpc/grpc-js";
import type { Logger } from "../../src/base/log.ts";
import { GrpcServer, type GrpcServerOptions } from "../../src/receive/grpc-server.ts";
import { InFlight, type InFlightOptions } from "../../src/receive/in-flight.ts";
import { otlpGrpc } from "../../src/receive/otlp-grpc.ts";
import type { RequestSink, Verdict } from "../../src/receive/receive.ts";
import { EXPORT_PATH } from "../support/http2-frames.ts";
import { waitFor } from "../support/wait.ts";
import { STORED } from "./start-receiver.ts";

export const NO_KEEPALIVE = {
  connectionIdleMs: Number.POSITIVE_INFINITY,
  connectionAgeMs: Number.POSITIVE_INFINITY,
  connectionAgeGraceMs: Number.POSITIVE_INFINITY,
  pingAfterMs: Number.POSITIVE_INFINITY,
  pingTimeoutMs: 20_000,
  pingMinIntervalMs: 300_000,
  pingWithoutStream: false,
} as const;

export type GrpcSettings = Partial<GrpcServerOptions> & {
  readonly inFlightBytesMax?: number;
  readonly tenantBytesMax?: number;
  readonly keptBytes?: number;
  readonly admit?: InFlightOptions["admit"];
};

export type GrpcReceiver = Awaited<ReturnType<typeof startGrpc>>;

export async function startGrpc(settings: GrpcSettings = {}) {
  const offered: { tenant: string; body: Buffer }[] = [];
  const stored: { tenant: string; bytes: number; verdict: Verdict }[] = [];
  const refused: string[] = [];
  const logged: string[] = [];
  const state = {
    isServing: true,
    isFull: false,
    keep: true,
    answer: (): Promise<Verdict> | undefined => Promise.resolve(STORED),
  };
  const note = (message: string, fields?: object) =>
    void logged.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: () => {}, info: note, warn: note, error: note };
  const inFlight = new InFlight({
    bytesMax: settings.inFlightBytesMax ?? 64 << 20,
    tenantBytesMax: settings.tenantBytesMax,
    keptBytes: settings.keptBytes ?? 0,
    admit: settings.admit,
  });
  const sink: RequestSink = {
    offer(tenant, request) {
      if (state.keep) offered.push({ tenant, body: Buffer.from(request) });
      return state.answer();
    },
  };
  const meter = {
    stored: (tenant: string, bytes: number, verdict: Verdict) =>
      void stored.push({ tenant, bytes, verdict }),
    refused: (tenant: string, reason: string) => void refused.push(`${tenant}:${reason}`),
  };
  const options = {
    hostname: "127.0.0.1",
    port: 0,
    messageBytesMax: 4 << 20,
    receiveTimeoutMs: 60_000,
    multitenancyEnabled: false,
    streamsMax: 1000,
    connectionsMax: 10_000,
    keepalive: NO_KEEPALIVE,
    tls: undefined,
    ...settings,
  };
  const methods = otlpGrpc({ sink, meter });
  const parts = {
    ...{ methods, inFlight, meter, logger },
    isServing: () => state.isServing,
    isFull: () => state.isFull,
  };
  const server = new GrpcServer(options, parts);
  server.listen();
  return {
    ...{ server, offered, stored, refused, logged, inFlight, state },
    port: server.port,
    client: (credentials = grpc.credentials.createInsecure(), channel: grpc.ChannelOptions = {}) =>
      new ExportClient(`127.0.0.1:${server.port}`, credentials, channel),
    /** Resolves once nothing is held any more. */
    atRest: () =>
      waitFor(
        () => inFlight.requests === 0 && inFlight.bytes === 0,
        () => `still in flight: ${inFlight.requests} requests, ${inFlight.bytes} bytes`,
      ),
    stop: () => server.stop(),
  };
}

export interface Answer {
  readonly code: number;
  readonly message: string;
  readonly metadata: grpc.Metadata;
  readonly body: Buffer | undefined;
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly path?: string;
}

const asIs = (bytes: Buffer) => bytes;

/** grpc-js, with messages as bytes. Never sends again by itself. */
export class ExportClient {
  readonly #client: grpc.Client;

  constructor(target: string, credentials: grpc.ChannelCredentials, options: grpc.ChannelOptions) {
    this.#client = new grpc.Client(target, credentials, {
      "grpc.enable_retries": 0,
      "grpc.max_send_message_length": -1,
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
  }

  send(message: Uint8Array, options: CallOptions = {}): Promise<Answer> {
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(options.metadata ?? {})) metadata.set(name, value);
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const call = this.#client.makeUnaryRequest(
      options.path ?? EXPORT_PATH,
      asIs,
      asIs,
      Buffer.from(message),
      metadata,
      options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs },
      (error: grpc.ServiceError | null, answer?: Buffer) => {
        body = answer;
        failure = error;
      },
    );
    let body: Buffer | undefined;
    let failure: grpc.ServiceError | null = null;
    call.on("status", (status: grpc.StatusObject) => {
      // The callback comes first.
      const message = failure?.details ?? status.details;
      resolve({ code: status.code, message, metadata: status.metadata, body });
    });
    return promise;
  }

  /** A call that is answered more than once; `onMessage` hears of each. */
  stream(path: string, message: Uint8Array, onMessage: (answer: Buffer) => void) {
    const call = this.#client.makeServerStreamRequest(path, asIs, asIs, Buffer.from(message));
    const { promise, resolve } = Promise.withResolvers<grpc.StatusObject>();
    call.on("data", onMessage);
    call.on("error", () => {}); // the status says it
    call.on("status", resolve);
    return { status: promise, cancel: () => call.cancel() };
  }

  close(): void {
    this.#client.close();
  }
}
