/**
 * OpenTelemetry's own SDKs send to the real server over HTTP with protobuf, plain and gzip, and
 * each trace comes back in every form as the SDK says it sent it: from the head, and from blocks.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { goSdk, sendByGo } from "../support/go-sdk.ts";
import { javaSdk, sendByJava } from "../support/java-sdk.ts";
import { nodeSdk, sendByNode } from "../support/node-sdk.ts";
import { pythonSdk, sendByPython } from "../support/python-sdk.ts";
import { bySpanId, fetchSpans, type SentSpan, TRACE_FORMS } from "../support/sent-span.ts";
import { Server } from "../support/server.ts";
import { INSTALL_TIMEOUT_MS, leftOut, type Tool, titled } from "../support/tool-cache.ts";

interface Sdk {
  readonly language: string;
  readonly tool: Tool;
  send(url: string, service: string): Promise<SentSpan[]>;
}

const sdks: readonly Sdk[] = [
  { language: "Python", tool: pythonSdk, send: sendByPython },
  { language: "JavaScript", tool: nodeSdk, send: sendByNode },
  { language: "Go", tool: goSdk, send: sendByGo },
  { language: "Java", tool: javaSdk, send: sendByJava },
];

/** Of each of the two runs of a client: plain and gzip. */
const SPANS_SENT = 6;
const TRACES_SENT = 3;

let server: Server;
const sentBy = new Map<string, SentSpan[]>();

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

async function expectSent(language: string): Promise<void> {
  const traces = Map.groupBy(sentBy.get(language) ?? [], ({ traceId }) => traceId);
  expect(traces.size).toBe(2 * TRACES_SENT);
  for (const [traceId, sent] of traces) {
    for (const form of TRACE_FORMS) {
      const got = await fetchSpans({ api: server.api, traceId, form });
      expect({ form, spans: bySpanId(got) }).toEqual({ form, spans: bySpanId(sent) });
    }
  }
}

describe("traces from the head", () => {
  for (const { language, tool, send } of sdks) {
    test.skipIf(leftOut(tool))(
      titled(`of the SDK for ${language}`, tool),
      async () => {
        const sent = await send(`${server.otlp}/v1/traces`, `shop-${language}`);
        sentBy.set(language, sent);
        expect(sent).toHaveLength(2 * SPANS_SENT);
        expect(sent.some(({ droppedAttributes }) => droppedAttributes > 0)).toBe(true);
        await expectSent(language);
      },
      INSTALL_TIMEOUT_MS,
    );
  }
});

describe("the same traces from blocks", () => {
  for (const { language, tool } of sdks) {
    test.skipIf(leftOut(tool))(titled(`of the SDK for ${language}`, tool), async () => {
      await server.flush();
      await expectSent(language);
    });
  }
});

test("ids that nobody sent", async () => {
  for (const form of TRACE_FORMS) {
    expect(await fetchSpans({ api: server.api, traceId: "1234567890abcdef", form })).toEqual([]);
  }
});
