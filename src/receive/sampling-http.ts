/**
 * How Jaeger's agent tells clients what to sample: GET /sampling?service=…, and for the oldest
 * clients GET /?service=…
 *
 * There is no /baggageRestrictions: an empty list would forbid all baggage, and clients keep what
 * they do when the agent knows nothing of it, as Jaeger's own agent.
 */
import { EngineError } from "../base/error.ts";
import { responseOf } from "./http-server.ts";
import { errorAnswer } from "./otlp-response.ts";
import type { SamplingAnswer } from "./sampling-strategies.ts";

export interface SamplingSource {
  of(service: string): SamplingAnswer;
}

const JSON_TYPE = { headers: { "content-type": "application/json" } } as const;

/** Any host: the runtime gives addresses without one for strange ones. */
const BASE = "http://agent";

export function samplingHttp(source: SamplingSource): (request: Request) => Response {
  return (request) => {
    try {
      return answer(request, source);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const response = responseOf(errorAnswer(error, "unknown"));
      if (error.code === "wrong_method") response.headers.set("allow", "GET");
      return response;
    }
  };
}

function answer(request: Request, source: SamplingSource): Response {
  const { pathname, searchParams } = new URL(request.url, BASE);
  const isLegacy = pathname === "/";
  if (!isLegacy && pathname !== "/sampling") throw new EngineError("not_found", "page not found");
  if (request.method !== "GET") {
    throw new EngineError("wrong_method", `method ${request.method} is not accepted, GET is`);
  }
  const services = searchParams.getAll("service");
  if (services.length !== 1) {
    throw new EngineError("malformed", "'service' parameter must be provided once");
  }
  const { json, legacyJson } = source.of(services[0]);
  return new Response(isLegacy ? legacyJson : json, JSON_TYPE);
}
