/**
 * One connection of a gRPC server: how old and how idle it may get, pings in both directions, and
 * its end, which costs no call that the client has begun.
 *
 *   GOAWAY, last stream 2^31-1 · PING → PING's answer · GOAWAY, the true last stream → its calls
 *   end → it closes
 *
 * Whatever the client had on the way when the first GOAWAY reached it is before the answer to the
 * ping, so that the second one knows of it.
 *
 * Times are of the caller's clock, in milliseconds, and are looked at when sweep() is called.
 */
import type { Http2Connection } from "../http2/http2-connection.ts";
import { WINDOW_MAX } from "../http2/http2-frame.ts";

/** In milliseconds; Infinity where there is no bound. */
export interface KeepaliveOptions {
  /** Without a call. */
  readonly connectionIdleMs: number;
  readonly connectionAgeMs: number;
  /** For calls that are under way when the age is reached. */
  readonly connectionAgeGraceMs: number;
  /** Of silence, until the client is asked whether it is there, and for its answer. */
  readonly pingAfterMs: number;
  readonly pingTimeoutMs: number;
  /** Between pings of the client, while calls are open or are allowed to be absent. */
  readonly pingMinIntervalMs: number;
  readonly pingWithoutStream: boolean;
}

/** From the connection to the client's settings, which it sends unasked. */
const HANDSHAKE_MS = 120_000;
/** For one head, or another frame, of which the beginning has come. */
const HEAD_MS = 20_000;
/** A client that does not answer the ping gets the second GOAWAY after this. */
const GOAWAY_PING_MS = 1000;
/** Between pings without a call, if they are not allowed. */
const IDLE_PING_INTERVAL_MS = 2 * 3_600_000;
/** Pings that come too early, until the client is sent away. */
const PING_STRIKES_MAX = 2;
const LAST_STREAM_UNKNOWN = WINDOW_MAX;

const TOO_MANY_PINGS = new TextEncoder().encode("too_many_pings");

export class GrpcSession {
  readonly #connection: Http2Connection;
  readonly #keepalive: KeepaliveOptions;
  readonly #openedMs: number;
  #streams = 0;
  #activeMs: number;
  #pingedMs: number | undefined;
  /** Of pings that the client sent; what we answer in between forgives them. */
  #clientPingMs = Number.NEGATIVE_INFINITY;
  #strikes = 0;
  /** When the second GOAWAY is due, whatever the client says. */
  #goawayMs: number | undefined;
  #cutMs = Number.POSITIVE_INFINITY;

  constructor(connection: Http2Connection, keepalive: KeepaliveOptions, nowMs: number) {
    this.#connection = connection;
    this.#keepalive = keepalive;
    this.#openedMs = nowMs;
    this.#activeMs = nowMs;
  }

  streamOpened(nowMs: number): void {
    this.#streams += 1;
    this.#activeMs = nowMs;
  }

  streamClosed(nowMs: number): void {
    this.#streams -= 1;
    this.#activeMs = nowMs;
  }

  /** Something was sent: clients measure by pings of their own what they receive. */
  answered(): void {
    this.#strikes = 0;
    this.#clientPingMs = Number.NEGATIVE_INFINITY;
  }

  pinged(nowMs: number): void {
    const { pingMinIntervalMs, pingWithoutStream } = this.#keepalive;
    const allowed = this.#streams > 0 || pingWithoutStream;
    const interval = allowed ? pingMinIntervalMs : IDLE_PING_INTERVAL_MS;
    const isEarly = nowMs - this.#clientPingMs < interval;
    this.#clientPingMs = nowMs;
    this.#activeMs = nowMs;
    if (!isEarly) return;
    this.#strikes += 1;
    if (this.#strikes <= PING_STRIKES_MAX) return;
    this.#connection.goaway("enhanceYourCalm", 0, TOO_MANY_PINGS);
    this.#connection.destroy();
  }

  /** Looks at what is due. */
  sweep(nowMs: number): void {
    const connection = this.#connection;
    if (connection.isEnded) return;
    const { connectionIdleMs, connectionAgeMs, connectionAgeGraceMs } = this.#keepalive;
    if (!connection.hasSettings && nowMs - this.#openedMs > HANDSHAKE_MS) connection.destroy();
    else if (connection.isStuck(nowMs, HEAD_MS) || nowMs > this.#cutMs) connection.destroy();
    else if (this.#goawayMs !== undefined) {
      if (nowMs >= this.#goawayMs) connection.close();
    } else if (nowMs - this.#openedMs >= connectionAgeMs) {
      this.#cutMs = nowMs + connectionAgeGraceMs;
      this.drain(nowMs);
    } else if (this.#streams === 0 && nowMs - this.#activeMs >= connectionIdleMs) {
      this.drain(nowMs);
    } else this.#askIfSilent(nowMs);
  }

  /** Ends it as soon as its calls have. */
  drain(nowMs: number): void {
    if (this.#goawayMs !== undefined || this.#connection.isEnded) return;
    this.#goawayMs = nowMs + GOAWAY_PING_MS;
    this.#connection.goaway("noError", LAST_STREAM_UNKNOWN);
    this.#connection.ping(() => this.#connection.close());
  }

  #askIfSilent(nowMs: number): void {
    const { pingAfterMs, pingTimeoutMs } = this.#keepalive;
    if (this.#pingedMs !== undefined) {
      if (nowMs - this.#pingedMs >= pingTimeoutMs) this.#connection.destroy();
      return;
    }
    if (nowMs - this.#activeMs < pingAfterMs) return;
    this.#pingedMs = nowMs;
    this.#connection.ping(() => {
      this.#pingedMs = undefined;
      this.#activeMs = nowMs;
    });
  }
}
