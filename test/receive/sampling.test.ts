/** Strategies from a file: answers as Jaeger's, reloads, and what a wrong file says. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { SamplingStrategyResponseSchema } from "../../src/proto-gen/jaeger/api_v2/sampling_pb.ts";
import { SamplingFile } from "../../src/receive/sampling-file.ts";
import { samplingHttp } from "../../src/receive/sampling-http.ts";
import { SamplingStrategies } from "../../src/receive/sampling-strategies.ts";
import { until } from "./start-receiver.ts";

const FILE = {
  default_strategy: {
    type: "probabilistic",
    param: 0.5,
    operation_strategies: [
      { operation: "GET:/health", type: "probabilistic", param: 0 },
      { operation: "GET:/metrics", type: "probabilistic", param: 0.1 },
    ],
  },
  service_strategies: [
    {
      service: "own",
      type: "probabilistic",
      param: 0.8,
      operation_strategies: [{ operation: "GET:/health", type: "probabilistic", param: 1 }],
    },
    { service: "plain", type: "probabilistic", param: 0.25 },
    { service: "limited", type: "ratelimiting", param: 5 },
  ],
};

const operation = (name: string, samplingRate: number) => ({
  operation: name,
  probabilisticSampling: { samplingRate },
});
const operations = (rate: number, ...all: ReturnType<typeof operation>[]) => ({
  defaultSamplingProbability: rate,
  defaultLowerBoundTracesPerSecond: 0,
  perOperationStrategies: all,
});

const jsonOf = (strategies: SamplingStrategies, service: string): unknown =>
  JSON.parse(strategies.of(service).json);

describe("strategies", () => {
  const strategies = SamplingStrategies.parse(JSON.stringify(FILE));
  const [health, metrics] = [operation("GET:/health", 0), operation("GET:/metrics", 0.1)];

  test("of a service, of operations, and what they inherit", () => {
    expect(jsonOf(strategies, "unknown")).toEqual({
      strategyType: "PROBABILISTIC",
      probabilisticSampling: { samplingRate: 0.5 },
      operationSampling: operations(0.5, health, metrics),
    });
    expect(jsonOf(strategies, "own")).toEqual({
      strategyType: "PROBABILISTIC",
      probabilisticSampling: { samplingRate: 0.8 },
      operationSampling: operations(0.8, operation("GET:/health", 1), metrics),
    });
    expect(jsonOf(strategies, "plain")).toEqual({
      strategyType: "PROBABILISTIC",
      probabilisticSampling: { samplingRate: 0.25 },
      operationSampling: operations(0.25, health, metrics),
    });
    expect(jsonOf(strategies, "limited")).toEqual({
      strategyType: "RATE_LIMITING",
      rateLimitingSampling: { maxTracesPerSecond: 5 },
      operationSampling: operations(0.5, health, metrics),
    });
  });

  test("the message says the same as the JSON", () => {
    for (const service of ["unknown", "own", "plain", "limited"]) {
      const message = fromBinary(SamplingStrategyResponseSchema, strategies.of(service).message);
      const told = toJson(SamplingStrategyResponseSchema, message, { alwaysEmitImplicit: true });
      const json = jsonOf(strategies, service) as Record<string, Record<string, unknown>>;
      const { operationSampling, ...rest } = json;
      const full = { ...operationSampling, defaultUpperBoundTracesPerSecond: 0 };
      expect(told).toEqual({ ...rest, operationSampling: full });
    }
  });

  test("without a default one in a thousand, as in Jaeger", () => {
    const rate = { probabilisticSampling: { samplingRate: 0.001 } };
    for (const none of [SamplingStrategies.none(), SamplingStrategies.parse("{}")]) {
      expect(jsonOf(none, "x")).toEqual({ strategyType: "PROBABILISTIC", ...rate });
    }
    const file = { service_strategies: [{ service: "a", type: "ratelimiting", param: 2.9 }] };
    const limited = SamplingStrategies.parse(JSON.stringify(file));
    expect(jsonOf(limited, "a")).toEqual({
      strategyType: "RATE_LIMITING",
      rateLimitingSampling: { maxTracesPerSecond: 2 },
    });
  });

  test.each([
    ["{", /is no JSON/],
    ["[]", /it is no object/],
    ['{"default_strategy": 1}', /default_strategy is no object/],
    ['{"default_strategy": {"type": "often"}}', /default_strategy.type is neither/],
    ['{"default_strategy": {"type": "probabilistic", "param": 50}}', /param is no chance/],
    ['{"default_strategy": {"type": "ratelimiting", "param": -1}}', /param is no number/],
    ['{"service_strategies": {}}', /service_strategies is no list/],
    ['{"service_strategies": [{}]}', /service_strategies\[0\].service is no name/],
    [
      '{"service_strategies": [{"service": "a", "type": "probabilistic", "param": 1, ' +
        '"operation_strategies": [{"operation": "b", "type": "ratelimiting", "param": 1}]}]}',
      /service_strategies\[0\].operation_strategies\[0\].type of an operation/,
    ],
  ])("%s is refused", (text, message) => {
    expect(() => SamplingStrategies.parse(text)).toThrow(EngineError);
    expect(() => SamplingStrategies.parse(text)).toThrow(message);
  });
});

describe("a file", () => {
  let folder = "";
  let path = "";
  const logged: string[] = [];
  const write = (message: string) => void logged.push(message);
  const logger = { debug: write, info: write, warn: write, error: write };
  const rate = (param: number) =>
    JSON.stringify({ default_strategy: { type: "probabilistic", param } });
  const told = (file: SamplingFile) =>
    (JSON.parse(file.of("x").json) as typeof JSON_FORM).probabilisticSampling.samplingRate;
  const JSON_FORM = { probabilisticSampling: { samplingRate: 0 } };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "vivace-sampling-"));
    path = join(folder, "strategies.json");
    logged.length = 0;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test("is read again when it changes, and stays when it is wrong or gone", async () => {
    writeFileSync(path, rate(0.25));
    const file = new SamplingFile({ path, reloadMs: 5 }, logger);
    expect(told(file)).toBe(0.25);
    writeFileSync(path, rate(0.75));
    await until(() => told(file) === 0.75);
    writeFileSync(path, "{");
    await until(() => logged.includes("sampling strategies stay as they were"));
    expect(told(file)).toBe(0.75);
    rmSync(path);
    await until(() => logged.filter((line) => /stay as they were/.test(line)).length === 2);
    writeFileSync(path, rate(1));
    await until(() => told(file) === 1);
    file.close();
  });

  test("that cannot be used stops the start", () => {
    expect(() => new SamplingFile({ path, reloadMs: 0 }, logger)).toThrow(/cannot be read/);
    writeFileSync(path, "{}}");
    expect(() => new SamplingFile({ path, reloadMs: 0 }, logger)).toThrow(/is no JSON/);
  });

  test("is told over HTTP", async () => {
    writeFileSync(path, JSON.stringify(FILE));
    const handle = samplingHttp(new SamplingFile({ path, reloadMs: 0 }, logger));
    const ask = async (url: string, init?: RequestInit) => {
      const response = handle(new Request(`http://127.0.0.1:5778${url}`, init));
      return [response.status, await response.text()] as const;
    };
    const limited = (type: unknown) => ({
      strategyType: type,
      rateLimitingSampling: { maxTracesPerSecond: 5 },
    });
    const [status, body] = await ask("/sampling?service=limited");
    expect([status, JSON.parse(body)]).toMatchObject([200, limited("RATE_LIMITING")]);
    const [, legacy] = await ask("/?service=limited");
    expect(JSON.parse(legacy)).toMatchObject(limited(1));
    expect(await ask("/sampling")).toEqual([400, "'service' parameter must be provided once"]);
    expect((await ask("/sampling?service=a&service=b"))[0]).toBe(400);
    expect((await ask("/baggageRestrictions?service=a"))[0]).toBe(404);
    expect((await ask("/sampling?service=a", { method: "POST" }))[0]).toBe(405);
  });
});
