/**
 * The server that gRPC receivers run in: listens, keeps connections and calls within bounds, and
 * stops without losing a call.
 *
 * On node:http2, whose engine bounds what a connection can make it keep: header blocks, resets,
 * control frames that nobody reads. Windows: a stream may send a whole message at once, as nothing
 * is held back that was not refused; a connection two of them.
 *
 * Threads: one ingress Worker; the kernel spreads connections over those that listen on one port.
 */
import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, Server } from "node:net";
import type { SecureContextOptions, TlsOptions } from "node:tls";
import type { Logger } from "../base/log.ts";
import { GrpcCall, type GrpcCallHost, type GrpcCallOptions } from "./grpc-call.ts";
import { grpcHealth, type Health } from "./grpc-health.ts";
import type { GrpcMethods } from "./grpc-method.ts";
import { GrpcSession, type KeepaliveOptions } from "./grpc-session.ts";
import type { InFlight } from "./in-flight.ts";
import type { ReceiveMeter } from "./receive.ts";

export interface GrpcServerOptions extends GrpcCallOptions {
  readonly hostname: string;
  /** Zero: any free one. */
  readonly port: number;
  /** Calls of one connection at once. */
  readonly streamsMax: number;
  /** Those that come when there are so many are closed. */
  readonly connectionsMax: number;
  readonly keepalive: KeepaliveOptions;
  /** Undefined: in clear text. */
  readonly tls: (SecureContextOptions & TlsOptions) | undefined;
}

export interface GrpcServerParts {
  readonly methods: GrpcMethods;
  readonly inFlight: InFlight;
  readonly meter: Pick<ReceiveMeter, "refused">;
  readonly logger: Logger;
  /** Whether calls would be answered with success, for those who ask for the server's health. */
  readonly isServing: () => boolean;
  /** Nothing would be taken now: calls of tenants are refused by their headers. */
  readonly isFull: () => boolean;
}

/** How late a bound on time may be noticed. */
const SWEEP_MS = 1000;
/** What grpc-go's clients may send before they know our settings is this as well. */
const WINDOW_BYTES_MIN = 64 * 1024;
const STOP_MS = 1000;

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Http2Server | Http2SecureServer;
  readonly #sessions = new Map<ServerHttp2Session, GrpcSession>();
  readonly #host: GrpcCallHost;
  readonly #health: Health;
  readonly #logger: Logger;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #stopping = false;

  constructor(options: GrpcServerOptions, parts: GrpcServerParts) {
    this.#options = options;
    this.#logger = parts.logger;
    const services = [...new Set([...parts.methods.keys()].map((path) => path.split("/")[1]))];
    const isServing = () => !this.#stopping && parts.isServing();
    this.#health = grpcHealth(services, isServing);
    this.#host = {
      options,
      parts: { ...parts, methods: new Map([...parts.methods, ...this.#health.methods]) },
      receiving: new Set(),
      streaming: new Set(),
      nowMs: () => performance.now(),
    };
    const settings = {
      initialWindowSize: this.#windowBytes,
      maxConcurrentStreams: options.streamsMax,
      enablePush: false,
    };
    this.#server =
      options.tls === undefined
        ? createServer({ settings })
        : createSecureServer({ ...options.tls, settings, ALPNProtocols: ["h2"] });
    this.#server.on("session", (session) => this.#open(session));
    // What is wrong with one connection is that connection's: it ends, and others go on.
    for (const event of ["sessionError", "clientError", "tlsClientError"]) {
      this.#server.on(event, (error: Error) => {
        parts.logger.debug("connection failed", { error: error.message });
      });
    }
  }

  get port(): number {
    // Of a server that listens on a port.
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { hostname: host, port } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen({ host, port, reusePort: true }, resolve);
    await promise;
    this.#server.off("error", reject);
    this.#server.on("error", (error) => {
      this.#logger.error("receiver failed", { error: error.message });
    });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** For connections that come from now on. */
  setTls(context: SecureContextOptions & TlsOptions): void {
    if ("setSecureContext" in this.#server) this.#server.setSecureContext(context);
  }

  /** Takes no connection more, and tells clients to go elsewhere; their calls are answered. */
  drain(): void {
    this.#stopping = true;
    this.#health.update();
    const nowMs = performance.now();
    for (const session of this.#sessions.values()) session.drain(nowMs);
    // Only this: the server's own close() sends every connection its last GOAWAY at once.
    Server.prototype.close.call(this.#server);
  }

  /** When nothing is in flight any more: connections end, those that linger after a second. */
  async stop(): Promise<void> {
    if (!this.#stopping) this.drain();
    for (const call of this.#host.streaming) call.stop();
    const start = performance.now();
    while (this.#sessions.size > 0 && performance.now() - start < STOP_MS) await Bun.sleep(10);
    for (const session of this.#sessions.keys()) session.destroy();
    clearInterval(this.#sweeper);
  }

  get #windowBytes(): number {
    return this.#options.messageBytesMax + WINDOW_BYTES_MIN;
  }

  #open(session: ServerHttp2Session): void {
    session.on("error", () => {}); // the client's; "close" follows
    if (this.#sessions.size >= this.#options.connectionsMax) {
      session.destroy();
      return;
    }
    const known = new GrpcSession(session, this.#options.keepalive, performance.now());
    this.#sessions.set(session, known);
    session.on("close", () => void this.#sessions.delete(session));
    session.on("ping", () => known.pinged(performance.now()));
    session.on("stream", (stream, headers) => {
      known.streamOpened(performance.now());
      stream.on("close", () => {
        known.answered();
        known.streamClosed(performance.now());
      });
      GrpcCall.begin(stream, headers, this.#host);
    });
    session.setLocalWindowSize(2 * this.#windowBytes);
    if (this.#stopping) known.drain(performance.now());
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const session of this.#sessions.values()) session.sweep(nowMs);
    for (const call of this.#host.receiving) if (nowMs >= call.dueMs) call.expire();
    this.#health.update();
  }
}
