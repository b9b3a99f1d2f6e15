/**
 * Which path is answered by what. Patterns and their precedence are Tempo's; a segment in braces
 * takes any text without a slash, with dots at its end any text at all.
 */
import type { AnsweredRequest } from "./api-parts.ts";

export interface ApiCall {
  readonly request: Request;
  readonly url: URL;
  /** Decoded segments by the name in the pattern. */
  readonly segments: ReadonlyMap<string, string>;
}

export type ApiHandler = (call: ApiCall) => Response | Promise<Response>;

export interface ApiRoute {
  readonly pattern: string;
  /** None: any method, as Tempo has it on query paths. */
  readonly methods?: readonly string[];
  readonly handler: ApiHandler;
}

export interface RouteMatch {
  readonly route: ApiRoute;
  readonly segments: ReadonlyMap<string, string>;
}

/** The first route whose pattern fits; throws URIError on a bad escape in the path. */
export function matchRoute(routes: readonly ApiRoute[], pathname: string): RouteMatch | undefined {
  const path = pathname.split("/").map(decodeURIComponent);
  for (const route of routes) {
    const segments = matchPattern(route.pattern.split("/"), path);
    if (segments !== undefined) return { route, segments };
  }
  return undefined;
}

function matchPattern(
  pattern: readonly string[],
  path: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const rest = pattern.findIndex((part) => part.endsWith("...}"));
  const more = path.length - pattern.length;
  if (more < 0 || (more > 0 && rest < 0)) return undefined;
  const segments = new Map<string, string>();
  for (const [index, part] of pattern.entries()) {
    const text = path[rest >= 0 && index > rest ? index + more : index];
    if (index === rest) {
      segments.set(part.slice(1, -4), path.slice(index, index + more + 1).join("/"));
    } else if (part.startsWith("{")) {
      if (text === "" || text.includes("/")) return undefined;
      segments.set(part.slice(1, -1), text);
    } else if (part !== text) return undefined;
  }
  return segments;
}

/** As Tempo labels its metrics: `/api/traces/{traceID}` is `api_traces_traceid`. */
export function routeLabel(match: RouteMatch | undefined): AnsweredRequest["route"] {
  if (match === undefined) return "other";
  const words = match.route.pattern.toLowerCase().match(/[a-z0-9_]+/g) ?? ["root"];
  return words.join("_");
}
