/** JSON through the receiver: what comes to the sink, and answers in JSON. */
import { create, toBinary } from "@bufbuild/protobuf";
import { afterEach, expect, test } from "vitest";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { compressedBodies } from "./compressed-bodies.ts";
import {
  NONE_REJECTED,
  type Receiver,
  type ReceiverSettings,
  startReceiver,
} from "./start-receiver.ts";

const JSON_TYPE = "application/json";
const BODY = `{"resourceSpans":[{"schemaUrl":"${"0123456789".repeat(30)}\\u00e9"}]}`;
const BYTES = toBinary(
  ExportTraceServiceRequestSchema,
  create(ExportTraceServiceRequestSchema, {
    resourceSpans: [{ schemaUrl: `${"0123456789".repeat(30)}é` }],
  }),
);

let running: Receiver[] = [];
afterEach(async () => {
  for (const receiver of running) {
    await receiver.atRest();
    await receiver.stop();
  }
  running = [];
});

function start(settings?: ReceiverSettings): Receiver {
  const receiver = startReceiver(settings);
  running.push(receiver);
  return receiver;
}

const post = (
  { url }: Receiver,
  body: string | Uint8Array<ArrayBuffer> = BODY,
  headers: Record<string, string> = {},
) => fetch(url, { method: "POST", headers: { "content-type": JSON_TYPE, ...headers }, body });

async function answerOf(response: Response): Promise<unknown> {
  expect(response.headers.get("content-type")).toBe(JSON_TYPE);
  return response.json();
}

test.each([JSON_TYPE, "Application/JSON; charset=utf-8"])("%s is stored", async (type) => {
  const receiver = start();
  const response = await post(receiver, BODY, { "content-type": type });
  expect([response.status, await answerOf(response)]).toEqual([200, {}]);
  expect(receiver.offered).toEqual([{ tenant: "single-tenant", body: BYTES }]);
  expect(receiver.stored).toMatchObject([{ bytes: Buffer.byteLength(BODY) }]);
});

test("in every encoding", async () => {
  const receiver = start();
  for (const { encoding, bytes } of await compressedBodies(new TextEncoder().encode(BODY))) {
    const headers = { "content-encoding": encoding };
    const response = await post(receiver, new Uint8Array(bytes), headers);
    expect([encoding, response.status]).toEqual([encoding, 200]);
  }
  for (const { body } of receiver.offered) expect(Buffer.compare(body, BYTES)).toBe(0);
  expect(receiver.offered.length).toBeGreaterThan(4);
});

test("requests at once do not get into each other's way", async () => {
  const receiver = start();
  const bodies = Array.from({ length: 50 }, (_, i) =>
    BODY.replaceAll("0123456789", `${i}`.padStart(2 + (i % 9), "x")),
  );
  const answers = await Promise.all(bodies.map((body) => post(receiver, body)));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  const urls = receiver.offered.map(({ body }) => Buffer.from(body).toString("latin1").slice(8));
  expect(new Set(urls).size).toBe(50);
});

test("in part: how many spans were not, and why", async () => {
  const receiver = start();
  const rejected = { ...NONE_REJECTED, invalidTraceId: 2 };
  receiver.state.answer = () => Promise.resolve({ outcome: "stored", accepted: 1, rejected });
  expect(await answerOf(await post(receiver))).toEqual({
    partialSuccess: {
      rejectedSpans: "2",
      errorMessage: "2 spans rejected: 2 invalid trace id",
    },
  });
});

test.each([
  ["", "an object is expected, at byte 0"],
  ['{"resourceSpans":[{]}', "a key is expected, at byte 19"],
  [`${BODY} x`, `something behind the end, at byte ${BODY.length + 1}`],
])("%s is malformed", async (body, what) => {
  const receiver = start();
  const response = await post(receiver, body);
  expect(response.status).toBe(400);
  expect(await answerOf(response)).toEqual({ code: 3, message: `json: ${what}` });
  expect(receiver.offered).toEqual([]);
  expect(receiver.refused).toEqual(["single-tenant:malformed"]);
});

test("limits and overload are said in JSON", async () => {
  const receiver = start({ requestBytesMax: 1000, multitenancyEnabled: true });
  const large = await post(receiver, BODY.repeat(4), { "x-scope-orgid": "a" });
  expect([large.status, await answerOf(large)]).toMatchObject([413, { code: 8 }]);
  const nobody = await post(receiver);
  const answer = { code: 16, message: "no org id" };
  expect([nobody.status, await answerOf(nobody)]).toEqual([401, answer]);
  receiver.state.answer = () => undefined;
  const busy = await post(receiver, BODY, { "x-scope-orgid": "a" });
  expect([busy.status, busy.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await answerOf(busy)).toMatchObject({ code: 14 });
});
