import { fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { EngineError } from "../../src/base/error.ts";
import { prng } from "../../src/base/prng.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { TraceSchema } from "../../src/proto-gen/tempopb/tempo_pb.ts";
import { JsonBytes } from "../../src/query/json-bytes.ts";
import { type ProtoShape, span, trace } from "../../src/query/otlp-shape.ts";
import { joined } from "../../src/query/proto-cursor.ts";
import { writeProtoJson } from "../../src/query/proto-json.ts";
import { encodedTrace, randomTrace } from "./random-trace.ts";

function jsonText(bytes: Uint8Array, shape: ProtoShape): string {
  const out = new JsonBytes();
  writeProtoJson(out, bytes, shape);
  return new TextDecoder("utf-8", { fatal: true }).decode(joined(out.finish()));
}

const hex = (digits: string) => Uint8Array.fromHex(digits.replaceAll(" ", ""));

describe("one span", () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "{}"],
    ["zeros and empty texts", "1200 2a00 3000 5000 390000000000000000", "{}"],
    ["an id in base64", "1208 0000000000000001", '{"spanId":"AAAAAAAAAAE="}'],
    ["a kind by name", "3002", '{"kind":"SPAN_KIND_SERVER"}'],
    ["a kind without a name", "3063", '{"kind":99}'],
    ["a negative kind", "30 ffffffffffffffffff01", '{"kind":-1}'],
    ["a time as text", "39 ffffffffffffffff", '{"startTimeUnixNano":"18446744073709551615"}'],
    ["a count as number", "50 ffffffff0f", '{"droppedAttributesCount":4294967295}'],
    ["flags", "8501 ffffffff", '{"flags":4294967295}'],
    ["an empty status", "7a00", '{"status":{}}'],
    ["escapes", "2a05 22 5c 0a 01 2f", '{"name":"\\"\\\\\\n\\u0001/"}'],
    ["an attribute without value", "4a03 0a0161", '{"attributes":[{"key":"a"}]}'],
    ["an empty value", "4a05 0a0161 1200", '{"attributes":[{"key":"a","value":{}}]}'],
    ["an empty text", "4a04 1202 0a00", '{"attributes":[{"value":{"stringValue":""}}]}'],
    ["false", "4a04 1202 1000", '{"attributes":[{"value":{"boolValue":false}}]}'],
    ["an integer 0", "4a04 1202 1800", '{"attributes":[{"value":{"intValue":"0"}}]}'],
    [
      "an integer -1",
      "4a0d 120b 18ffffffffffffffffff01",
      '{"attributes":[{"value":{"intValue":"-1"}}]}',
    ],
    ["minus zero", "4a0b 1209 210000000000000080", '{"attributes":[{"value":{"doubleValue":-0}}]}'],
    [
      "not a number",
      "4a0b 1209 21000000000000f87f",
      '{"attributes":[{"value":{"doubleValue":"NaN"}}]}',
    ],
    [
      "minus infinity",
      "4a0b 1209 21000000000000f0ff",
      '{"attributes":[{"value":{"doubleValue":"-Infinity"}}]}',
    ],
    ["no bytes", "4a04 1202 3a00", '{"attributes":[{"value":{"bytesValue":""}}]}'],
    ["bytes", "4a06 1204 3a02ff00", '{"attributes":[{"value":{"bytesValue":"/wA="}}]}'],
    ["an empty list", "4a04 1202 2a00", '{"attributes":[{"value":{"arrayValue":{}}}]}'],
    [
      "a list with an empty value",
      "4a06 1204 2a02 0a00",
      '{"attributes":[{"value":{"arrayValue":{"values":[{}]}}}]}',
    ],
    ["an unknown field", "2a0161 c23e0178 3003", '{"name":"a","kind":"SPAN_KIND_CLIENT"}'],
    ["the last of two texts", "2a0161 3003 2a0162", '{"name":"b","kind":"SPAN_KIND_CLIENT"}'],
    [
      "lists in two runs",
      "4a03 0a0161 2a0178 4a03 0a0162",
      '{"attributes":[{"key":"a"},{"key":"b"}],"name":"x"}',
    ],
    ["a status in two parts", "7a0212 00 7a02 1802", '{"status":{"code":"STATUS_CODE_ERROR"}}'],
    [
      "the last member of a oneof",
      "4a07 1205 0a0161 1005",
      '{"attributes":[{"value":{"boolValue":true}}]}',
    ],
  ];
  test.each(cases)("%s", (_name, bytes, json) => {
    expect(jsonText(hex(bytes), span)).toBe(json);
  });

  const damaged: readonly (readonly [string, string])[] = [
    ["a length past the end", "2a05 61"],
    ["a varint past the end", "30ff"],
    ["a varint of eleven bytes", "30 ffffffffffffffffffff01"],
    ["a group", "4b 4c"],
    ["a wrong wire type", "28 01"],
    ["field number zero", "00 01"],
    ["half a time", "39 00000000"],
    ["an inner end past the outer", "4a03 0a0561 62626262"],
  ];
  test.each(damaged)("%s is damage", (_name, bytes) => {
    expect(() => jsonText(hex(bytes), span)).toThrow(EngineError);
  });

  test("values nested without end are damage, in bounded time", () => {
    let value = new Uint8Array();
    for (let depth = 0; depth < 60; depth++) {
      value = Uint8Array.from([0x2a, value.length + 2, 0x0a, value.length, ...value]);
    }
    const attribute = Uint8Array.from([0x12, value.length, ...value]);
    const bytes = Uint8Array.from([0x4a, attribute.length, ...attribute]);
    expect(value.length).toBeGreaterThan(127);
    expect(() => jsonText(bytes, span)).toThrow(EngineError);
  });
});

