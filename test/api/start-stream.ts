/** The API on its real ports, HTTP and gRPC, over somebody who answers as a test says. */
import { apiCalls } from "../../src/api/api-calls.ts";
import { type ApiListener, listenApi } from "../../src/api/api-listener.ts";
import type { AnsweredRequest, ApiOptions } from "../../src/api/api-parts.ts";
import { apiServer } from "../../src/api/api-server.ts";
import { HeldAnswers } from "../../src/api/api-stream.ts";
import type { PortTls } from "../../src/api/shared-port.ts";
import { EngineError } from "../../src/base/error.ts";
import { makeLogger } from "../../src/base/log.ts";
import type { Answer, Asker, AskOptions, Question } from "../../src/query/question.ts";
import { limits, NOW_MS } from "./start-api.ts";

export interface StreamSettings {
  readonly options?: Partial<ApiOptions>;
  readonly packetBytesMax?: number;
  readonly streamOverHttp?: boolean;
  readonly httpTls?: PortTls;
  readonly grpcTls?: PortTls;
  readonly reasons?: () => readonly string[];
  readonly answer?: (question: Question, options: AskOptions) => Promise<Answer>;
}

export interface RunningStream extends AsyncDisposable {
  readonly listener: ApiListener;
  readonly url: string;
  readonly grpcAddress: string;
  readonly asked: Question[];
  readonly answered: AnsweredRequest[];
}

export async function startStream(settings: StreamSettings = {}): Promise<RunningStream> {
  const asked: Question[] = [];
  const answered: AnsweredRequest[] = [];
  const options: ApiOptions = {
    httpApiPrefix: "",
    answersHeldBytesMax: 2 ** 30,
    multitenancyEnabled: false,
    build: { version: "0.1.0", revision: "abc" },
    query: limits,
    queryTimeoutMs: 10_000,
    flushTimeoutMs: 10_000,
    ...settings.options,
  };
  const ask = async (question: Question, how: AskOptions): Promise<Answer> => {
    asked.push(question);
    if (settings.answer === undefined) throw new EngineError("internal", "nobody answers");
    return await settings.answer(question, how);
  };
  const parts = {
    traces: { ask: () => Promise.reject(new EngineError("internal", "no traces here")) },
    // A test answers to what it is asked.
    asker: { ask } as Asker,
    clock: { nowMs: () => NOW_MS },
    readiness: { reasons: () => settings.reasons?.() ?? [] },
    flusher: { flush: async () => undefined },
    pages: { services: () => [], config: () => "" },
    metrics: { contentType: "text/plain", text: async () => "" },
    meter: { answered: (request: AnsweredRequest) => answered.push(request) },
    logger: makeLogger({
      ...{ level: "debug", format: "logfmt", component: "api" },
      write: () => undefined,
    }),
  };
  const answers = new HeldAnswers(options.answersHeldBytesMax);
  const callLimits = {
    ...{ messageBytesMax: 1 << 20, streamsMax: 100, headBytesMax: 16 * 1024 },
    ...{ readTimeoutMs: 5000, writeTimeoutMs: 5000, idleTimeoutMs: 5000 },
    packetBytesMax: settings.packetBytesMax ?? 1 << 20,
  };
  const listener = await listenApi(
    {
      http: { hostname: "127.0.0.1", port: 0, tls: settings.httpTls },
      grpc: { hostname: "127.0.0.1", port: 0, tls: settings.grpcTls },
      streamOverHttp: settings.streamOverHttp ?? true,
      httpIdleSeconds: 10,
      httpHeadBytesMax: 400 * 1024,
    },
    apiServer(options, parts, answers),
    apiCalls(options, parts, { answers, limits: callLimits }),
  );
  return {
    ...{ listener, asked, answered },
    url: `http://127.0.0.1:${listener.httpPort}`,
    grpcAddress: `127.0.0.1:${listener.grpcPort}`,
    [Symbol.asyncDispose]: () => listener.end(),
  };
}
