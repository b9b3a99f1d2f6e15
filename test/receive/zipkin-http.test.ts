import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import type { Verdict } from "../../src/receive/receive.ts";
import { zipkinHttp } from "../../src/receive/zipkin-http.ts";
import { compressedBodies } from "./compressed-bodies.ts";
import {
  NONE_REJECTED,
  type Receiver,
  type ReceiverSettings,
  STORED,
  startFormat,
} from "./start-receiver.ts";
import { bytesField, i64, messageField, protoMessage, thriftList } from "./zipkin-bodies.ts";
import { plainSpans } from "./zipkin-spans.ts";

const JSON_TYPE = "application/json";
const PROTOBUF = "application/x-protobuf";
const THRIFT = "application/x-thrift";
const JSON_BODY = '[{"traceId":"a1","id":"b2","timestamp":5,"duration":6}]';
const PROTO_BODY = protoMessage([
  messageField(1, [bytesField(1, Uint8Array.of(0xa1)), bytesField(3, Uint8Array.of(0xb2))]),
]);
const THRIFT_BODY = thriftList([{ 1: i64(0xa1), 4: i64(0xb2), 10: i64(5) }]);

let running: Receiver[] = [];
afterEach(async () => {
  for (const receiver of running) {
    await receiver.atRest();
    await receiver.stop();
  }
  running = [];
});

function start(settings: ReceiverSettings = {}): Receiver {
  const options = { requestBytesMax: settings.requestBytesMax ?? 1 << 20, parseStringTags: false };
  const receiver = startFormat(zipkinHttp(options, systemClock), settings);
  running.push(receiver);
  return receiver;
}

interface Sent {
  readonly path?: string;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

const post = ({ origin }: Receiver, sent: Sent = {}) =>
  fetch(`${origin}${sent.path ?? "/api/v2/spans"}`, {
    method: "POST",
    headers: { "content-type": sent.type ?? JSON_TYPE, ...sent.headers },
    body: Buffer.from(sent.body ?? JSON_BODY),
  });

describe("what is stored, with 202", () => {
  test.each([
    ["version 2 as JSON", "/api/v2/spans", JSON_TYPE, JSON_BODY],
    ["of any type", "/api/v2/spans", "text/plain", JSON_BODY],
    ["with a prefix and a slash", "/zipkin/api/v2/spans/?a=b", JSON_TYPE, JSON_BODY],
    ["version 2 as protobuf", "/api/v2/spans", PROTOBUF, PROTO_BODY],
    ["version 1 as JSON", "/api/v1/spans", "application/json; charset=utf-8", JSON_BODY],
    ["version 1 as Thrift", "/api/v1/spans", THRIFT, THRIFT_BODY],
  ])("%s", async (...[, path, type, body]) => {
    const receiver = start();
    const response = await post(receiver, { path, type, body });
    expect([response.status, await response.text()]).toEqual([202, ""]);
    expect(receiver.offered.flatMap((one) => plainSpans(one.body))).toMatchObject([
      { traceId: "000000000000000000000000000000a1", spanId: "00000000000000b2" },
    ]);
    expect(receiver.stored).toMatchObject([{ bytes: body.length, verdict: STORED }]);
  });

  test("in every encoding", async () => {
    const receiver = start();
    for (const { encoding, bytes } of await compressedBodies(Buffer.from(JSON_BODY))) {
      const sent = { body: bytes, headers: { "content-encoding": encoding } };
      expect([encoding, (await post(receiver, sent)).status]).toEqual([encoding, 202]);
    }
  });

  test("with 128 formats at once, each as it is", async () => {
    const receiver = start();
    const answers = await Promise.all(
      Array.from({ length: 128 }, (_, i) => {
        const id = (i + 1).toString(16);
        if (i % 2 === 0) return post(receiver, { body: `[{"traceId":"${id}","id":"${id}"}]` });
        const body = thriftList([{ 1: i64(i + 1), 4: i64(i + 1) }]);
        return post(receiver, { path: "/api/v1/spans", type: THRIFT, body });
      }),
    );
    expect(answers.every(({ status }) => status === 202)).toBe(true);
    const ids = receiver.offered
      .flatMap(({ body }) => plainSpans(body))
      .map((one) => one["spanId"]);
    expect(new Set(ids).size).toBe(128);
  });
});

describe("what is refused", () => {
  test.each([
    ["/api/v3/spans", JSON_TYPE, 404, /not found/],
    ["/", JSON_TYPE, 404, /not found/],
    ["/api/v1/spans", PROTOBUF, 415, /application\/x-thrift/],
    ["/api/v2/spans", THRIFT, 415, /application\/x-protobuf/],
  ])("%s as %s", async (...[path, type, status, message]) => {
    const receiver = start();
    const response = await post(receiver, { path, type });
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(message);
    expect(receiver.offered).toEqual([]);
  });

  test("GET", async () => {
    const receiver = start();
    const response = await fetch(`${receiver.origin}/api/v2/spans`);
    expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test.each([
    ["[{}]", "zipkin: span 1 has no trace id"],
    ['[{"traceId":"a1"}]', "zipkin: span 1 has no id"],
    ["[", "json: an object is expected, at byte 1"],
    ["{}", "json: an array is expected, at byte 0"],
  ])("%s, in words", async (body, message) => {
    const receiver = start();
    const response = await post(receiver, { body });
    expect([response.status, await response.text()]).toEqual([400, message]);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(receiver.refused).toEqual(["single-tenant:malformed"]);
  });

  const cases: { outcome: Verdict["outcome"]; status: number; retry: string | null }[] = [
    { outcome: "too_large", status: 413, retry: null },
    { outcome: "overloaded", status: 503, retry: "1" },
    { outcome: "disk_failed", status: 503, retry: "1" },
  ];
  test.each(cases)("when the engine says $outcome", async ({ outcome, status, retry }) => {
    const receiver = start();
    const verdict = { outcome, accepted: 0, rejected: NONE_REJECTED };
    receiver.state.answer = () => Promise.resolve(verdict);
    const response = await post(receiver);
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, retry]);
  });

  test("a tenant that holds too much, and a body that is too large", async () => {
    const receiver = start({
      ...{ multitenancyEnabled: true, requestBytesMax: 2000, tenantBytesMax: 2000 },
    });
    const large = { body: JSON_BODY.padEnd(3000), headers: { "x-scope-orgid": "a" } };
    expect((await post(receiver, large)).status).toBe(413);
    expect((await post(receiver)).status).toBe(401);
    const held = Promise.withResolvers<Verdict>();
    receiver.state.answer = () => held.promise;
    const full = { body: JSON_BODY.padEnd(1500), headers: { "x-scope-orgid": "a" } };
    const first = post(receiver, full);
    const second = await post(receiver, full);
    const other = post(receiver, { headers: { "x-scope-orgid": "b" } });
    expect([second.status, second.headers.get("retry-after")]).toEqual([429, "1"]);
    held.resolve(STORED);
    expect([(await first).status, (await other).status]).toEqual([202, 202]);
  });

  test("in part, which Zipkin has no answer for: in words", async () => {
    const receiver = start();
    const rejected = { ...NONE_REJECTED, overLimit: 2 };
    const text = "2 spans rejected: 2 attributes too many or nested too deep";
    for (const [accepted, status] of [
      [3, 202],
      [0, 400],
    ]) {
      receiver.state.answer = () => Promise.resolve({ outcome: "stored", accepted, rejected });
      const response = await post(receiver);
      expect([response.status, await response.text()]).toEqual([status, text]);
    }
  });
});
