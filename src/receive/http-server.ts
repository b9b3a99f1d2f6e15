/** The server that receivers over HTTP run in: an address, timeouts, and the last resort. */
import {
  type HttpFormat,
  type HttpReceiveOptions,
  type HttpReceiveParts,
  httpReceive,
} from "./http-receive.ts";

export interface HttpServerOptions extends HttpReceiveOptions {
  readonly hostname: string;
  /** Zero: any free one. */
  readonly port: number;
  /**
   * 0 to 255. Connections on which nothing moves are cut, also in the middle of a body and while
   * an answer is awaited. The runtime looks every four seconds.
   */
  readonly idleTimeoutSeconds: number;
}

/** What Bun.serve() takes. */
export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  readonly reusePort: true;
  readonly development: false;
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  fetch(request: Request): Promise<Response>;
  error(error: Error): Response;
}

/**
 * For Bun.serve(), in every ingress Worker: the kernel spreads connections over those that listen
 * on one port.
 */
export function serveHttp<Kind>(
  format: HttpFormat<Kind>,
  options: HttpServerOptions,
  parts: HttpReceiveParts,
): HttpServer {
  return {
    hostname: options.hostname,
    port: options.port,
    reusePort: true,
    development: false,
    idleTimeout: options.idleTimeoutSeconds,
    // Over this the runtime would answer by itself, with an empty body. The handler has the limit,
    // and what it does not read is dropped as it comes.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: httpReceive(format, options, parts),
    error(error) {
      parts.logger.error("receiver failed", { error: error.stack ?? String(error) });
      return new Response("internal error", { status: 500 });
    },
  };
}
