/** The API over real HTTP, with fakes at its interfaces. */

import type {
  AnsweredRequest,
  ApiAnswer,
  ApiOptions,
  ApiParts,
  TraceAsk,
} from "../../src/api/api-parts.ts";
import { apiServer } from "../../src/api/api-server.ts";
import type { QueryLimits } from "../../src/api/query-limits.ts";
import { EngineError } from "../../src/base/error.ts";
import { makeLogger } from "../../src/base/log.ts";

export interface RunningApi extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Questions that reached the fake query thread. */
  readonly asked: TraceAsk[];
  readonly answered: AnsweredRequest[];
  readonly logged: string[];
  /** What requests asked the server to wait. */
  readonly idleSeconds: number[];
}

export const found: ApiAnswer = {
  status: 200,
  contentType: "application/json",
  body: [new TextEncoder().encode('{"trace":{},"metrics":{}}')],
};

export const limits: QueryLimits = {
  queryBytesMax: 128 * 1024,
  searchTracesDefault: 20,
  searchTracesMax: 1000,
  searchSpansDefault: 3,
  searchSpansMax: 100,
  searchRangeMsMax: 0,
  metricsRangeMsMax: 0,
  metricsStepsMax: 10_000,
  exemplarsMax: 100,
  seriesMax: 0,
  tagValuesBytesMax: 1_000_000,
  endCutoffMs: 0,
};

/** What questions call now: 2023-11-14, 22:13:20. */
export const NOW_MS = 1_700_000_000_000;

export function startApi(
  parts: Partial<ApiParts> = {},
  options: Partial<ApiOptions> = {},
): RunningApi {
  const asked: TraceAsk[] = [];
  const answered: AnsweredRequest[] = [];
  const logged: string[] = [];
  const server = apiServer(
    {
      httpApiPrefix: "",
      answersHeldBytesMax: 2 ** 30,
      multitenancyEnabled: false,
      build: { version: "0.1.0", revision: "abc" },
      query: limits,
      queryTimeoutMs: 10_000,
      flushTimeoutMs: 10_000,
      ...options,
    },
    {
      traces: {
        ask: async (question) => {
          asked.push(question);
          return found;
        },
      },
      asker: {
        ask: () => Promise.reject(new EngineError("internal", "nobody answers in this test")),
      },
      clock: { nowMs: () => NOW_MS },
      readiness: { reasons: () => [] },
      flusher: { flush: async () => undefined },
      pages: {
        services: () => [
          { name: "ingest", state: "Running" },
          { name: "query", state: "Failed", failure: "out of memory" },
        ],
        config: (mode) => `shown: ${mode}\n`,
      },
      metrics: { contentType: "text/plain; version=0.0.4", text: async () => "up 1\n" },
      meter: { answered: (request) => answered.push(request) },
      logger: makeLogger({
        level: "debug",
        format: "logfmt",
        component: "api",
        write: (line) => logged.push(line),
      }),
      ...parts,
    },
  );
  const idleSeconds: number[] = [];
  const bun = Bun.serve({
    ...server,
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, self) => {
      const timeout = (_request: Request, seconds: number) => {
        idleSeconds.push(seconds);
        self.timeout(request, seconds);
      };
      return server.fetch(request, { timeout });
    },
  });
  return {
    url: `http://127.0.0.1:${bun.port}`,
    port: bun.port as number,
    asked,
    answered,
    logged,
    idleSeconds,
    [Symbol.asyncDispose]: () => bun.stop(true),
  };
}
