/**
 * The server that receivers over HTTP in clear text run in: our own HTTP/1.1 (http1/), as the
 * runtime's reads the bodies of requests that nobody wants, and makes objects of each request.
 *
 * Threads: one ingress Worker; the kernel spreads connections over those that listen on one port.
 */
import type { SocketHandler, TCPSocketListener, TCPSocketListenOptions } from "bun";
import { freeBytes } from "../base/free-bytes.ts";
import { HeldSockets } from "../http1/held-sockets.ts";
import type { Http1Body } from "../http1/http1-body.ts";
import { Http1Connection, type Http1Owner, type Http1Socket } from "../http1/http1-connection.ts";
import type { Http1Head } from "../http1/http1-head.ts";
import type { HttpFormat, HttpReceiveParts, HttpRequest } from "./http-receive.ts";
import { type HttpServerOptions, handlerOf } from "./http-server.ts";

/** A socket as Bun has it; the number of its file is not in the types. */
interface BunSocket extends Http1Socket {
  readonly fd: number;
  setNoDelay(on: boolean): boolean;
}

interface Connection {
  readonly connection: Http1Connection;
  readonly fd: number;
  pause(): unknown;
  resume(): unknown;
}
type Data = Connection | undefined;
/** The option reusePort is not in the types. */
type ListenOptions = TCPSocketListenOptions<Data> & { readonly reusePort: true };

/** How late a bound on time may be noticed. */
const SWEEP_MS = 1000;
const STOP_MS = 1000;
/** Of all who send the next request before they have their answer. */
const EARLY_BYTES_MAX = 32 << 20;

export interface Http1ServerOptions extends HttpServerOptions {
  /** What comes beyond them is cut. */
  readonly connectionsMax: number;
}

export class Http1Server {
  readonly #options: Http1ServerOptions;
  readonly #parts: HttpReceiveParts;
  readonly #listener: TCPSocketListener<Data>;
  readonly #connections = new Set<Connection>();
  readonly #held: HeldSockets | undefined;
  readonly #owner: Http1Owner;
  readonly #sweeper: ReturnType<typeof setInterval>;
  #isClosed = false;
  #earlyBytes = 0;
  /** Connections over the limit, which were not told of yet. */
  #cut = 0;

  constructor(options: Http1ServerOptions, parts: HttpReceiveParts, owner: Http1Owner["request"]) {
    this.#options = options;
    this.#parts = parts;
    this.#held = HeldSockets.open(parts.logger, () => parts.inFlight.requests > 0);
    this.#owner = {
      request: owner,
      nowMs: () => performance.now(),
      keep: (bytes) => {
        if (this.#earlyBytes + bytes > EARLY_BYTES_MAX) return false;
        this.#earlyBytes += bytes;
        return true;
      },
      letGo: (bytes) => {
        this.#earlyBytes -= bytes;
      },
    };
    this.#listener = this.#listen();
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  }

  get port(): number {
    return this.#listener.port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Connections whose refused bodies the kernel drops. */
  get held(): number {
    return this.#held?.size ?? 0;
  }

  /** Bytes of bodies that were not read. */
  get droppedBytes(): number {
    return this.#held?.droppedBytes ?? 0;
  }

  /** Takes no connection more, and ends those that wait for nothing. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.stop();
    for (const { connection } of this.#connections) connection.leave();
  }

  /** When nothing is in flight any more: those that linger end after a second. */
  async stop(): Promise<void> {
    this.close();
    const start = performance.now();
    while (this.#connections.size > 0 && performance.now() - start < STOP_MS) {
      for (const { connection } of this.#connections) if (connection.isIdle) connection.leave();
      await Bun.sleep(5);
    }
    for (const { connection } of this.#connections) connection.destroy();
    clearInterval(this.#sweeper);
    this.#held?.close();
  }

  #listen(): TCPSocketListener<Data> {
    const socket: SocketHandler<Data> = {
      open: (one) => {
        one.data = this.#open(one as unknown as BunSocket);
      },
      data: (one, bytes) => {
        const { data } = one;
        if (data === undefined) return;
        const isKept = data.connection.feed(bytes, true);
        // What comes next, of this body or with another head, nobody may want either.
        if (data.connection.isRefused) this.#held?.hold(data);
        if (!isKept) freeBytes(bytes); // what is kept was copied
      },
      drain: (one) => one.data?.connection.drained(),
      end: (one) => one.data?.connection.ended(),
      close: (one) => {
        const { data } = one;
        if (data === undefined) return;
        this.#connections.delete(data);
        data.connection.closed();
        this.#held?.forget(data);
      },
      // Thrown by the others: a bug. Where a client fails the runtime only closes.
      error: (one, error) => {
        this.#parts.logger.error("receiver failed", { error: error.stack ?? error.message });
        one.data?.connection.destroy();
      },
    };
    const { hostname, port } = this.#options;
    // Who ends its side first may wait for an answer.
    const allowHalfOpen = true;
    const options: ListenOptions = { hostname, port, reusePort: true, allowHalfOpen, socket };
    return Bun.listen(options);
  }

  #open(socket: BunSocket): Data {
    if (this.#connections.size >= this.#options.connectionsMax) {
      this.#cut += 1;
      socket.terminate();
      return undefined;
    }
    socket.setNoDelay(true);
    const one = {
      connection: new Http1Connection(socket, this.#owner),
      fd: socket.fd,
      pause: () => socket.pause(),
      resume: () => socket.resume(),
    };
    this.#connections.add(one);
    return one;
  }

  #sweep(): void {
    const { idleTimeoutSeconds, bodyTimeoutMs } = this.#options;
    const orNever = (ms: number) => ms || Number.POSITIVE_INFINITY;
    const bounds = { idleMs: orNever(idleTimeoutSeconds * 1000), headMs: orNever(bodyTimeoutMs) };
    for (const { connection } of this.#connections) connection.sweep(bounds);
    if (this.#cut === 0) return;
    const { connectionsMax: limit } = this.#options;
    this.#parts.logger.warn("connections over the limit were cut", { count: this.#cut, limit });
    this.#cut = 0;
  }
}

/** Listens at once. */
export function listenHttp1<Kind>(
  format: HttpFormat<Kind>,
  options: Http1ServerOptions,
  parts: HttpReceiveParts,
): Http1Server {
  const handle = handlerOf(format, options, parts);
  return new Http1Server(options, parts, (head, body) => handle(new ReceivedRequest(head, body)));
}

/** A request as formats see it. One is made of each, whatever becomes of it. */
class ReceivedRequest implements HttpRequest {
  readonly #head: Http1Head;
  readonly #body: Http1Body;

  constructor(head: Http1Head, body: Http1Body) {
    this.#head = head;
    this.#body = body;
  }

  get method(): string {
    return this.#head.method;
  }

  get url(): string {
    return this.#head.target;
  }

  get headers(): Http1Head["fields"] {
    return this.#head.fields;
  }

  get body(): HttpRequest["body"] {
    return this.#head.length === 0 ? null : { getReader: () => this.#body.pieces() };
  }

  bytes(): Promise<Uint8Array> {
    return this.#body.whole();
  }

  freeBody(): void {
    this.#body.free();
  }
}
