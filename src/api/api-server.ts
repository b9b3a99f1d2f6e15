/**
 * The HTTP port for queries and operation, as Tempo has it.
 *
 * Every request ends in an answer: what handlers throw becomes one here, and nothing is left
 * rejected. Nothing is computed on this thread but small texts; questions go to query threads, and
 * large answers are compressed in the pool of the runtime.
 */

import { flushHandler, metricsHandler, readyHandler } from "./api-operate.ts";
import type { ApiOptions, ApiParts } from "./api-parts.ts";
import { queryHandlers } from "./api-query.ts";
import { errorResponse, textResponse } from "./api-response.ts";
import type { RouteMatch } from "./api-routes.ts";
import { type ApiHandler, type ApiRoute, matchRoute, routeLabel } from "./api-routes.ts";
import { buildInfoHandler, echoHandler, StatusText } from "./api-status.ts";
import { HeldAnswers } from "./api-stream.ts";
import { tenantsOf, traceHandler } from "./api-trace.ts";

/** Options for Bun.serve; the wiring adds host, port and the timeout of idle connections. */
export interface ApiServer {
  readonly development: false;
  readonly maxRequestBodySize: number;
  fetch(request: Request, server: RequestTimer): Promise<Response>;
  error(error: Error): Response;
}

/** Of Bun's server: what it takes for a dead connection while the request waits. */
export interface RequestTimer {
  timeout(request: Request, seconds: number): void;
}

/** On top of our own deadlines, so that these come first. */
const IDLE_MARGIN_SECONDS = 10;
/** Bun counts seconds in a byte; 0 is without end, and our own deadlines still hold. */
const IDLE_SECONDS_MAX = 255;

/** No request of this port has a body that is read. */
const REQUEST_BODY_BYTES_MAX = 64 * 1024;

const READ_ONLY = ["GET", "HEAD"] as const;

export function apiServer(
  options: ApiOptions,
  parts: ApiParts,
  answers = new HeldAnswers(options.answersHeldBytesMax),
): ApiServer {
  const routes = apiRoutes(options, parts, answers);
  const idleSeconds = waitSeconds(options);
  const failed = (error: unknown, path: string): Response => {
    const response = errorResponse(error);
    if (response.status === 500) {
      parts.logger.error("request failed", { path, error: String(error) });
    }
    return response;
  };
  return {
    development: false,
    maxRequestBodySize: REQUEST_BODY_BYTES_MAX,
    error: (error) => failed(error, ""),
    async fetch(request, server) {
      server.timeout(request, idleSeconds);
      const startMs = performance.now();
      // A strange Host header makes a strange address.
      const url = URL.parse(request.url);
      let match: RouteMatch | undefined;
      let response: Response;
      try {
        if (url === null) throw new URIError(request.url);
        match = matchRoute(routes, url.pathname);
        response = await respond(match, request, url);
      } catch (error) {
        response = failed(error, request.url);
      }
      parts.meter.answered({
        method: request.method,
        route: routeLabel(match),
        status: response.status,
        seconds: (performance.now() - startMs) / 1000,
      });
      return response;
    },
  };
}

/** How long a request may wait without a byte on its connection. */
function waitSeconds({ queryTimeoutMs, flushTimeoutMs }: ApiOptions): number {
  const longest = Math.ceil(Math.max(queryTimeoutMs, flushTimeoutMs) / 1000);
  const seconds = longest + IDLE_MARGIN_SECONDS;
  return seconds > IDLE_SECONDS_MAX ? 0 : seconds;
}

async function respond(
  match: RouteMatch | undefined,
  request: Request,
  url: URL,
): Promise<Response> {
  if (match === undefined) return textResponse(404, "404 page not found\n");
  const { route, segments } = match;
  if (route.methods !== undefined && !route.methods.includes(request.method)) {
    const response = textResponse(405, `use ${route.methods.join(" or ")}\n`);
    response.headers.set("Allow", route.methods.join(", "));
    return response;
  }
  return await route.handler({ request, url, segments });
}

/** In the order of precedence: `diff` is a trace to the pattern after it. */
function apiRoutes(
  options: ApiOptions,
  parts: ApiParts,
  answers: HeldAnswers,
): readonly ApiRoute[] {
  const status = new StatusText(options, parts.pages, () => routes);
  const prefixed = (
    pattern: string,
    handler: ApiHandler,
    methods?: readonly string[],
  ): ApiRoute => ({
    pattern: options.httpApiPrefix + pattern,
    handler,
    ...(methods && { methods }),
  });
  const traces = { traces: parts.traces, answers };
  const queries = queryHandlers(options, { asker: parts.asker, clock: parts.clock, answers });
  const routes: readonly ApiRoute[] = [
    prefixed("/api/traces/{traceID}", traceHandler(1, options, traces)),
    prefixed("/api/v2/traces/diff", unbuiltHandler(options)),
    ...queries.map(([pattern, handler]) => prefixed(pattern, handler)),
    prefixed("/api/v2/traces/{traceID}", traceHandler(2, options, traces)),
    prefixed("/api/echo", echoHandler()),
    prefixed("/api/status/buildinfo", buildInfoHandler(options), READ_ONLY),
    { pattern: "/ready", handler: readyHandler(parts.readiness) },
    { pattern: "/metrics", handler: metricsHandler(parts.metrics) },
    { pattern: "/flush", methods: ["POST"], handler: flushHandler(parts.flusher, options) },
    { pattern: "/status", methods: READ_ONLY, handler: status.all() },
    { pattern: "/status/{endpoint}", methods: READ_ONLY, handler: status.one() },
  ];
  return routes;
}

/** Of Tempo's, what this version refuses; people see the sentence. */
function unbuiltHandler(options: ApiOptions): ApiHandler {
  return (call) => {
    tenantsOf(call, options);
    const text = `${call.url.pathname} is not built yet\n`;
    return textResponse(501, text);
  };
}
