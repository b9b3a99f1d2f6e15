/**
 * Clients of OTLP's JSON and of Zipkin's formats send to the real server, and each trace comes back
 * as they say they sent it, from the head and from blocks. What Zipkin's model cannot say is
 * expected in the form in which it can.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeFormats, sendByExporter, sendByZipkin } from "../support/node-formats.ts";
import {
  bySpanId,
  fetchSpans,
  type SentAttributes,
  type SentSpan,
  type SentValue,
} from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, titled } from "../support/tool-cache.ts";

const INTERNAL = 1;
const SERVER = 2;
const ERROR = 2;

interface Client {
  readonly name: string;
  /** What is expected to come back. */
  send(): Promise<SentSpan[]>;
}

let server: Server;
const sentBy = new Map<string, SentSpan[]>();

const zipkin = () => server.receiver("zipkin", "zipkin");
const clients: readonly Client[] = [
  {
    name: "OpenTelemetry's SDK for JavaScript, OTLP as JSON",
    send: () => sendByExporter("json", `${server.otlp}/v1/traces`, "shop-json"),
  },
  {
    name: "OpenTelemetry's exporter to Zipkin for JavaScript",
    send: async () => {
      const sent = await sendByExporter("zipkin", `${zipkin()}/api/v2/spans`, "shop-zipkin");
      return sent.map(asZipkin);
    },
  },
  {
    name: "Zipkin's reporter for JavaScript: JSON of both versions, Thrift",
    send: () => sendByZipkin(zipkin(), "shop"),
  },
];

beforeAll(async () => {
  server = await Server.start({ "distributor.receivers.zipkin.endpoint": "127.0.0.1:0" });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

for (const place of ["head", "blocks"] as const) {
  describe(`traces from the ${place}`, () => {
    for (const { name, send } of clients) {
      test.skipIf(leftOut(nodeFormats))(
        titled(`of ${name}`, nodeFormats),
        async () => {
          if (place === "head") sentBy.set(name, await send());
          else await server.flush();
          await expectSent(sentBy.get(name) ?? []);
        },
        INSTALL_TIMEOUT_MS,
      );
    }
  });
}

async function expectSent(sent: readonly SentSpan[]): Promise<void> {
  const traces = Map.groupBy(sent, ({ traceId }) => traceId);
  expect(traces.size).toBeGreaterThan(2);
  for (const [traceId, spans] of traces) {
    const got = await fetchSpans({ api: server.api, traceId, form: "v2 protobuf" });
    expect(bySpanId(got)).toEqual(bySpanId(splitShared(spans, got)));
  }
}

/**
 * A server's span that shares its client's id is shown with an id of its own, below the client's,
 * and with its children below it, as Tempo does.
 */
function splitShared(sent: readonly SentSpan[], got: readonly SentSpan[]): SentSpan[] {
  const ids = Map.groupBy(sent, ({ spanId }) => spanId);
  const shared = [...ids.values()].find(({ length }) => length > 1)?.[0].spanId;
  if (shared === undefined) return [...sent];
  const own = got.find(({ kind, parentSpanId }) => kind === SERVER && parentSpanId === shared);
  expect(own).toBeDefined();
  const ownId = own?.spanId ?? "";
  expect(ids.has(ownId)).toBe(false);
  return sent.map((span) => {
    if (span.parentSpanId === shared) return { ...span, parentSpanId: ownId };
    const isServers = span.spanId === shared && span.kind === SERVER;
    return isServers ? { ...span, spanId: ownId, parentSpanId: shared } : span;
  });
}

/** What the exporter makes of a span of the SDK, as far as Zipkin's model goes. */
function asZipkin(span: SentSpan): SentSpan {
  const start = micros(span.start);
  const duration = Math.round(Number(BigInt(span.end) - BigInt(span.start)) / 1000);
  const [code, message] = span.status;
  const isResource = ([key]: SentAttributes[number]) => key === "service.name";
  return {
    ...span,
    traceState: "",
    kind: span.kind === INTERNAL ? 0 : span.kind,
    start: `${start}000`,
    end: `${start + duration}000`,
    attributes: asTags([...span.attributes, ...span.resource.filter((one) => !isResource(one))]),
    events: span.events.map(({ time, name }) => ({
      time: `${micros(time)}000`,
      name,
      attributes: [],
    })),
    links: [],
    status: [code, code === ERROR ? message : ""],
    resource: span.resource.filter(isResource),
    scope: ["", "", []],
  };
}

/** As the SDK computes them, of seconds and nanoseconds. */
function micros(nanos: string): number {
  const seconds = Number(BigInt(nanos) / 1_000_000_000n);
  return Math.round(seconds * 1e6 + Number(BigInt(nanos) % 1_000_000_000n) / 1e3);
}

function asTags(attributes: SentAttributes): SentAttributes {
  return attributes.map(([key, value]) => [key, ["string", tagOf(value)]]);
}

function tagOf([type, value]: SentValue): string {
  // An array prints as its elements do, with commas between them.
  return type === "array" ? value.map(tagOf).join(",") : String(value);
}
