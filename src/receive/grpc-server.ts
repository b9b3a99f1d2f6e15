/**
 * The server that gRPC receivers run in: listens, keeps connections and calls within bounds, and
 * stops without losing a call.
 *
 * HTTP/2 is our own (http2/), as a call must be refused before its body has come, and cheaply:
 * the runtime's own server reads the bodies of calls that nobody wants.
 *
 * Threads: one ingress Worker; the kernel spreads connections over those that listen on one port.
 */
import type { SocketHandler, TCPSocketListener, TCPSocketListenOptions } from "bun";
import { freeBytes } from "../base/free-bytes.ts";
import type { Logger } from "../base/log.ts";
import { Http2Connection, type Http2Owner } from "../http2/http2-connection.ts";
import type { ByteSocket } from "../http2/http2-output.ts";
import { GrpcCall, type GrpcCallHost, type GrpcCallOptions } from "./grpc-call.ts";
import { grpcHealth, type Health } from "./grpc-health.ts";
import type { GrpcMethods } from "./grpc-method.ts";
import { GrpcSession, type KeepaliveOptions } from "./grpc-session.ts";
import type { HttpServerTls } from "./http-server.ts";
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
  readonly tls: GrpcServerTls | undefined;
}

/** What Bun.listen() takes of node:tls, versions as numbers. */
export type GrpcServerTls = HttpServerTls;

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

/** Of names and values of one call's head. */
const HEAD_BYTES_MAX = 64 * 1024;
/** The list of protocols to choose from, as TLS writes it. */
const ALPN = { ALPNProtocols: "\x02h2" } as const;

interface Connection {
  readonly connection: Http2Connection;
  readonly session: GrpcSession;
}
type Listener = TCPSocketListener<Connection | undefined>;
/** The option reusePort is not in the types. */
type ListenOptions = TCPSocketListenOptions<Connection | undefined> & { readonly reusePort: true };

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  #listener: Listener | undefined;
  readonly #connections = new Set<Connection>();
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
  }

  /** Zero while nothing listens. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  listen(): void {
    this.#listener = this.#listenOn(this.#options.port, this.#options.tls);
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  /** For connections that come from now on. */
  setTls(tls: GrpcServerTls): void {
    const before = this.#listener;
    if (before === undefined) return;
    this.#listener = this.#listenOn(before.port, tls);
    before.stop();
  }

  /** Takes no connection more, and tells clients to go elsewhere; their calls are answered. */
  drain(): void {
    this.#stopping = true;
    this.#health.update();
    const nowMs = performance.now();
    for (const { session } of this.#connections) session.drain(nowMs);
    this.#listener?.stop();
    this.#listener = undefined;
  }

  /** When nothing is in flight any more: connections end, those that linger after a second. */
  async stop(): Promise<void> {
    if (!this.#stopping) this.drain();
    for (const call of this.#host.streaming) call.stop();
    const start = performance.now();
    while (this.#connections.size > 0 && performance.now() - start < STOP_MS) await Bun.sleep(10);
    for (const { connection } of this.#connections) connection.destroy();
    clearInterval(this.#sweeper);
  }

  #listenOn(port: number, tls: GrpcServerTls | undefined): Listener {
    const socket: SocketHandler<Connection | undefined> = {
      open: (one) => {
        one.setNoDelay(true);
        if (tls === undefined) one.data = this.#open(one);
      },
      // With TLS it begins when both sides have shaken hands: without a certificate that is asked
      // for they do not. What the client sends together with its hand may come before the word.
      ...(tls !== undefined && {
        handshake: (one, isSuccess) => {
          if (isSuccess) one.data ??= this.#open(one);
          else one.terminate();
        },
      }),
      data: (one, bytes) => {
        one.data ??= this.#open(one);
        one.data?.connection.feed(bytes);
        freeBytes(bytes); // what is kept was copied
      },
      drain: (one) => one.data?.connection.drained(),
      close: (one) => one.data?.connection.closed(),
      error: (one, error) => {
        this.#logger.error("receiver failed", { error: error.stack ?? error.message });
        one.data?.connection.destroy();
      },
    };
    const { hostname } = this.#options;
    const options: ListenOptions = { hostname, port, reusePort: true, socket };
    return Bun.listen(tls === undefined ? options : { ...options, tls: { ...tls, ...ALPN } });
  }

  #open(socket: ByteSocket): Connection | undefined {
    if (this.#connections.size >= this.#options.connectionsMax) {
      socket.terminate();
      return undefined;
    }
    const nowMs = performance.now();
    const { streamsMax, messageBytesMax, keepalive } = this.#options;
    const windowBytes = messageBytesMax + WINDOW_BYTES_MIN;
    const owner: Http2Owner = {
      request: (stream, head) => {
        session.streamOpened(performance.now());
        return GrpcCall.begin(stream, head, this.#host);
      },
      streamClosed: () => {
        session.answered();
        session.streamClosed(performance.now());
      },
      pinged: () => session.pinged(performance.now()),
      closed: () => void this.#connections.delete(one),
    };
    const connection = new Http2Connection(
      socket,
      { windowBytes, streamsMax, headBytesMax: HEAD_BYTES_MAX },
      { owner, nowMs: () => performance.now() },
    );
    const session = new GrpcSession(connection, keepalive, nowMs);
    const one = { connection, session };
    this.#connections.add(one);
    if (this.#stopping) session.drain(nowMs);
    return one;
  }

  #sweep(): void {
    const nowMs = performance.now();
    for (const { session } of this.#connections) session.sweep(nowMs);
    for (const call of this.#host.receiving) if (nowMs >= call.dueMs) call.expire();
    this.#health.update();
  }
}
