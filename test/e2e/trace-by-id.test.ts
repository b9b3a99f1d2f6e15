import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { flatTrace, SentTraces } from "../support/sent-traces.ts";
import { Server } from "../support/server.ts";

const TENANTS = ["one", "two"];
let server: Server;

beforeAll(async () => {
  server = await Server.start({ multitenancy_enabled: true });
}, 90_000);

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function send(request: ExportTraceServiceRequest, tenant: string): Promise<void> {
  const body = new Uint8Array(toBinary(ExportTraceServiceRequestSchema, request));
  const response = await server.send(body, { "x-scope-orgid": tenant });
  expect(response.status).toBe(200);
  await response.arrayBuffer();
}

async function found(tenant: string, traceId: Uint8Array): Promise<readonly string[]> {
  const response = await server.get(`/api/traces/${traceId.toHex()}`, {
    accept: "application/protobuf",
    "x-scope-orgid": tenant,
  });
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (response.status === 404) return [];
  expect(response.status).toBe(200);
  return flatTrace(bytes);
}

test("a trace is the same in the head, in blocks, in both, and after a restart", async () => {
  const random = prng(21);
  const generator = new OtlpGenerator(random, 9);
  const sent = new SentTraces();
  const kept: { request: ExportTraceServiceRequest; tenant: string }[] = [];
  const feed = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const request = generator.request();
      const tenant = TENANTS[random.below(2)];
      await send(request, tenant);
      sent.add(request, tenant);
      kept.push({ request, tenant });
    }
  };
  const check = async () => {
    for (const tenant of TENANTS) {
      for (const traceId of generator.traceIds) {
        expect(await found(tenant, traceId)).toEqual(sent.trace(tenant, traceId) ?? []);
      }
    }
  };
  await feed(40);
  await check();
  await server.flush();
  await check();
  await feed(40);
  await check();
  // Sent again, while the first lies in a block.
  for (const { request, tenant } of kept.slice(0, 20)) await send(request, tenant);
  await check();
  await server.kill();
  await server.restart();
  await check();
  await server.flush();
  await check();
}, 120_000);

test("a federated read has the spans of all tenants", async () => {
  const generator = new OtlpGenerator(prng(22), 1);
  const [traceId] = generator.traceIds;
  const sent = new SentTraces();
  for (const tenant of TENANTS) {
    const request = create(ExportTraceServiceRequestSchema, {
      resourceSpans: [{ scopeSpans: [{ spans: [generator.span()] }] }],
    });
    await send(request, tenant);
    sent.add(request, "all");
  }
  expect(await found("two|one", traceId)).toEqual(sent.trace("all", traceId));
  expect((await found("one", traceId)).length).toBe(1);
});