/** protobuf-es prints what has no JSON number differently in nothing but minus zero. */
function expected(bytes: Uint8Array): JsonValue {
  return JSON.parse(JSON.stringify(toJson(TraceSchema, fromBinary(TraceSchema, bytes))));
}

describe("against protobuf-es", () => {
  test("500 random traces (seed 7)", () => {
    const random = prng(7);
    for (let i = 0; i < 500; i++) {
      const bytes = encodedTrace(randomTrace(random));
      expect(JSON.parse(jsonText(bytes, trace))).toEqual(expected(bytes));
    }
  });

  test("two traces after each other are one (seed 8)", () => {
    const random = prng(8);
    for (let i = 0; i < 300; i++) {
      const first = encodedTrace(randomTrace(random));
      const bytes = Uint8Array.from([...first, ...encodedTrace(randomTrace(random))]);
      expect(JSON.parse(jsonText(bytes, trace))).toEqual(expected(bytes));
    }
  });

  test("fields in any order (seed 9)", () => {
    const random = prng(9);
    const pieces = [
      "0a0161",
      "2a0162",
      "2a00",
      "3001",
      "3005",
      "4a03 0a0163",
      "4a04 1202 0a00",
      "4a07 1205 1001 0a0164",
      "7a021802",
      "7a031201 65",
      "5a03120166",
      "c23e0178",
    ];
    for (let i = 0; i < 2_000; i++) {
      const picked = Array.from({ length: 1 + random.below(8) }, () => random.below(pieces.length));
      const bytes = hex(picked.map((index) => pieces[index]).join(""));
      expect(JSON.parse(jsonText(bytes, span))).toEqual(
        toJson(SpanSchema, fromBinary(SpanSchema, bytes)),
      );
    }
  });

  test("mutated bytes give JSON or damage, never anything else (seed 10)", () => {
    const random = prng(10);
    const seen = { json: 0, damage: 0 };
    for (let i = 0; i < 3_000; i++) {
      const bytes = encodedTrace(randomTrace(random));
      for (let flips = random.below(4); flips >= 0; flips--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      const cut = random.below(3) === 0 ? bytes.subarray(0, random.below(bytes.length + 1)) : bytes;
      try {
        const out = new JsonBytes();
        writeProtoJson(out, cut, trace);
        JSON.parse(new TextDecoder().decode(joined(out.finish())));
        seen.json++;
      } catch (error) {
        expect(error).toBeInstanceOf(EngineError);
        seen.damage++;
      }
    }
    expect(seen.json).toBeGreaterThan(300);
    expect(seen.damage).toBeGreaterThan(300);
  });
});
