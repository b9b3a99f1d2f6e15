/**
 * A server of gRPC on node:http2: calls with one message, answered by any number of them.
 *
 * What clients can hold is bounded: streams of a connection, the size of messages, the time that a
 * request takes to come and that a client may take to read on, connections on which nothing
 * happens, and streams that are opened only to be reset.
 */
import { once } from "node:events";
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Logger } from "../base/log.ts";
import type { GrpcMethods } from "./grpc-method.ts";
import { isGrpcCall, ServedCall } from "./grpc-served-call.ts";
import type { GrpcStatus } from "./grpc-status.ts";

/** A request under way. */
export interface Served {
  /** The client will not read any more. */
  gone(): void;
}

/** Begins to answer; `onEnd` is called once, also when the client has gone before (`wasReset`). */
export type OtherRequests = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  onEnd: (wasReset: boolean) => void,
) => Served;

export interface GrpcServerOptions {
  readonly methods: GrpcMethods;
  /** Of a request, also after it is decompressed. */
  readonly messageBytesMax: number;
  /** Of one connection at once. */
  readonly streamsMax: number;
  /** Names and values of one request's headers. */
  readonly headBytesMax: number;
  /** For a request to come whole, and for a client to read on; 0: no limit. */
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** A connection without a call is closed after this; 0: never. */
  readonly idleTimeoutMs: number;
  readonly logger: Logger;
  /** Takes what is not gRPC; undefined: it is refused. */
  readonly other?: OtherRequests | undefined;
  /** A call has ended. */
  readonly onCall: (path: string, status: GrpcStatus, seconds: number) => void;
}

/** A name of the system's, or a port. */
export type GrpcAddress =
  | { readonly path: string }
  | { readonly host: string; readonly port: number };

/** A client that goes on opening streams and resetting them has another purpose than answers. */
const RESETS_MAX = 1000;
/** Its calls that ended well speak for a client: it may reset as many again. */
const RESETS_PER_CALL = 1;

/** From the word that a connection ends until it does, when nothing is under way on it. */
const GO_AWAY_MS = 1000;

interface Session {
  readonly session: ServerHttp2Session;
  readonly calls: Set<Served>;
  /** Resets less good calls. */
  resets: number;
  idle: ReturnType<typeof setTimeout> | undefined;
}

export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Http2Server;
  readonly #sessions = new Map<ServerHttp2Session, Session>();
  readonly #stopping = new AbortController();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#server = createServer({
      maxHeaderListPairs: 128,
      settings: {
        maxConcurrentStreams: options.streamsMax,
        maxHeaderListSize: options.headBytesMax,
        enablePush: false,
      },
    });
    // Before the server's own listener, which makes the session.
    let arrived: Socket;
    this.#server.prependListener("connection", (socket: Socket) => {
      arrived = socket;
    });
    this.#server.on("session", (session) => this.#open(session, arrived));
    this.#server.on("sessionError", (error) => this.#note("connection failed", error));
    this.#server.on("error", (error) => this.#note("server failed", error));
  }

  /** Resolves with the port, which is 0 where there is none. */
  async listen(address: GrpcAddress): Promise<number> {
    this.#server.listen(address);
    await once(this.#server, "listening");
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  /** Takes no new connections and calls; resolves when those under way have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const sessions = [...this.#sessions.values()];
    for (const one of sessions) this.#goAway(one);
    await Promise.all(sessions.map(({ session }) => closedOf(session)));
    await closed;
  }

  /** Ends all calls at once. */
  end(): void {
    this.#stopping.abort();
    this.#server.close();
    for (const { session } of this.#sessions.values()) session.destroy();
  }

  #open(session: ServerHttp2Session, socket: Socket): void {
    const one: Session = { session, calls: new Set(), resets: 0, idle: undefined };
    this.#sessions.set(session, one);
    session.on("error", (error) => this.#note("connection failed", error));
    session.on("close", () => {
      clearTimeout(one.idle);
      // It ends when the client has read all, which is when the client likes.
      setTimeout(() => socket.destroy(), GO_AWAY_MS).unref();
      this.#sessions.delete(session);
      for (const call of one.calls) call.gone();
    });
    session.on("stream", (stream, headers) => this.#call(one, stream, headers));
    this.#watchIdle(one);
  }

  #call(one: Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    clearTimeout(one.idle);
    const { other, onCall } = this.#options;
    const ended = (served: Served, wasReset: boolean) => {
      one.calls.delete(served);
      this.#countReset(one, wasReset);
      this.#watchIdle(one);
    };
    if (other !== undefined && !isGrpcCall(headers)) {
      const request = other(stream, headers, (wasReset) => ended(request, wasReset));
      one.calls.add(request);
      return;
    }
    const startMs = performance.now();
    const call = new ServedCall(stream, headers, {
      ...this.#options,
      stopping: this.#stopping.signal,
      onEnd: (status, wasReset) => {
        onCall(headers[":path"] ?? "", status, (performance.now() - startMs) / 1000);
        ended(call, wasReset);
      },
    });
    one.calls.add(call);
    call.serve();
  }

  #countReset(one: Session, wasReset: boolean): void {
    one.resets = wasReset ? one.resets + 1 : Math.max(0, one.resets - RESETS_PER_CALL);
    if (one.resets <= RESETS_MAX || one.session.destroyed) return;
    this.#options.logger.warn("connection closed: it resets what it asks for", {});
    one.session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #watchIdle(one: Session): void {
    clearTimeout(one.idle);
    const { idleTimeoutMs } = this.#options;
    if (one.calls.size > 0 || one.session.destroyed) return;
    if (this.#stopping.signal.aborted) this.#goAway(one);
    if (this.#stopping.signal.aborted || idleTimeoutMs === 0) return;
    one.idle = setTimeout(() => this.#goAway(one), idleTimeoutMs);
    one.idle.unref();
  }

  #goAway({ session, calls }: Session): void {
    if (!session.closed && !session.destroyed) session.close();
    // One that is in the middle of something would never close by itself.
    const end = () => {
      if (calls.size === 0) session.destroy();
    };
    setTimeout(end, GO_AWAY_MS).unref();
  }

  #note(what: string, error: Error): void {
    this.#options.logger.debug(what, { error: error.message });
  }
}

async function closedOf(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed) return;
  await new Promise<void>((resolve) => session.once("close", () => resolve()));
}
