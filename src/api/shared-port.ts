/**
 * One port for HTTP/1.1 and for HTTP/2 with prior knowledge: the first bytes of a connection say
 * which of two servers behind it gets the connection, and from then on bytes pass as they come.
 *
 * Bun.serve answers HTTP/1.1 several times faster than node:http and has no trailers for gRPC, so
 * each protocol has the server that is made for it. To pass through costs a request 10 µs.
 */
import type { Socket, SocketHandler, TCPSocketListener } from "bun";
import type { Logger } from "../base/log.ts";

/** Where a server listens for this port alone. */
export type InnerAddress = { readonly unix: string } | { readonly port: number };

/** Certificates as text; versions as numbers. */
export interface PortTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: number;
  readonly maxVersion: number;
}

export interface SharedPortOptions {
  readonly hostname: string;
  readonly port: number;
  /** Undefined: in clear text. */
  readonly tls: PortTls | undefined;
  readonly http1: InnerAddress;
  readonly http2: InnerAddress;
  /** For the first bytes to come; 0: no limit. */
  readonly firstBytesSeconds: number;
  readonly logger: Logger;
}

/** `PRI `. No method of HTTP/1.1 is called so: RFC 9113 chose it for that. */
const HTTP2_START = Buffer.of(0x50, 0x52, 0x49, 0x20);

/** Of ALPN, as on the wire: both are understood, and first bytes tell which was meant. */
const PROTOCOLS = "\u0002h2\u0008http/1.1";

/** What waits for a socket that takes no more; meanwhile the one that it comes from waits, too. */
class Way {
  readonly #from: Socket<Relay>;
  readonly #to: Socket<Relay>;
  readonly #waiting: Buffer[] = [];
  #isLast = false;

  constructor(from: Socket<Relay>, to: Socket<Relay>) {
    this.#from = from;
    this.#to = to;
  }

  pass(bytes: Buffer): void {
    const written = this.#waiting.length > 0 ? 0 : Math.max(0, this.#to.write(bytes));
    if (written === bytes.length) return;
    this.#waiting.push(bytes.subarray(written));
    this.#from.pause();
  }

  /** The socket takes more. */
  drain(): void {
    for (let bytes = this.#waiting[0]; bytes !== undefined; bytes = this.#waiting[0]) {
      const written = Math.max(0, this.#to.write(bytes));
      if (written < bytes.length) {
        this.#waiting[0] = bytes.subarray(written);
        return;
      }
      this.#waiting.shift();
    }
    if (this.#isLast) this.#to.end();
    else this.#from.resume();
  }

  /** Nothing more comes. */
  end(): void {
    this.#isLast = true;
    if (this.#waiting.length === 0) this.#to.end();
  }
}

/** A connection from outside, and its other half inside. */
class Relay {
  /** All that came until the other half is there. */
  readonly start: Buffer[] = [];
  isChosen = false;
  isClosed = false;
  inward: Way | undefined;
  outward: Way | undefined;
}

export class SharedPort {
  readonly #options: SharedPortOptions;
  readonly #listener: TCPSocketListener<Relay>;

  constructor(options: SharedPortOptions) {
    this.#options = options;
    const { hostname, port, firstBytesSeconds, tls } = options;
    this.#listener = Bun.listen<Relay>({
      hostname,
      port,
      ...(tls && { tls: { ...tls, ALPNProtocols: PROTOCOLS } }),
      socket: {
        binaryType: "buffer",
        open: (socket) => {
          socket.data = new Relay();
          socket.setNoDelay(true);
          socket.timeout(firstBytesSeconds);
        },
        data: (socket, bytes) => this.#come(socket, bytes),
        drain: ({ data }) => data.outward?.drain(),
        timeout: (socket) => {
          socket.end();
        },
        error: (socket) => {
          socket.terminate();
        },
        close: ({ data }) => {
          data.isClosed = true;
          data.inward?.end();
        },
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Takes no more connections; those that are there go on. */
  stop(): void {
    this.#listener.stop(false);
  }

  #come(outer: Socket<Relay>, bytes: Buffer): void {
    const { data: relay } = outer;
    if (relay.inward !== undefined) {
      relay.inward.pass(bytes);
      return;
    }
    relay.start.push(bytes);
    if (relay.isChosen) return;
    const start = relay.start.length === 1 ? bytes : Buffer.concat(relay.start);
    const length = Math.min(start.length, HTTP2_START.length);
    const isHttp2 = start.compare(HTTP2_START, 0, length, 0, length) === 0;
    if (isHttp2 && length < HTTP2_START.length) return;
    relay.isChosen = true;
    outer.timeout(0);
    // What a client sends before there is somebody to take it waits in the system's buffers.
    outer.pause();
    void this.#connect(outer, isHttp2 ? this.#options.http2 : this.#options.http1);
  }

  async #connect(outer: Socket<Relay>, address: InnerAddress): Promise<void> {
    const { data: relay } = outer;
    const socket: SocketHandler<Relay, "buffer"> = {
      binaryType: "buffer",
      open: (inner) => {
        relay.outward = new Way(inner, outer);
      },
      data: (_, bytes) => relay.outward?.pass(bytes),
      drain: () => relay.inward?.drain(),
      error: (inner) => {
        inner.terminate();
      },
      close: () => relay.outward?.end(),
    };
    try {
      const inner = await ("unix" in address
        ? Bun.connect<Relay>({ unix: address.unix, data: relay, socket })
        : Bun.connect<Relay>({ hostname: "127.0.0.1", port: address.port, data: relay, socket }));
      relay.inward = new Way(outer, inner);
      for (const bytes of relay.start.splice(0)) relay.inward.pass(bytes);
      if (relay.isClosed) relay.inward.end();
      else relay.inward.drain();
    } catch (error) {
      this.#options.logger.error("connection refused", { error: String(error) });
      outer.end();
    }
  }
}
