/**
 * Jaeger's clients, old and new, send to the real server in each of their ways, and each trace
 * comes back field by field: from the head, and from blocks.
 */
import { createSocket } from "node:dgram";
import { create, toJson } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Prng, prng } from "../../src/base/prng.ts";
import { ResourceSchema } from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import {
  emitBatchArguments,
  type JaegerBatch,
  postSpansMessage,
  randomBatch,
  thriftBatch,
} from "../receive/jaeger-model.ts";
import { translated } from "../receive/jaeger-oracle.ts";
import { encode, encodeCall } from "../receive/thrift-tree.ts";
import {
  JaegerGrpc,
  jaegerGo,
  jaegerPython,
  sendByGo,
  sendByPython,
} from "../support/jaeger-clients.ts";
import {
  bySpanId,
  fetchSpans,
  fetchTrace,
  type SentAttributes,
  type SentSpan,
  TRACE_FORMS,
  type TraceForm,
} from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, type Tool, titled } from "../support/tool-cache.ts";
import { waitFor } from "../support/wait.ts";

let server: Server;

beforeAll(async () => {
  const anywhere = { endpoint: "127.0.0.1:0" };
  server = await Server.start({
    "distributor.receivers.jaeger.protocols.grpc": anywhere,
    "distributor.receivers.jaeger.protocols.thrift_http": anywhere,
    "distributor.receivers.jaeger.protocols.thrift_compact": anywhere,
    "distributor.receivers.jaeger.protocols.thrift_binary": anywhere,
    "distributor.receivers.jaeger.remote_sampling.host_endpoint": "127.0.0.1:0",
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const portOf = (kind: string) => new URL(server.receiver("jaeger", kind)).port;

// ---- the clients

interface Client {
  readonly name: string;
  readonly tool: Tool;
  readonly spans: number;
  send(): Promise<SentSpan[]>;
}

const host = "127.0.0.1";
const collector = () => `${server.receiver("jaeger", "jaeger_thrift_http")}/api/traces`;
const clients: readonly Client[] = [
  {
    name: "OpenTelemetry's exporter for Python, to the agent",
    tool: jaegerPython,
    spans: 4,
    send: () => sendByPython("exporter-agent", host, portOf("jaeger_thrift_compact"), "py-agent"),
  },
  {
    name: "OpenTelemetry's exporter for Python, to the collector",
    tool: jaegerPython,
    spans: 4,
    send: () => sendByPython("exporter-collector", collector(), "py-collector"),
  },
  {
    name: "OpenTelemetry's exporter for Go, to the agent",
    tool: jaegerGo,
    spans: 4,
    send: () => sendByGo("agent", host, portOf("jaeger_thrift_compact"), "go-agent"),
  },
  {
    name: "OpenTelemetry's exporter for Go, to the collector",
    tool: jaegerGo,
    spans: 4,
    send: () => sendByGo("collector", collector(), "go-collector"),
  },
];

/** Attributes have no order that clients promise. */
function plain(spans: readonly SentSpan[]): SentSpan[] {
  const sorted = (all: SentAttributes) => all.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return bySpanId(spans).map((span) => ({
    ...span,
    attributes: sorted(span.attributes),
    resource: sorted(span.resource),
    events: span.events.map((event) => ({ ...event, attributes: sorted(event.attributes) })),
  }));
}

const sentBy = new Map<string, SentSpan[]>();

async function expectSent(sent: readonly SentSpan[], forms: readonly TraceForm[] = TRACE_FORMS) {
  for (const [traceId, spans] of Map.groupBy(sent, (span) => span.traceId)) {
    for (const form of forms) {
      // Packets have no answer: they are there soon.
      const got = await waitFor(
        async () => {
          const all = await fetchSpans({ api: server.api, traceId, form });
          return all.length >= spans.length && all;
        },
        () => `${spans.length} spans of ${traceId}`,
      );
      expect({ form, spans: plain(got) }).toEqual({ form, spans: plain(spans) });
    }
  }
}

describe("clients", () => {
  for (const { name, tool, spans, send } of clients) {
    test.skipIf(leftOut(tool))(
      titled(name, tool),
      async () => {
        const sent = await send();
        sentBy.set(name, sent);
        expect(sent).toHaveLength(spans);
        await expectSent(sent);
      },
      INSTALL_TIMEOUT_MS,
    );
  }
});

// ---- the wire

/** Spans with ids of their own; those of a batch are of two traces. */
function ownBatch(random: Prng): JaegerBatch {
  for (;;) {
    const batch = randomBatch(random);
    if (batch.spans.length === 0) continue;
    const spanId = () => random.bytes(8) as Uint8Array<ArrayBuffer>;
    return { ...batch, spans: batch.spans.map((span) => ({ ...span, spanId: spanId() })) };
  }
}

const hex = (id: Uint8Array) => Buffer.from(id).toString("hex");

async function packet(kind: string, bytes: Uint8Array): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise((sent) => socket.send(bytes, Number(portOf(kind)), host, sent));
  socket.close();
}

const ways: Readonly<Record<string, (batch: JaegerBatch) => Promise<void>>> = {
  gRPC: async (batch) => {
    using client = new JaegerGrpc(server.receiver("jaeger", "jaeger_grpc"));
    await client.postSpans(postSpansMessage(batch));
  },
  "Thrift over HTTP": async (batch) => {
    const response = await fetch(collector(), {
      method: "POST",
      body: Buffer.from(encode("binary", thriftBatch(batch))),
      headers: { "content-type": "application/vnd.apache.thrift.binary; charset=utf-8" },
    });
    expect([response.status, await response.text()]).toEqual([202, ""]);
  },
  "compact Thrift over UDP": (batch) =>
    packet("jaeger_thrift_compact", encodeCall("compact", "emitBatch", emitBatchArguments(batch))),
  "binary Thrift over UDP": (batch) =>
    packet("jaeger_thrift_binary", encodeCall("binary", "emitBatch", emitBatchArguments(batch))),
};

/** The trace's spans in the oracle's form, sorted by id. */
async function traceOf(traceId: string, form: TraceForm) {
  const trace = await fetchTrace({ api: server.api, traceId, form });
  return (trace?.resourceSpans ?? [])
    .flatMap(({ resource, scopeSpans }) =>
      scopeSpans.flatMap(({ scope, spans }) =>
        spans.map((span) => ({
          resource: toJson(ResourceSchema, resource ?? create(ResourceSchema)),
          scope: [scope?.name ?? "", scope?.version ?? ""],
          span: toJson(SpanSchema, span),
        })),
      ),
    )
    .toSorted(byId);
}

type Translated = ReturnType<typeof translated>[number];
const idOf = ({ span }: Pick<Translated, "span">) => (span as { spanId: string }).spanId;
const byId = (a: Pick<Translated, "span">, b: Pick<Translated, "span">) =>
  idOf(a) < idOf(b) ? -1 : 1;

const sentBatches: JaegerBatch[] = [];

async function expectBatch(batch: JaegerBatch): Promise<void> {
  for (const [traceId, spans] of Map.groupBy(batch.spans, (span) => hex(span.traceId))) {
    const expected = translated({ ...batch, spans }).toSorted(byId);
    for (const form of TRACE_FORMS) {
      const got = await waitFor(
        async () => {
          const all = await traceOf(traceId, form);
          return all.length >= spans.length && all;
        },
        () => `${spans.length} spans of ${traceId}`,
      );
      expect({ form, spans: got.map(written) }).toEqual({ form, spans: expected.map(written) });
    }
  }
}

/** An empty status says nothing, and minus zero is zero in JSON. */
function written(one: Translated): unknown {
  const { status, ...span } = one.span as { status?: object };
  const isEmpty = status === undefined || Object.keys(status).length === 0;
  const shown = { ...one, span: isEmpty ? span : one.span };
  return JSON.parse(JSON.stringify(shown)) as unknown;
}

describe.each(Object.keys(ways))("%s", (way) => {
  test("spans of every kind come back as the oracle has them", async () => {
    const random = prng(way.length);
    for (let i = 0; i < 5; i++) {
      const batch = ownBatch(random);
      await ways[way](batch);
      await expectBatch(batch);
      sentBatches.push(batch);
    }
  });
});

test("the same from blocks", async () => {
  await server.flush();
  for (const sent of sentBy.values()) await expectSent(sent);
  for (const batch of sentBatches) await expectBatch(batch);
});

// ---- tenants

test("tenants are named by a header or by metadata", async () => {
  const anywhere = { endpoint: "127.0.0.1:0" };
  await using own = await Server.start({
    multitenancy_enabled: true,
    "distributor.receivers.jaeger.protocols": { grpc: anywhere, thrift_http: anywhere },
  });
  const batch = ownBatch(prng(5));
  const one = { ...batch, spans: batch.spans.slice(0, 1) };
  const url = `${own.receiver("jaeger", "jaeger_thrift_http")}/api/traces`;
  const post = async (headers: Record<string, string>) => {
    const response = await fetch(url, {
      method: "POST",
      body: Buffer.from(encode("binary", thriftBatch(one))),
      headers: { "content-type": "application/x-thrift", ...headers },
    });
    return response.status;
  };
  expect(await post({})).toBe(401);
  expect(await post({ "x-scope-orgid": "a" })).toBe(202);
  using client = new JaegerGrpc(own.receiver("jaeger", "jaeger_grpc"));
  await expect(client.postSpans(postSpansMessage(one))).rejects.toMatchObject({ code: 16 });
  await client.postSpans(postSpansMessage(one), { "x-scope-orgid": "b" });
  const traceId = hex(one.spans[0].traceId);
  const found = async (tenant: string) => {
    const headers = { "x-scope-orgid": tenant };
    return (await fetchSpansOf(own, traceId, headers)).length;
  };
  expect([await found("a"), await found("b"), await found("c")]).toEqual([1, 1, 0]);
});

async function fetchSpansOf(own: Server, traceId: string, headers: Record<string, string>) {
  const trace = await fetchTrace({ api: own.api, traceId, form: "v1 protobuf", headers });
  return (trace?.resourceSpans ?? []).flatMap(({ scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans),
  );
}

// ---- answers

describe("answers", () => {
  const post = async (body: Uint8Array | string, headers: Record<string, string> = {}) => {
    const type = { "content-type": "application/x-thrift", ...headers };
    const response = await fetch(collector(), {
      method: "POST",
      body: Buffer.from(body),
      headers: type,
    });
    return [response.status, await response.text()] as const;
  };
  const batch = ownBatch(prng(99));
  const zero = { ...batch, spans: batch.spans.map((s) => ({ ...s, traceId: new Uint8Array(16) })) };
  const half = { ...batch, spans: [...batch.spans.slice(0, 1), ...zero.spans.slice(0, 1)] };

  test("over HTTP", async () => {
    expect(await post("no thrift")).toEqual([400, expect.stringMatching(/^thrift: /)]);
    expect((await post("{}", { "content-type": "application/json" }))[0]).toBe(415);
    expect(await post(encode("binary", thriftBatch(zero)))).toEqual([
      400,
      `${zero.spans.length} spans rejected: ${zero.spans.length} invalid trace id`,
    ]);
    expect(await post(encode("binary", thriftBatch(half)))).toEqual([
      400,
      "1 spans rejected: 1 invalid trace id; the other 1 are stored, do not send them again",
    ]);
    expect((await fetch(collector())).status).toBe(405);
    expect((await fetch(`${server.receiver("jaeger", "jaeger_thrift_http")}/`)).status).toBe(404);
    const none = { ...batch, spans: [] };
    expect(await post(encode("binary", thriftBatch(none)))).toEqual([202, ""]);
  });

  test("over gRPC", async () => {
    using client = new JaegerGrpc(server.receiver("jaeger", "jaeger_grpc"));
    await expect(client.postSpans(postSpansMessage(zero))).rejects.toMatchObject({
      code: 3,
      details: `${zero.spans.length} spans rejected: ${zero.spans.length} invalid trace id`,
    });
    await expect(client.postSpans(postSpansMessage(half))).rejects.toMatchObject({
      code: 3,
      details: expect.stringContaining("the other 1 are stored") as string,
    });
    await expect(client.raw("PostSpans", Buffer.from([0x0a, 0x05]))).rejects.toMatchObject({
      code: 3,
    });
    await client.postSpans(postSpansMessage({ ...batch, spans: [] }));
  });

  test("packets that are no call are counted", async () => {
    await packet("jaeger_thrift_compact", Buffer.from("hello"));
    await packet("jaeger_thrift_binary", Buffer.from("hello"));
    const counted = async () => {
      const metrics = await (await server.get("/metrics")).text();
      return /tempo_discarded_spans_total\{.*reason="request_malformed".*\} (\d+)/.test(metrics);
    };
    await waitFor(counted, () => "no such counter");
  });
});
