/**
 * The HTTP API over HTTP/2: clients that may choose do, as Go's and curl do behind TLS.
 *
 * No request of this API has a body that is read, so none is. A field of the runtime's HTTP/2 has
 * at most 64 KiB, the path included; longer queries come over HTTP/1.1, or in messages of gRPC.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { OtherRequests, Served } from "../grpc/grpc-server.ts";
import { writeOn } from "../grpc/stream-write.ts";
import { textResponse } from "./api-response.ts";
import type { ApiServer } from "./api-server.ts";

/** `writeTimeoutMs` is for a client to read on; 0: no limit. */
export function http2Requests(api: ApiServer, writeTimeoutMs: number): OtherRequests {
  return (stream, headers, onEnd) => {
    const request = new Http2Request(stream, onEnd);
    void request.serve(headers, api, writeTimeoutMs);
    return request;
  };
}

class Http2Request implements Served {
  readonly #stream: ServerHttp2Stream;
  readonly #gone = new AbortController();
  #isAnswered = false;

  constructor(stream: ServerHttp2Stream, onEnd: (wasReset: boolean) => void) {
    this.#stream = stream;
    // What it says is also said by its close.
    stream.on("error", () => undefined);
    stream.on("aborted", () => this.gone());
    stream.once("close", () => {
      this.gone();
      // Not before the server knows of this request.
      queueMicrotask(() => onEnd(!this.#isAnswered));
    });
    stream.resume();
  }

  gone(): void {
    this.#gone.abort();
  }

  async serve(headers: IncomingHttpHeaders, api: ApiServer, timeoutMs: number): Promise<void> {
    const { signal } = this.#gone;
    const request = requestOf(headers, signal);
    // The server's own clock of idle connections is of HTTP/1.1.
    const timer = { timeout: () => undefined };
    const response =
      request === undefined
        ? textResponse(400, "invalid request")
        : await api.fetch(request, timer);
    const stream = this.#stream;
    if (stream.destroyed || stream.closed) {
      await response.body?.cancel();
      return;
    }
    stream.respond({ ":status": response.status, ...Object.fromEntries(response.headers) });
    const isHead = headers[":method"] === "HEAD";
    try {
      if (isHead) await response.body?.cancel();
      else await this.#body(response, timeoutMs);
      this.#isAnswered = true;
      stream.end();
      // The rest of a request that nobody reads.
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    } catch {
      // The client has gone, or does not read.
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  async #body({ body }: Response, timeoutMs: number): Promise<void> {
    if (body === null) return;
    const reader = body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        await writeOn(this.#stream, value, { signal: this.#gone.signal, timeoutMs });
      }
    } finally {
      // Lets go of what is left of it.
      await reader.cancel();
    }
  }
}

/** Undefined when it is none that this API could have. */
function requestOf(headers: IncomingHttpHeaders, signal: AbortSignal): Request | undefined {
  const scheme = headers[":scheme"] ?? "http";
  const authority = headers[":authority"] ?? headers.host ?? "localhost";
  const fields = new Headers();
  try {
    for (const [name, value] of Object.entries(headers)) {
      if (name.startsWith(":") || value === undefined) continue;
      fields.set(name, Array.isArray(value) ? value.join(", ") : value);
    }
    const url = `${scheme}://${authority}${headers[":path"] ?? "/"}`;
    return new Request(url, { method: headers[":method"] ?? "GET", headers: fields, signal });
  } catch {
    return undefined;
  }
}
