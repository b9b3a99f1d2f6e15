/**
 * Clients ask the real server what to sample and follow it, also when the file changes: Jaeger's
 * own client, OpenTelemetry's sampler, and gRPC.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  GoSampler,
  JaegerGrpc,
  jaegerGo,
  jaegerPython,
  sendByPython,
} from "../support/jaeger-clients.ts";
import { bySpanId, fetchSpans, type SentAttributes, type SentSpan } from "../support/sent-span.ts";
import { configText, runToEnd, Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

const folder = mkdtempSync(join(tmpdir(), "vivace-strategies-"));
const file = join(folder, "strategies.json");
const service = (name: string, param: number, operations: readonly object[] = []) => ({
  service: name,
  type: "probabilistic",
  param,
  operation_strategies: operations,
});
const write = (...services: readonly object[]) =>
  writeFileSync(file, JSON.stringify({ service_strategies: services }));

let server: Server;

beforeAll(async () => {
  write(service("shop", 1));
  server = await Server.start({
    "distributor.receivers.jaeger.protocols.grpc.endpoint": "127.0.0.1:0",
    "distributor.receivers.jaeger.protocols.thrift_compact.endpoint": "127.0.0.1:0",
    "distributor.receivers.jaeger.remote_sampling": {
      host_endpoint: "127.0.0.1:0",
      strategy_file: file,
      strategy_file_reload_interval: "50ms",
    },
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const samplingUrl = () => `${server.receiver("jaeger", "jaeger_remote_sampling")}/sampling`;

test.skipIf(leftOut(jaegerPython))(
  titled("Jaeger's client for Python samples, sends and is found", jaegerPython),
  async () => {
    const [udp, http] = ["jaeger_thrift_compact", "jaeger_remote_sampling"].map((kind) => {
      return new URL(server.receiver("jaeger", kind)).port;
    });
    const sent = await sendByPython("client", "127.0.0.1", udp, http, "shop");
    expect(sent).toHaveLength(3);
    for (const [traceId, spans] of Map.groupBy(sent, (span) => span.traceId)) {
      const got = await waitFor(
        async () => {
          const all = await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" });
          return all.length >= spans.length && all;
        },
        () => `${spans.length} spans of ${traceId}`,
      );
      expect(plain(got)).toEqual(plain(spans));
    }
  },
  INSTALL_TIMEOUT_MS,
);

/** The order of attributes is the client's own. */
function plain(spans: readonly SentSpan[]): SentSpan[] {
  const sorted = (all: SentAttributes) => all.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return bySpanId(spans).map((span) => ({
    ...span,
    attributes: sorted(span.attributes),
    resource: sorted(span.resource),
  }));
}

test.skipIf(leftOut(jaegerGo))(
  titled("OpenTelemetry's sampler for Go follows the file", jaegerGo),
  async () => {
    const health = { operation: "GET:/health", type: "probabilistic", param: 0 };
    write(service("cart", 1, [health]));
    await using sampler = await GoSampler.start(samplingUrl(), "cart");
    const until = async (name: string, expected: number) => {
      let sampled = -1;
      await waitFor(
        async () => {
          sampled = await sampler.sampled(200, name);
          return sampled === expected;
        },
        () => `${sampled} of 200 ${name} are sampled, not ${expected}`,
      );
    };
    await until("GET:/cart", 200);
    await until("GET:/health", 0);
    write(service("cart", 0, [{ ...health, param: 1 }]));
    await until("GET:/health", 200);
    await until("GET:/cart", 0);
    write({ service: "cart", type: "ratelimiting", param: 2 });
    const few = await waitFor(
      async () => {
        const sampled = await sampler.sampled(200, "GET:/cart");
        return sampled > 0 && sampled < 10 && sampled;
      },
      () => "no rate is followed",
    );
    expect(few).toBeLessThanOrEqual(3);
  },
  INSTALL_TIMEOUT_MS,
);

describe("over gRPC", () => {
  test("the same strategies", async () => {
    write(service("shop", 0.25), { service: "slow", type: "ratelimiting", param: 7 });
    using client = new JaegerGrpc(server.receiver("jaeger", "jaeger_grpc"));
    await waitFor(
      async () => {
        const told = await client.getSamplingStrategy("slow");
        return JSON.stringify(told).includes('"maxTracesPerSecond":7');
      },
      () => "the file is not read again",
    );
    expect(await client.getSamplingStrategy("slow")).toMatchObject({
      strategyType: "RATE_LIMITING",
      rateLimitingSampling: { maxTracesPerSecond: 7 },
      operationSampling: null,
    });
    expect(await client.getSamplingStrategy("shop")).toMatchObject({
      strategyType: "PROBABILISTIC",
      probabilisticSampling: { samplingRate: 0.25 },
    });
    expect(await client.getSamplingStrategy("unknown")).toMatchObject({
      probabilisticSampling: { samplingRate: 0.001 },
    });
  });

  test("not where nothing is configured", async () => {
    await using other = await Server.start({
      "distributor.receivers.jaeger.protocols.grpc.endpoint": "127.0.0.1:0",
    });
    using client = new JaegerGrpc(other.receiver("jaeger", "jaeger_grpc"));
    await expect(client.getSamplingStrategy("shop")).rejects.toMatchObject({ code: 12 });
  });
});

describe("the start", () => {
  const endOf = async (settings: Record<string, unknown>, ...flags: readonly string[]) => {
    const path = join(folder, "vivace.yaml");
    writeFileSync(path, configText(folder, settings));
    return await runToEnd([`-config.file=${path}`, ...flags]);
  };

  test("says what is wrong with the file", async () => {
    const broken = join(folder, "broken.json");
    writeFileSync(broken, '{"default_strategy": {"type": "often"}}');
    const key = "distributor.receivers.jaeger.remote_sampling.strategy_file";
    const { exitCode, output } = await endOf({ [key]: broken });
    expect(exitCode).toBe(1);
    expect(output).toContain(`${broken}: sampling strategies: default_strategy.type is neither`);
  });

  const tempo = `
server:
  http_listen_port: 3200
distributor:
  receivers:
    jaeger:
      protocols:
        grpc:
        thrift_http:
storage:
  trace:
    backend: s3
    s3:
      bucket: 'tempo-traces'
      endpoint: 's3.amazonaws.com'
`;

  test("takes Tempo's file with S3 as valid", async () => {
    const path = join(folder, "tempo.yaml");
    writeFileSync(path, tempo);
    const { exitCode, output } = await runToEnd([`-config.file=${path}`, "-config.verify"]);
    expect([exitCode, output]).toEqual([0, "the configuration is valid\n"]);
  });
});
