/**
 * Limits of tenants on what is in a request, on the real server: what is refused is said in the
 * answer of each protocol and counted by its reason, and is not there after a replay either.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ExportTraceServiceResponseSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { ExportClient } from "../receive/start-grpc.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";
import { fetchSpans, type SentAttributes, type SentSpan } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { waitFor } from "../support/wait.ts";

const RESOURCE_EXHAUSTED = 8;
const IDLE_MS = 1500;
const folder = mkdtempSync(join(tmpdir(), "vivace-limits-"));
const file = join(folder, "overrides.yaml");
let server: Server;
let client: ExportClient;
let traces = 0;

const OVERRIDES = `
overrides:
  short: {ingestion: {max_attribute_bytes: 10}}
  keys: {ingestion_max_attribute_keys: 2}
  size: {global: {max_bytes_per_trace: 3000}}
  traces: {ingestion: {max_traces_per_user: 2}}
  "*": {ingestion_max_attribute_bytes: 4000}
`;

beforeAll(async () => {
  writeFileSync(file, OVERRIDES);
  server = await Server.start({
    multitenancy_enabled: true,
    "overrides.per_tenant_override_config": file,
    "overrides.per_tenant_override_period": "50ms",
    "live_store.max_trace_idle": `${IDLE_MS}ms`,
    "distributor.log_received_spans": { enabled: true, include_all_attributes: true },
    "distributor.log_discarded_spans": { enabled: true },
    "distributor.receivers.otlp.protocols.grpc.endpoint": "127.0.0.1:0",
    "distributor.receivers.zipkin.endpoint": "127.0.0.1:0",
  });
  const { host } = new URL(server.receiver("otlp", "otlp_grpc"));
  client = new ExportClient(host, credentials.createInsecure(), {});
});

afterAll(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const newTrace = () => (++traces).toString(16).padStart(32, "b");

async function send(tenant: string, spans: readonly SentSpan[]) {
  const response = await server.send(requestOf(spans), { "x-scope-orgid": tenant });
  const body = new Uint8Array(await response.arrayBuffer());
  const { status, headers } = response;
  const partial =
    status === 200 ? fromBinary(ExportTraceServiceResponseSchema, body).partialSuccess : undefined;
  const text = partial?.errorMessage ?? Buffer.from(body).toString();
  return { status, retry: headers.get("retry-after"), rejected: partial?.rejectedSpans, text };
}

function found(tenant: string, traceId: string) {
  return fetchSpans({
    ...{ api: server.api, traceId, form: "v2 protobuf" },
    headers: { "x-scope-orgid": tenant },
  });
}

async function count(pattern: string): Promise<number> {
  const text = await (await server.get("/metrics")).text();
  return Number(new RegExp(`^${pattern} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

const discarded = (reason: string, tenant: string) =>
  count(`tempo_discarded_spans_total\\{reason="${reason}",tenant="${tenant}"\\}`);

const attributes = (number: number): SentAttributes =>
  Array.from({ length: number }, (_, i) => [`k${i}`, ["int", `${i}`]]);

test("long keys and values are cut, wherever they are, and counted", async () => {
  const traceId = newTrace();
  const long: SentAttributes = [
    ["key-of-14-chars", ["string", "123456789é-"]],
    ["n", ["int", "5"]],
    ["list", ["array", [["string", "a".repeat(20)]]]],
  ];
  const cut: SentAttributes = [
    ["key-of-14-", ["string", "123456789"]],
    ["n", ["int", "5"]],
    ["list", ["array", [["string", "a".repeat(10)]]]],
  ];
  const event = { time: "1700000000000000001", name: "a long name of an event" };
  const span = spanOf({
    ...{ traceId, spanId: "1", name: "a name that is long" },
    attributes: long,
    events: [{ ...event, attributes: long }],
  });
  expect(await send("short", [span])).toMatchObject({ status: 200, rejected: undefined });
  // Of the resource of spanOf(), `service.name` is longer than ten as well.
  const resource = [["service.na", ["string", "test"]]];
  const expected = { ...span, resource, attributes: cut, events: [{ ...event, attributes: cut }] };
  expect(await found("short", traceId)).toEqual([expected]);
  const counter = (scope: string) =>
    count(`tempo_distributor_attributes_truncated_total\\{tenant="short",scope="${scope}"\\}`);
  expect(await Promise.all(["resource", "span", "event", "scope"].map(counter))).toEqual([
    1, 3, 3, 0,
  ]);
  expect(await send("other", [{ ...span, traceId: newTrace() }])).toMatchObject({ status: 200 });
  expect(await found("other", traceId.replace(/.$/, "2"))).toMatchObject([{ attributes: long }]);
});

test("spans with too many attributes are refused, the others are kept", async () => {
  const traceId = newTrace();
  const of = (spanId: string, number: number) =>
    spanOf({ traceId, spanId, attributes: attributes(number) });
  const answer = await send("keys", [of("1", 2), of("2", 3), of("3", 0)]);
  expect(answer).toMatchObject({ status: 200, rejected: 1n });
  expect(answer.text).toBe("1 spans rejected: 1 attributes too many or nested too deep");
  expect((await found("keys", traceId)).map(({ spanId }) => spanId)).toEqual([
    "0000000000000001",
    "0000000000000003",
  ]);
  expect(await discarded("attribute_limit", "keys")).toBe(1);
});

test("a trace over its size gets no more spans, and is as large after a replay", async () => {
  const traceId = newTrace();
  const of = (spanId: string) => spanOf({ traceId, spanId, name: "x".repeat(1000) });
  expect(await send("size", [of("1"), of("2")])).toMatchObject({ rejected: undefined });
  const answer = await send("size", [of("3"), spanOf({ traceId: newTrace(), spanId: "1" })]);
  expect(answer).toMatchObject({ status: 200, rejected: 1n });
  expect(answer.text).toContain("TRACE_TOO_LARGE");
  expect(await found("size", traceId)).toHaveLength(2);
  expect(await discarded("trace_too_large", "size")).toBe(1);
  // All of it: also an answer of success, as sending again would not help.
  expect(await send("size", [of("4")])).toMatchObject({ status: 200, rejected: 1n });
});

test("more live traces are refused, and taken when others have ended", async () => {
  const [first, second, third] = [newTrace(), newTrace(), newTrace()];
  const of = (traceId: string, spanId = "1") => spanOf({ traceId, spanId });
  const metadata = { "x-scope-orgid": "traces" };
  expect(await send("traces", [of(first), of(second)])).toMatchObject({ status: 200 });
  const refused = await send("traces", [of(third)]);
  expect(refused).toMatchObject({ status: 429, retry: "1" });
  expect(refused.text).toContain("LIVE_TRACES_EXCEEDED");
  const grpc = await client.send(requestOf([of(third)]), { metadata });
  expect(grpc.code).toBe(RESOURCE_EXHAUSTED);
  expect(grpc.message).toContain("LIVE_TRACES_EXCEEDED");
  const details = grpc.metadata.get("grpc-status-details-bin").map(String).join();
  expect(details).toContain("google.rpc.RetryInfo");
  // What belongs to live traces is kept.
  const part = await client.send(requestOf([of(first, "2"), of(third)]), { metadata });
  expect(part.code).toBe(0);
  const { partialSuccess } = fromBinary(ExportTraceServiceResponseSchema, part.body ?? Buffer.of());
  expect(partialSuccess?.rejectedSpans).toBe(1n);
  const zipkin = await fetch(`${server.receiver("zipkin", "zipkin")}/api/v2/spans`, {
    method: "POST",
    headers: { ...metadata, "content-type": "application/json" },
    body: JSON.stringify([{ traceId: third, id: "1".padStart(16, "0") }]),
  });
  expect(zipkin.status).toBe(429);
  expect(zipkin.headers.get("retry-after")).toBe("1");
  expect(await discarded("live_traces_exceeded", "traces")).toBe(4);
  expect(await found("traces", third)).toEqual([]);
  await Bun.sleep(IDLE_MS);
  await waitFor(
    async () => (await send("traces", [of(third)])).status === 200,
    () => "traces never end",
  );
  expect(await found("traces", third)).toHaveLength(1);
});

test("received and discarded spans are in the log, each under its name", async () => {
  const traceId = newTrace();
  const of = (spanId: string, number: number) =>
    spanOf({ traceId, spanId, name: "logged", attributes: attributes(number) });
  await send("keys", [of("a1", 3), of("a2", 1), of("a3", 3)]);
  await send("traces", [spanOf({ traceId, spanId: "a4" })]);
  await send("traces", [spanOf({ traceId: newTrace(), spanId: "a5" })]);
  await send("traces", [spanOf({ traceId: newTrace(), spanId: "a6" })]);
  const lineOf = (spanId: string) =>
    server.log.split("\n").find((line) => line.includes(`spanid=${spanId.padStart(16, "0")}`)) ??
    "";
  expect(lineOf("a2")).toContain(`msg=received tenant=keys spanid=00000000000000a2`);
  expect(lineOf("a2")).toContain(
    `traceid=${traceId} span_service_name=test span_k0=0 span_name=logged ` +
      "span_duration_seconds=0 span_kind=SPAN_KIND_INTERNAL span_status=STATUS_CODE_UNSET",
  );
  for (const spanId of ["a1", "a3"]) {
    expect(lineOf(spanId)).toMatch(/msg=discarded tenant=keys spanid=\w+ traceid=\w+$/);
  }
  expect(lineOf("a6")).toContain("msg=discarded tenant=traces");
});

test("a changed file holds at once", async () => {
  const many = () => spanOf({ traceId: newTrace(), spanId: "1", attributes: attributes(5) });
  writeFileSync(file, 'overrides: {"*": {ingestion: {max_attribute_keys: 4}}}');
  await waitFor(
    async () => (await send("fresh", [many()])).rejected === 1n,
    () => "the file is not read again",
  );
  expect(await send("keys", [many()])).toMatchObject({ rejected: 1n });
  writeFileSync(file, OVERRIDES);
  await waitFor(
    async () => (await send("fresh", [many()])).rejected === undefined,
    () => "the file is not read again",
  );
});

test("what was refused or cut is neither in the log nor in blocks", async () => {
  const traceId = newTrace();
  const of = (spanId: string) => spanOf({ traceId, spanId, name: "x".repeat(1000) });
  expect(await send("size", [of("1"), of("2"), of("3")])).toMatchObject({ rejected: 1n });
  await server.kill();
  await server.restart();
  expect(await found("size", traceId)).toHaveLength(2);
  await server.flush();
  expect(await found("size", traceId)).toHaveLength(2);
});
