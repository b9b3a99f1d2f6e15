import { describe, expect, test } from "vitest";
import { ZipkinProto } from "../../src/receive/zipkin-proto.ts";
import {
  bytesField,
  fixed64Field,
  messageField,
  protoMessage,
  varintField,
} from "./zipkin-bodies.ts";
import { type PlainSpan, plainSpans, zipkinWriter } from "./zipkin-spans.ts";

const reader = new ZipkinProto(zipkinWriter());
const translate = (body: Uint8Array): PlainSpan[] => plainSpans(reader.toOtlp(body));
const bytes = (...values: number[]) => Uint8Array.from(values);

const TRACE_ID = bytesField(1, bytes(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8));
const ID = bytesField(3, bytes(1, 2, 3, 4, 5, 6, 7, 9));
const endpoint = (service: string, ...rest: ReturnType<typeof bytesField>[]) => [
  bytesField(1, service),
  ...rest,
];

test("a whole span", () => {
  const span = [
    ...[TRACE_ID, ID, bytesField(2, bytes(0, 0, 0, 0, 0, 0, 0, 7)), varintField(4, 2)],
    ...[bytesField(5, "get"), fixed64Field(6, 1_700_000_000_000_001), varintField(7, 20)],
    messageField(8, endpoint("shop", bytesField(2, bytes(10, 0, 0, 1)), varintField(4, 8080))),
    messageField(
      9,
      endpoint("db", bytesField(3, bytes(0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), 1))),
    ),
    messageField(10, [fixed64Field(1, 1_700_000_000_000_003), bytesField(2, "note")]),
    messageField(11, [bytesField(1, "key"), bytesField(2, "value")]),
    messageField(11, [bytesField(1, "empty")]),
    messageField(11, [bytesField(2, "boom"), bytesField(1, "error")]),
    ...[varintField(12, 1), varintField(13, 1), varintField(99, 5), bytesField(98, "new")],
  ];
  expect(translate(protoMessage([messageField(1, span)]))).toEqual([
    {
      resource: { "service.name": "shop" },
      traceId: "00000000000000000102030405060708",
      spanId: "0102030405060709",
      parent: "0000000000000007",
      name: "get",
      kind: 2,
      start: "1700000000000001000",
      end: "1700000000000021000",
      attributes: {
        ...{ key: "value", empty: "", error: "boom", "zipkin.debug": true },
        ...{ "net.host.ip": "10.0.0.1", "net.host.port": 8080n },
        ...{ "peer.service": "db", "net.peer.ip": "2001:db8::1" },
      },
      events: ["1700000000000003000 note"],
      status: { code: 2, message: "boom" },
    },
  ]);
});

test.each([
  [0, undefined],
  [1, 3],
  [2, 2],
  [3, 4],
  [4, 5],
  [5, undefined],
])("kind %i", (kind, expected) => {
  const span = [TRACE_ID, ID, fixed64Field(6, 1), varintField(4, kind)];
  expect(translate(protoMessage([messageField(1, span)]))[0]["kind"]).toBe(expected);
});

test("64-bit trace ids are filled up", () => {
  const span = [bytesField(1, bytes(1, 2, 3, 4, 5, 6, 7, 8)), ID, fixed64Field(6, 1)];
  const spans = translate(protoMessage([messageField(1, span)]));
  expect(spans[0]["traceId"]).toBe("00000000000000000102030405060708");
});

test.each([
  ["127.0.0.1", [127, 0, 0, 1]],
  ["::1", [...Array(15).fill(0), 1]],
  ["10.1.2.3", [...Array(10).fill(0), 255, 255, 10, 1, 2, 3]],
  ["1:0:2::3", [0, 1, 0, 0, 0, 2, ...Array(8).fill(0), 0, 3]],
  ["fe80::", [0xfe, 0x80, ...Array(14).fill(0)]],
  ["1:2:3:4:5:6:0:8", [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 8]],
  [undefined, [0, 0, 0, 0]],
  [undefined, [1, 2, 3]],
])("the address %s", (text, address) => {
  const remote = messageField(9, [bytesField(3, Uint8Array.from(address))]);
  const span = [TRACE_ID, ID, fixed64Field(6, 1), remote];
  const [{ attributes }] = translate(protoMessage([messageField(1, span)]));
  expect(attributes).toEqual(text === undefined ? undefined : { "net.peer.ip": text });
});

describe("what is malformed", () => {
  const whole = protoMessage([
    messageField(1, [TRACE_ID, ID, messageField(11, [bytesField(1, "k"), bytesField(2, "v")])]),
  ]);

  test("every cut but between spans", () => {
    expect(translate(whole)).toHaveLength(1);
    expect(translate(whole.subarray(0, 0))).toEqual([]);
    for (let end = 1; end < whole.length; end++) {
      const cut = () => translate(whole.subarray(0, end));
      expect(cut).toThrow(expect.objectContaining({ code: "malformed" }));
    }
  });

  test.each([
    ["no trace id", [ID]],
    ["no id", [TRACE_ID]],
    ["a zero id", [TRACE_ID, bytesField(3, new Uint8Array(8))]],
    ["a long trace id", [bytesField(1, new Uint8Array(17).fill(1)), ID]],
    ["a long id", [TRACE_ID, bytesField(3, new Uint8Array(9).fill(1))]],
    ["a late time", [TRACE_ID, ID, fixed64Field(6, 2 ** 53)]],
    ["a name that is a number", [TRACE_ID, ID, varintField(5, 1)]],
  ])("%s", (_name, span) => {
    const translated = () => translate(protoMessage([messageField(1, span)]));
    expect(translated).toThrow(expect.objectContaining({ code: "malformed" }));
  });
});
