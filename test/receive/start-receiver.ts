/** A receiver on a port of its own, with a sink that keeps what it is offered. */
import { connect, type Socket } from "node:net";
import type { Logger } from "../../src/base/log.ts";
import type { CorsOptions } from "../../src/receive/cors.ts";
import type { HttpFormat, HttpReceiveParts } from "../../src/receive/http-receive.ts";
import { type HttpServer, serveHttp } from "../../src/receive/http-server.ts";
import { type Http1Server, listenHttp1 } from "../../src/receive/http1-server.ts";
import { InFlight, type InFlightOptions } from "../../src/receive/in-flight.ts";
import { otlpHttp } from "../../src/receive/otlp-http.ts";
import type { RejectedSpans, RequestSink, Verdict } from "../../src/receive/receive.ts";

export const NONE_REJECTED: RejectedSpans = {
  invalidTraceId: 0,
  invalidSpanId: 0,
  invalidUtf8: 0,
  overLimit: 0,
  traceTooLarge: 0,
  liveTraces: 0,
};
export const STORED: Verdict = { outcome: "stored", accepted: 1, rejected: NONE_REJECTED };

export interface ReceiverSettings {
  readonly requestBytesMax?: number;
  readonly bodyTimeoutMs?: number;
  readonly multitenancyEnabled?: boolean;
  readonly inFlightBytesMax?: number;
  readonly tenantBytesMax?: number;
  readonly admit?: InFlightOptions["admit"];
  readonly idleTimeoutSeconds?: number;
  readonly cors?: CorsOptions;
  /** Of our own server. */
  readonly connectionsMax?: number;
}

let isRuntimes = false;

/** Where receivers run from now on: in our own server at first, in the runtime's with TLS. */
export function useServer(which: "own" | "runtime"): void {
  isRuntimes = which === "runtime";
}

export type Offer = RequestSink["offer"];
export type Receiver = ReturnType<typeof startReceiver>;

export function startReceiver(settings: ReceiverSettings = {}) {
  const requestBytesMax = settings.requestBytesMax ?? 20 << 20;
  return startFormat(otlpHttp({ tracesUrlPath: "/v1/traces", requestBytesMax }), settings);
}

/** The same of any format over HTTP. */
export function startFormat<Kind>(format: HttpFormat<Kind>, settings: ReceiverSettings = {}) {
  const offered: { tenant: string; body: Uint8Array }[] = [];
  const stored: { tenant: string; bytes: number; verdict: Verdict }[] = [];
  const refused: string[] = [];
  const logged: string[] = [];
  const state = {
    ...{ draining: false, keep: true, isFull: false },
    answer: (() => Promise.resolve(STORED)) as Offer,
  };
  const write = (message: string) => void logged.push(message);
  const logger: Logger = { debug: write, info: write, warn: write, error: write };
  const inFlight = new InFlight({
    bytesMax: settings.inFlightBytesMax ?? 64 << 20,
    tenantBytesMax: settings.tenantBytesMax,
    admit: settings.admit,
  });
  const sink: RequestSink = {
    get isFull() {
      return state.isFull;
    },
    offer(tenant, request) {
      if (state.keep) offered.push({ tenant, body: Uint8Array.from(request) });
      return state.answer(tenant, request);
    },
  };
  const options = {
    hostname: "127.0.0.1",
    port: 0,
    idleTimeoutSeconds: settings.idleTimeoutSeconds ?? 60,
    requestBytesMax: settings.requestBytesMax ?? 20 << 20,
    bodyTimeoutMs: settings.bodyTimeoutMs ?? 60_000,
    multitenancyEnabled: settings.multitenancyEnabled ?? false,
    cors: settings.cors,
    connectionsMax: settings.connectionsMax ?? 10_000,
  };
  const parts = {
    sink,
    inFlight,
    logger,
    meter: {
      stored: (tenant, bytes, verdict) => void stored.push({ tenant, bytes, verdict }),
      refused: (tenant, reason) => void refused.push(`${tenant}:${reason}`),
    },
    draining: () => state.draining,
  } satisfies HttpReceiveParts;
  const { port, stop, ...counts } = isRuntimes
    ? serve(serveHttp(format, options, parts))
    : listen(listenHttp1(format, options, parts));
  return {
    port,
    origin: `http://127.0.0.1:${port}`,
    url: `http://127.0.0.1:${port}/v1/traces`,
    ...{ offered, stored, refused, logged, inFlight, state, options, parts, stop, ...counts },
    /** Resolves once nothing is held any more. */
    atRest: () => until(() => inFlight.requests === 0 && inFlight.bytes === 0),
  };
}

function serve(options: HttpServer) {
  const server = Bun.serve(options);
  const none = () => 0;
  const counts = { held: none, dropped: none, connections: none };
  return { port: server.port ?? 0, ...counts, stop: () => server.stop(true) };
}

function listen(server: Http1Server) {
  return {
    port: server.port,
    held: () => server.held,
    dropped: () => server.droppedBytes,
    connections: () => server.connections,
    stop: () => server.stop(),
  };
}

/** Waits for a condition; a deadline turns a hang into a failure. */
export async function until(condition: () => boolean, deadlineMs = 30_000): Promise<void> {
  const start = performance.now();
  while (!condition()) {
    if (performance.now() - start > deadlineMs) throw new Error(`never: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A connection on which a test writes what it likes. */
export class RawClient {
  readonly socket: Socket;
  received = "";
  closed = false;

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    const client = new RawClient(socket);
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    return client;
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (data) => {
      this.received += data.toString("latin1");
    });
    socket.on("error", () => {}); // a reset; "close" follows
    socket.on("close", () => {
      this.closed = true;
    });
  }

  /** A POST with the usual headers; `headers` end without a line break. */
  post(headers: string, body: string | Uint8Array = ""): void {
    const head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf";
    this.socket.write(`${head}\r\n${headers}\r\n\r\n`);
    if (body.length > 0) this.socket.write(body);
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Writes `piece` again and again, as fast as it is taken; returns the bytes sent. */
  async pump(bytes: number, piece: Uint8Array): Promise<number> {
    let sent = 0;
    while (sent < bytes && !this.closed && this.socket.writable) {
      const room = this.socket.write(piece);
      sent += piece.byteLength;
      if (!room) await until(() => this.closed || !this.socket.writableNeedDrain);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    return sent;
  }

  async until(text: string): Promise<void> {
    await until(() => this.received.includes(text));
  }

  async untilClosed(): Promise<void> {
    await until(() => this.closed);
  }

  /** Status lines seen so far. */
  get statuses(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }

  destroy(): void {
    this.socket.destroy();
  }
}
