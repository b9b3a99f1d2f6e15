/**
 * OpenTelemetry's own SDKs send to the real server, over HTTP with protobuf and by gRPC, each plain
 * and gzip, in clear text, over TLS and with certificates of clients. Each trace comes back in
 * every form as the SDK says it sent it: from the head, and from blocks.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Certificates, certificates } from "../support/certificates.ts";
import { goSdk, sendByGo } from "../support/go-sdk.ts";
import { javaSdk, sendByJava } from "../support/java-sdk.ts";
import { nodeSdk, sendByNode } from "../support/node-sdk.ts";
import { pythonSdk, sendByPython } from "../support/python-sdk.ts";
import {
  bySpanId,
  fetchSpans,
  type SendArguments,
  type SentSpan,
  TRACE_FORMS,
} from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, type Tool, titled } from "../support/tool-cache.ts";

interface Sdk {
  readonly language: string;
  readonly tool: Tool;
  send(...to: SendArguments): Promise<SentSpan[]>;
}

const sdks: readonly Sdk[] = [
  { language: "Python", tool: pythonSdk, send: sendByPython },
  { language: "JavaScript", tool: nodeSdk, send: sendByNode },
  { language: "Go", tool: goSdk, send: sendByGo },
  { language: "Java", tool: javaSdk, send: sendByJava },
];

interface Transport {
  readonly name: string;
  /** The instance of the receiver. */
  readonly receiver: string;
  readonly kind: "otlp_http" | "otlp_grpc";
  files(): readonly string[];
}

let server: Server;
let pems: Certificates;
const clientFiles = () => [pems.ca, pems.client.cert, pems.client.key];

const transports: readonly Transport[] = [
  { name: "HTTP", receiver: "otlp", kind: "otlp_http", files: () => [] },
  { name: "HTTP over TLS", receiver: "otlp/tls", kind: "otlp_http", files: () => [pems.ca] },
  { name: "HTTP over mTLS", receiver: "otlp/mtls", kind: "otlp_http", files: clientFiles },
  { name: "gRPC", receiver: "otlp", kind: "otlp_grpc", files: () => [] },
  { name: "gRPC over TLS", receiver: "otlp/tls", kind: "otlp_grpc", files: () => [pems.ca] },
  { name: "gRPC over mTLS", receiver: "otlp/mtls", kind: "otlp_grpc", files: clientFiles },
];

/** Of each of the two runs of a client: plain and gzip. */
const SPANS_SENT = 6;
const TRACES_SENT = 3;

const sentBy = new Map<string, SentSpan[]>();

beforeAll(async () => {
  pems = await certificates();
  const tls = { cert_file: pems.server.cert, key_file: pems.server.key };
  const mtls = { ...tls, client_ca_file: pems.ca };
  const both = (keys: object) => ({
    grpc: { endpoint: "127.0.0.1:0", ...keys },
    http: { endpoint: "127.0.0.1:0", ...keys },
  });
  server = await Server.start({
    "distributor.receivers.otlp.protocols": both({}),
    "distributor.receivers.otlp/tls.protocols": both({ tls }),
    "distributor.receivers.otlp/mtls.protocols": both({ tls: mtls }),
  });
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  pems[Symbol.dispose]();
});

function addressOf({ receiver, kind }: Transport): string {
  const { protocol, host } = new URL(server.receiver(receiver, kind));
  if (kind === "otlp_http") return `${protocol}//${host}/v1/traces`;
  return `${protocol === "https:" ? "grpcs" : "grpc"}://${host}`;
}

async function expectSent(key: string): Promise<void> {
  const traces = Map.groupBy(sentBy.get(key) ?? [], ({ traceId }) => traceId);
  expect(traces.size).toBe(2 * TRACES_SENT);
  for (const [traceId, sent] of traces) {
    for (const form of TRACE_FORMS) {
      const got = await fetchSpans({ api: server.api, traceId, form });
      expect({ form, spans: bySpanId(got) }).toEqual({ form, spans: bySpanId(sent) });
    }
  }
}

for (const transport of transports) {
  describe(`traces from the head, by ${transport.name}`, () => {
    for (const { language, tool, send } of sdks) {
      test.skipIf(leftOut(tool))(
        titled(`of the SDK for ${language}`, tool),
        async () => {
          const key = `${transport.name} ${language}`;
          const to = addressOf(transport);
          const sent = await send(to, `shop-${language}`, ...transport.files());
          sentBy.set(key, sent);
          expect(sent).toHaveLength(2 * SPANS_SENT);
          expect(sent.some(({ droppedAttributes }) => droppedAttributes > 0)).toBe(true);
          await expectSent(key);
        },
        INSTALL_TIMEOUT_MS,
      );
    }
  });
}

for (const transport of transports) {
  describe(`the same traces from blocks, by ${transport.name}`, () => {
    for (const { language, tool } of sdks) {
      test.skipIf(leftOut(tool))(titled(`of the SDK for ${language}`, tool), async () => {
        await server.flush();
        await expectSent(`${transport.name} ${language}`);
      });
    }
  });
}

test("ids that nobody sent", async () => {
  for (const form of TRACE_FORMS) {
    expect(await fetchSpans({ api: server.api, traceId: "1234567890abcdef", form })).toEqual([]);
  }
});
