/**
 * One request to a store over HTTP, until it is answered: time-outs, retries with jitter, a second
 * request when the first is slow, and counts of all of it.
 *
 * Every attempt is made anew by the caller, since a signature has a time in it. An attempt fails
 * when there is no whole answer, or when the store says that it is its own fault or too much for
 * it; any other answer is the caller's to read. After a failed attempt nobody knows whether the
 * store did what it was asked: `doubtful` says so.
 */

import { MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import type { Prng } from "../base/prng.ts";
import type { RequestCounter } from "./store-requests.ts";

export interface HttpPolicy {
  readonly attemptsMax: number;
  /** The wait after the first failure is up to this, then up to twice as much, and so on. */
  readonly waitInitialMs: number;
  readonly waitMsMax: number;
  /** For one attempt, with time for its bytes on top. */
  readonly attemptMs: number;
  /** After this without an answer a read is sent once more; 0: never. */
  readonly hedgeAtMs: number;
  /** Requests for one read at once, at most. */
  readonly hedgeUpTo: number;
}

export interface HttpTls {
  /** PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the certificate, if it is not the host's. */
  readonly serverName?: string | undefined;
  readonly rejectUnauthorized: boolean;
}

export interface HttpRequest {
  /** The store's verb, for the counts and for messages. */
  readonly operation: string;
  /** The object or the bucket, for messages. */
  readonly subject: string;
  /** Before every attempt. What it throws ends the call. */
  readonly prepare: () => Promise<PreparedRequest>;
  /** Of the body, or of the answer that is expected: they get time of their own. */
  readonly bytes?: number;
  /** A read, which may be sent twice at once. */
  readonly hedged?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface PreparedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | Blob | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Whether an earlier attempt may have been carried out. */
  readonly doubtful: boolean;
}

/** How a store words its errors. */
export interface ErrorWords {
  /** Code and message of an answer that is no success. */
  explain(status: number, body: Uint8Array): string;
  /** Whether the same request may succeed a little later. */
  passes(status: number, body: Uint8Array): boolean | Promise<boolean>;
}

export interface HttpParts {
  readonly policy: HttpPolicy;
  readonly tls: HttpTls;
  readonly words: ErrorWords;
  readonly counter: RequestCounter;
  readonly random: Prng;
}

/** Slower than this is not moving at all. */
const BYTES_PER_MS_MIN = MiB / 1_000;

/** No store asks for longer, and nobody waits for longer. */
const RETRY_AFTER_MS_MAX = 30_000;

const PASSING = [408, 425, 429, 500, 502, 503, 504, 520];

export function passes(status: number): boolean {
  return PASSING.includes(status);
}

export class ObjectHttp {
  readonly #parts: HttpParts;
  readonly #tls: Bun.TLSOptions | undefined;

  constructor(parts: HttpParts) {
    this.#parts = parts;
    const { ca, cert, key, serverName, rejectUnauthorized } = parts.tls;
    this.#tls = {
      rejectUnauthorized,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(serverName === undefined ? {} : { serverName }),
    };
  }

  /** The answer that is no failure; store_unavailable when there is none after all attempts. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const { policy, counter, words } = this.#parts;
    let doubtful = false;
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted();
      const outcome = await this.#attempt(request);
      request.signal?.throwIfAborted();
      if (isUntrusted(outcome)) throw untrusted(request, outcome);
      const answer = outcome instanceof Error ? undefined : outcome;
      if (answer !== undefined && !(await words.passes(answer.status, answer.body))) {
        return { ...answer, doubtful };
      }
      if (attempt >= policy.attemptsMax) throw this.#givenUp(request, outcome);
      doubtful = true;
      counter.retried++;
      await this.#wait(attempt, answer, request.signal);
    }
  }

  /** One attempt, hedged if it may be. An error is one of the network or of time. */
  async #attempt(request: HttpRequest): Promise<RawAnswer | Error> {
    const { hedgeAtMs, hedgeUpTo } = this.#parts.policy;
    if (request.hedged !== true || hedgeAtMs === 0 || hedgeUpTo < 2) {
      return await this.#exchange(request, request.signal);
    }
    const losers = new AbortController();
    const stop = () => losers.abort();
    request.signal?.addEventListener("abort", stop, { once: true });
    try {
      return await this.#race(request, losers.signal);
    } finally {
      losers.abort();
      request.signal?.removeEventListener("abort", stop);
    }
  }

  /** The first that is no failure, else the last failure. */
  async #race(request: HttpRequest, signal: AbortSignal): Promise<RawAnswer | Error> {
    const { policy, counter, words } = this.#parts;
    const running = new Map<number, Promise<{ id: number; outcome: RawAnswer | Error }>>();
    let started = 0;
    const start = () => {
      const id = started++;
      running.set(
        id,
        this.#exchange(request, signal).then((outcome) => ({ id, outcome })),
      );
    };
    start();
    for (;;) {
      const mayHedge = started < policy.hedgeUpTo;
      const timer = mayHedge ? elapsed(policy.hedgeAtMs) : undefined;
      const waits: Promise<{ id: number; outcome: RawAnswer | Error } | undefined>[] = [
        ...running.values(),
      ];
      if (timer !== undefined) waits.push(timer.promise);
      const ended = await Promise.race(waits);
      timer?.cancel();
      if (ended === undefined) {
        counter.hedged++;
        start();
        continue;
      }
      running.delete(ended.id);
      const { outcome } = ended;
      const good =
        !(outcome instanceof Error) && !(await words.passes(outcome.status, outcome.body));
      if (good || running.size === 0) return outcome;
    }
  }

  async #exchange(
    request: HttpRequest,
    signal: AbortSignal | undefined,
  ): Promise<RawAnswer | Error> {
    const { counter, policy } = this.#parts;
    const { method, url, headers, body } = await request.prepare();
    const began = performance.now();
    const timeoutMs = policy.attemptMs + (request.bytes ?? 0) / BYTES_PER_MS_MIN;
    const timeout = AbortSignal.timeout(timeoutMs);
    let status = "error";
    try {
      const response = await fetch(url, {
        method,
        headers,
        redirect: "manual",
        decompress: false,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
        ...(body === undefined ? {} : { body: bodyOf(body) }),
        ...(this.#tls !== undefined && url.startsWith("https:") ? { tls: this.#tls } : {}),
      });
      const bytes = await response.bytes();
      status = String(response.status);
      counter.bytesReceived += bytes.length;
      counter.bytesSent += body === undefined ? 0 : sizeOf(body);
      const expected = response.headers.get("content-length");
      if (method !== "HEAD" && expected !== null && Number(expected) !== bytes.length) {
        return new Error(`the answer ended after ${bytes.length} of ${expected} bytes`);
      }
      return { status: response.status, headers: response.headers, body: bytes };
    } catch (error) {
      if (timeout.aborted) return new Error(`no answer within ${Math.round(timeoutMs)} ms`);
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      counter.add(request.operation, status, (performance.now() - began) / 1_000);
    }
  }

  /** Full jitter: many clients whom a store turned away do not come back together. */
  async #wait(attempt: number, answer: RawAnswer | undefined, signal: AbortSignal | undefined) {
    const { policy, random } = this.#parts;
    const bound = Math.min(policy.waitMsMax, policy.waitInitialMs * 2 ** (attempt - 1));
    const asked = Number(answer?.headers.get("retry-after") ?? 0) * 1_000;
    const waitMs = Math.max(
      random.unit() * bound,
      Number.isFinite(asked) ? Math.min(asked, RETRY_AFTER_MS_MAX, policy.waitMsMax) : 0,
    );
    const timer = elapsed(waitMs);
    signal?.addEventListener("abort", timer.cancel, { once: true });
    await timer.promise;
    signal?.removeEventListener("abort", timer.cancel);
  }

  #givenUp(request: HttpRequest, outcome: RawAnswer | Error): EngineError {
    const { policy, words } = this.#parts;
    const reason =
      outcome instanceof Error ? outcome.message : words.explain(outcome.status, outcome.body);
    const what = `${request.operation} of ${request.subject}`;
    return new EngineError(
      "store_unavailable",
      `${what}: ${reason} (after ${policy.attemptsMax} attempts)`,
      { cause: outcome },
    );
  }
}

/** Certificates do not become right by asking again. */
function isUntrusted(outcome: RawAnswer | Error): outcome is Error {
  const code = outcome instanceof Error && "code" in outcome ? String(outcome.code) : "";
  return /^(?:CERT_|ERR_TLS_CERT|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA)/.test(code);
}

function untrusted(request: HttpRequest, error: Error): EngineError {
  const what = `${request.operation} of ${request.subject}`;
  const message = `${what}: the store's certificate is not trusted: ${error.message}`;
  return new EngineError("store_refused", message, { cause: error });
}

type RawAnswer = Omit<HttpAnswer, "doubtful">;

/** Resolves when the time is over, or at once when it is cancelled. */
function elapsed(ms: number): { promise: Promise<undefined>; cancel: () => void } {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  const cancel = () => {
    clearTimeout(timer);
    resolve(undefined);
  };
  return { promise, cancel };
}

function sizeOf(body: Uint8Array | Blob): number {
  return body instanceof Blob ? body.size : body.length;
}

/** The runtime sends views of shared memory too; only the types of the web do not know it. */
function bodyOf(body: Uint8Array | Blob): Blob | Uint8Array<ArrayBuffer> {
  return body as Blob | Uint8Array<ArrayBuffer>;
}
