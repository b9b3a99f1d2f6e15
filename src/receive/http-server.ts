/**
 * The runtime's server for receivers over HTTP, where there is TLS: an address, timeouts, and the
 * last resort. In clear text it is our own (http1-server.ts), whose refusals cost less.
 */
import type { Http1Answer } from "../http1/http1-answer.ts";
import { type CorsOptions, withCors } from "./cors.ts";
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
  /** Undefined: no page of another origin may send. */
  readonly cors?: CorsOptions | undefined;
  /** Undefined: in clear text. */
  readonly tls?: HttpServerTls | undefined;
}

/** What Bun.serve() takes of node:tls, versions as numbers. */
export interface HttpServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly ciphers?: string;
  readonly ecdhCurve?: string;
  /** 0x0303 for TLS 1.2. */
  readonly minVersion: number;
  readonly maxVersion: number;
}

/** What Bun.serve() takes. */
export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  readonly reusePort: true;
  readonly development: false;
  readonly idleTimeout: number;
  readonly maxRequestBodySize: number;
  readonly tls?: HttpServerTls;
  fetch(request: Request): Response | Promise<Response>;
  error(error: Error): Response;
}

export function handlerOf<Kind>(
  format: HttpFormat<Kind>,
  options: HttpServerOptions,
  parts: HttpReceiveParts,
): ReturnType<typeof httpReceive> {
  const handler = httpReceive(format, options, parts);
  return options.cors === undefined ? handler : withCors(handler, options.cors);
}

export function responseOf({ status, headers, body }: Http1Answer): Response {
  return new Response(body as Uint8Array<ArrayBuffer> | string | null, { status, headers });
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
  const { tls } = options;
  const handle = handlerOf(format, options, parts);
  return {
    hostname: options.hostname,
    port: options.port,
    reusePort: true,
    development: false,
    idleTimeout: options.idleTimeoutSeconds,
    // Over this the runtime would answer by itself, with an empty body. The handler has the limit,
    // and what it does not read is dropped as it comes.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    ...(tls !== undefined && { tls }),
    fetch(request) {
      const answer = handle(request);
      return answer instanceof Promise ? answer.then(responseOf) : responseOf(answer);
    },
    error(error) {
      parts.logger.error("receiver failed", { error: error.stack ?? String(error) });
      return new Response("internal error", { status: 500 });
    },
  };
}
