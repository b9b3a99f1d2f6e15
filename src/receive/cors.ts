/**
 * Lets pages of named origins send from a browser, which asks before it sends (a preflight), and
 * hides answers that do not name the page's origin. As the Collector does it: with credentials,
 * POST and its simpler fellows, and nothing said to origins that are not allowed.
 */

import type { Http1Answer } from "../http1/http1-answer.ts";
import type { HttpRequest } from "./http-receive.ts";

export interface CorsOptions {
  readonly allowedOrigins: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly maxAgeSeconds: number;
}

/** What a browser asks for of its own, and what exporters in it send. */
const USUAL_HEADERS = ["accept", "content-type", "x-requested-with"];
const METHODS = ["GET", "POST", "HEAD"];

type Handler = (request: HttpRequest) => Http1Answer | Promise<Http1Answer>;

export function withCors(handler: Handler, options: CorsOptions): Handler {
  const isAllowed = originTest(options.allowedOrigins);
  const allowedHeaders = headerTest(options.allowedHeaders);
  const exposed = options.exposedHeaders.join(", ");
  const shown = (answer: Http1Answer, origin: string | null): Http1Answer => {
    const headers: Record<string, string> = { ...answer.headers, vary: "Origin" };
    if (origin !== null && isAllowed(origin)) {
      headers["access-control-allow-origin"] = origin;
      headers["access-control-allow-credentials"] = "true";
      if (exposed !== "") headers["access-control-expose-headers"] = exposed;
    }
    return { ...answer, headers };
  };
  return function handle(request) {
    const origin = request.headers.get("origin") ?? null;
    const method = request.headers.get("access-control-request-method") ?? null;
    if (request.method === "OPTIONS" && method !== null) {
      const headers = request.headers.get("access-control-request-headers") ?? "";
      const granted =
        origin !== null && isAllowed(origin) && METHODS.includes(method) && allowedHeaders(headers);
      return preflight(granted ? origin : undefined, { method, headers, options });
    }
    const answer = handler(request);
    if (!(answer instanceof Promise)) return shown(answer, origin);
    return answer.then((late) => shown(late, origin));
  };
}

interface Asked {
  readonly method: string;
  readonly headers: string;
  readonly options: CorsOptions;
}

/** Without an origin it grants nothing. */
function preflight(origin: string | undefined, { method, headers, options }: Asked): Http1Answer {
  const answer: Record<string, string> = {
    vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
  };
  if (origin !== undefined) {
    answer["access-control-allow-origin"] = origin;
    answer["access-control-allow-methods"] = method;
    answer["access-control-allow-credentials"] = "true";
    if (headers !== "") answer["access-control-allow-headers"] = headers;
    if (options.maxAgeSeconds > 0) answer["access-control-max-age"] = `${options.maxAgeSeconds}`;
  }
  return { status: 204, headers: answer, body: null };
}

function originTest(patterns: readonly string[]): (origin: string) => boolean {
  const parts = patterns.map((pattern) => {
    const at = pattern.indexOf("*");
    const text = pattern.toLowerCase();
    if (at < 0) return { whole: text, before: "", after: "" };
    return { whole: undefined, before: text.slice(0, at), after: text.slice(at + 1) };
  });
  return (origin) => {
    const text = origin.toLowerCase();
    return parts.some(({ whole, before, after }) => {
      if (whole !== undefined) return whole === text;
      const fits = text.length >= before.length + after.length;
      return fits && text.startsWith(before) && text.endsWith(after);
    });
  };
}

function headerTest(allowed: readonly string[]): (headers: string) => boolean {
  if (allowed.includes("*")) return () => true;
  const names = new Set([...USUAL_HEADERS, ...allowed.map((name) => name.toLowerCase())]);
  return (headers) =>
    headers
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .every((name) => name === "" || names.has(name));
}
