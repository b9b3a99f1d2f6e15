import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import type {
  AnyValue,
  KeyValue,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import type { Span } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { OtlpJson } from "../../src/receive/otlp-json.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { otlpJsonText } from "../support/otlp-json-text.ts";

const json = new OtlpJson(64 << 20);
const encode = (text: string) => new TextEncoder().encode(text);
const translate = (text: string) => json.toOtlp(encode(text)).slice();
const read = (text: string): ExportTraceServiceRequest =>
  fromBinary(ExportTraceServiceRequestSchema, translate(text), { recursionLimit: 1000 });

function spanOf(fields: string): Span {
  const request = read(`{"resourceSpans":[{"scopeSpans":[{"spans":[{${fields}}]}]}]}`);
  return request.resourceSpans[0].scopeSpans[0].spans[0];
}

function attributeOf(fields: string): KeyValue {
  return spanOf(`"attributes":[{${fields}}]`).attributes[0];
}

function anyValueOf(fields: string): AnyValue["value"] | undefined {
  return attributeOf(`"key":"k","value":{${fields}}`).value?.value;
}

describe("the same request as JSON and as protobuf", () => {
  test("is the same bytes when fields come in their order (seed 41)", () => {
    const random = prng(41);
    const generator = new OtlpGenerator(random, 9);
    for (let round = 0; round < 400; round++) {
      const request = generator.request();
      const bytes = toBinary(ExportTraceServiceRequestSchema, request);
      for (const text of [otlpJsonText(request), otlpJsonText(request, random)]) {
        expect({ round, same: Buffer.compare(translate(text), bytes) }).toEqual({ round, same: 0 });
      }
    }
  });

  test("is the same request in any order of fields", () => {
    const text =
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"n","status":{"code":2,"message":"m"},' +
      '"attributes":[{"value":{"intValue":7},"key":"k"}],"spanId":"0102030405060708",' +
      '"traceId":"0102030405060708090a0b0c0d0e0f10"}],"scope":{"version":"1","name":"s"}}],' +
      '"resource":{"attributes":[]}}]}';
    const ordered = create(ExportTraceServiceRequestSchema, {
      resourceSpans: [
        {
          resource: {},
          scopeSpans: [
            {
              scope: { name: "s", version: "1" },
              spans: [
                {
                  traceId: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
                  spanId: Uint8Array.from({ length: 8 }, (_, i) => i + 1),
                  name: "n",
                  attributes: [{ key: "k", value: { value: { case: "intValue", value: 7n } } }],
                  status: { code: 2, message: "m" },
                },
              ],
            },
          ],
        },
      ],
    });
    expect(read(text)).toEqual(ordered);
  });
});

describe("numbers", () => {
  test.each([
    ["0", 0n],
    ["-0", 0n],
    ["1", 1n],
    ["-1", -1n],
    ["9007199254740993", 9007199254740993n],
    ["-9007199254740993", -9007199254740993n],
    ["9223372036854775807", 9223372036854775807n],
    ["-9223372036854775808", -9223372036854775808n],
    ["-4294967296", -4294967296n],
    ["-4294967295", -4294967295n],
    ["999999999999999", 999999999999999n],
    ["1000000000000000000", 10n ** 18n],
    ["1.0", 1n],
    ["15e2", 1500n],
    ["1.5e1", 15n],
    ["150e-1", 15n],
    ["9.223372036854775807E+18", 9223372036854775807n],
    ["0.0e99999999", 0n],
  ])("%s is an exact integer, bare and in a string", (digits, value) => {
    expect(anyValueOf(`"intValue":${digits}`)).toEqual({ case: "intValue", value });
    expect(anyValueOf(`"intValue":"${digits}"`)).toEqual({ case: "intValue", value });
  });

  test.each([
    ...["9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e19", "1.5"],
    ...["1e-1", '""', '"x"', '" 1"', '"1 "', "01", "-", "+1", ".5", "1.", "1e", "0x1", "true"],
    ...["1".repeat(400), "[]", "{}", "1e99999999999999999999"],
  ])("%s is no integer of 64 bits", (digits) => {
    expect(() => anyValueOf(`"intValue":${digits}`)).toThrow("json: ");
  });

  test.each([
    ["18446744073709551615", 2n ** 64n - 1n],
    ['"18446744073709551615"', 2n ** 64n - 1n],
    ["1700000000123456789", 1700000000123456789n],
    ["-0", 0n],
  ])("%s is a time", (digits, value) => {
    expect(spanOf(`"endTimeUnixNano":${digits}`).endTimeUnixNano).toBe(value);
  });

  test.each(["-1", "18446744073709551616", "1.5"])("%s is no time", (digits) => {
    expect(() => spanOf(`"endTimeUnixNano":${digits}`)).toThrow("from 0 up is expected");
  });

  test("counts and flags have 32 bits", () => {
    const span = spanOf('"droppedLinksCount":4294967295,"flags":"257","droppedEventsCount":0');
    expect([span.droppedLinksCount, span.flags]).toEqual([4294967295, 257]);
    expect(() => spanOf('"flags":4294967296')).toThrow("32 bits");
    expect(() => spanOf('"kind":2147483648')).toThrow("32 bits");
    for (const kind of ["1.5", "1e999", "5e-324", `${"1".repeat(41)}`]) {
      expect(() => spanOf(`"kind":${kind}`)).toThrow("32 bits");
    }
    expect(spanOf('"kind":-2147483648').kind).toBe(-2147483648);
  });

  test("doubles are as JavaScript reads them (seed 42)", () => {
    const random = prng(42);
    const bits = new DataView(new ArrayBuffer(8));
    const texts = ["5e-324", "2.2250738585072011e-308", "1.7976931348623157e308", "-0", "0.1"];
    texts.push("123456789012345678901234567890", `0.${"0".repeat(400)}1e390`, "1e22", "1e23");
    for (let i = 0; i < 3000; i++) {
      for (let at = 0; at < 8; at++) bits.setUint8(at, random.below(256));
      const value = bits.getFloat64(0);
      if (Number.isFinite(value)) texts.push(`${value}`, value.toExponential(17).slice(0, 30));
      texts.push((random.unit() * 1000).toFixed(random.below(20)), `${random.below(1e9)}`);
    }
    for (const text of texts) {
      const got = anyValueOf(`"doubleValue":${text}`);
      expect({ text, got }).toEqual({ text, got: { case: "doubleValue", value: Number(text) } });
    }
  });

  test.each([
    ['"NaN"', Number.NaN],
    ['"Infinity"', Number.POSITIVE_INFINITY],
    ['"-Infinity"', Number.NEGATIVE_INFINITY],
    ['"-1.5"', -1.5],
  ])("%s is a double", (text, value) => {
    expect(anyValueOf(`"doubleValue":${text}`)).toEqual({ case: "doubleValue", value });
  });

  test.each(["1e309", "-1e309", "NaN", '"nan"', "Infinity"])("%s is no double", (text) => {
    expect(() => anyValueOf(`"doubleValue":${text}`)).toThrow("json: ");
  });
});

describe("texts", () => {
  test.each([
    ['\\"\\\\\\/\\b\\f\\n\\r\\t', '"\\/\b\f\n\r\t'],
    ["\\u0000\\u00e9\\u20AC\\uD83d\\uDe00x", "\0é€😀x"],
    ["\\ud83d", "\ufffd"],
    ["\\ude00", "\ufffd"],
    ["\\ud83dx", "\ufffdx"],
    ["\\ud83d\\n", "\ufffd\n"],
    ["\\ud83d\\ud83d\\ude00", "\ufffd😀"],
    ["\\ude00\\ud83d", "\ufffd\ufffd"],
    ["é€😀\ufeff\u007f", "é€😀\ufeff\u007f"],
    ["", ""],
  ])("%s", (written, text) => {
    expect(anyValueOf(`"stringValue":"${written}"`)).toEqual({ case: "stringValue", value: text });
    expect(spanOf(`"name":"${written}"`).name).toBe(text);
    expect(attributeOf(`"key":"${written}"`).key).toBe(text);
  });

  test("bytes that are not UTF-8 are left for the kernel to reject", () => {
    const body = encode('{"resourceSpans":[{"schemaUrl":"a?b"}]}');
    body[body.indexOf(0x3f)] = 0xff;
    expect([...json.toOtlp(body)]).toEqual([0x0a, 5, 0x1a, 3, 0x61, 0xff, 0x62]);
  });

  test.each(["\\x", "\\u12", "\\u12g4", "\\", "\n", "\u001f", "\\ud83d\\u12"])(
    "%j is none",
    (text) => {
      expect(() => spanOf(`"name":"${text}"`)).toThrow("json: ");
    },
  );

  test.each([
    ["", []],
    ["AA==", [0]],
    ["AA", [0]],
    ["//79", [255, 254, 253]],
    ["__79", [255, 254, 253]],
    ["+/8=", [251, 255]],
    ["-_8", [251, 255]],
    ["\\u0041A", [0]],
  ])("%j is base64", (text, bytes) => {
    const value = Uint8Array.from(bytes);
    expect(anyValueOf(`"bytesValue":"${text}"`)).toEqual({ case: "bytesValue", value });
  });

  test.each(["A", "AAAAA", "A===", "AA=A", "A A=", "AA=", "é"])("%j is not", (text) => {
    expect(() => anyValueOf(`"bytesValue":"${text}"`)).toThrow("base64 is expected");
  });
});

describe("ids", () => {
  test("are hex, in either case", () => {
    const span = spanOf('"traceId":"ABCDEFabcdef01234567890000000000","parentSpanId":""');
    expect(Buffer.from(span.traceId).toString("hex")).toBe("abcdefabcdef01234567890000000000");
    expect(span.parentSpanId).toHaveLength(0);
  });

  test.each(["0g", "012", "ab".repeat(33), "AQIDBAUGBwgJCgsMDQ4PEA==", "é"])(
    "%j becomes one that the kernel rejects",
    (id) => {
      const span = spanOf(`"traceId":"${id}","spanId":"${id}","links":[{"spanId":"${id}"}]`);
      const lengths = [span.traceId.length, span.spanId.length, span.links[0].spanId.length];
      expect(lengths).toEqual([1, 1, 1]);
    },
  );
});

test("enums by name and by number", () => {
  expect(spanOf('"kind":"SPAN_KIND_CLIENT","status":{"code":"STATUS_CODE_ERROR"}')).toMatchObject({
    kind: 3,
    status: { code: 2 },
  });
  expect(spanOf('"kind":3').kind).toBe(3);
  expect(spanOf('"kind":99').kind).toBe(99);
  expect(() => spanOf('"kind":"CLIENT"')).toThrow("unknown name");
});

describe("what is not there", () => {
  test("null is absent", () => {
    const span = spanOf('"name":null,"attributes":null,"status":null,"kind":null,"traceId":null');
    expect(span).toEqual(spanOf(""));
    expect(attributeOf('"key":"k","value":null').value).toBeUndefined();
    expect(anyValueOf('"intValue":null')).toEqual({ case: undefined });
  });

  test("unknown fields, however nested, and never beyond reason", () => {
    const nested = (depth: number) => `${'{"a":['.repeat(depth / 2)}${"]}".repeat(depth / 2)}`;
    expect(spanOf(`"new":${nested(510)},"name":"n"`).name).toBe("n");
    expect(() => spanOf(`"new":${nested(514)}`)).toThrow("nested too deep");
    expect(() => spanOf(`"new":${"[".repeat(1_000_000)}`)).toThrow("nested too deep");
  });

  test("values deeper than the kernel takes end where it rejects them", () => {
    const nested = (depth: number) =>
      `${'"arrayValue":{"values":[{'.repeat(depth)}${"}]}".repeat(depth)}`;
    const depthOf = (value: AnyValue["value"] | undefined): number =>
      value?.case === "arrayValue" ? 1 + depthOf(value.value.values[0]?.value) : 0;
    expect(depthOf(anyValueOf(nested(40)))).toBe(40);
    expect(depthOf(anyValueOf(nested(60)))).toBeGreaterThan(40);
    expect(depthOf(anyValueOf(nested(60)))).toBeLessThan(63);
    expect(() => anyValueOf(nested(5000))).toThrow("nested too deep");
  });
});

test.each([
  ...["", " ", "{", "[]", "null", "nul", '{"a"}', '{"a":}', '{"a":1,}', '{,"a":1}', "{}{}", "{}x"],
  ...['{"resourceSpans":{}}', '{"resourceSpans":[{},]}', '{"resourceSpans":[null]}', "{'a':1}"],
  ...['{"resourceSpans":[1]}', '{"a":[1 2]}', '{"a":1 "b":2}', '{"a" 1}', '{"a":tru}', '{"a":"x'],
  ...['{"a":1}}', '{"a":[}', '{"a":01}', '{"a":1.}', '{"a":"\\ud8"}', "\ufeff{}", "{}\0"],
])("%j is malformed", (text) => {
  expect(() => translate(text)).toThrow(
    expect.objectContaining({
      code: "malformed",
      message: expect.stringMatching(/^json: .* byte/),
    }),
  );
  expect(translate("{}")).toHaveLength(0);
});

test("a request that is too large as OTLP is refused, and the next one is not", () => {
  const small = new OtlpJson(1000);
  const text = `{"resourceSpans":[${'{"schemaUrl":"0123456789"},'.repeat(90)}{}]}`;
  expect(small.toOtlp(encode(text)).length).toBe(90 * 14 + 2);
  const large = `{"resourceSpans":[${'{"schemaUrl":"0123456789"},'.repeat(9000)}{}]}`;
  expect(() => small.toOtlp(encode(large))).toThrow("over 1000 bytes as OTLP");
  expect(small.toOtlp(encode("{}"))).toHaveLength(0);
});
