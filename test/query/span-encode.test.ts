import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import type { SpanRow } from "../../src/model/span-row.ts";
import { SpanSchema } from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { ProtoWriter } from "../../src/query/proto-writer.ts";
import { encodeSpan } from "../../src/query/span-encode.ts";
import { OtlpGenerator } from "../support/otlp-generator.ts";
import { canonical, hex, plainSpan, rowOf, TRACE_ID, utf8 } from "./span-rows.ts";

function encoded(row: SpanRow, traceId: Uint8Array = TRACE_ID): Uint8Array {
  const out = new ProtoWriter();
  encodeSpan(out, traceId, row);
  return out.written(0, out.length).slice();
}

describe("an encoded span", () => {
  test.each([1, 2, 3])("decodes to what its columns say, seed %i", (seed) => {
    const generator = new OtlpGenerator(prng(seed), 3);
    for (let i = 0; i < 1500; i++) {
      const span = generator.span();
      const message = encoded(rowOf(span), span.traceId);
      expect(canonical(fromBinary(SpanSchema, message))).toBe(canonical(span));
    }
  });

  test("has its fields in the order of their numbers", () => {
    const generator = new OtlpGenerator(prng(4), 1);
    for (let i = 0; i < 300; i++) {
      const numbers = fieldsOf(encoded(rowOf(generator.span())));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
  });

  test("is as short as can be, but for the status", () => {
    const span = plainSpan(1, { name: "", kind: 0 });
    const ids = `0a10${hex(TRACE_ID)}12080000000000000001`;
    expect(hex(encoded(rowOf(span)))).toBe(`${ids}7a00`);
  });

  test("is the message as sent when there is one", () => {
    const otlp = utf8("whatever was sent");
    expect(encoded({ ...rowOf(plainSpan(1)), otlp })).toEqual(otlp);
  });

  test("may have messages inside of any length", () => {
    for (const length of [0, 1, 100, 120, 127, 128, 129, 16_370, 16_384, 70_000, 2_100_000]) {
      const span = plainSpan(1);
      const stringValue = { case: "stringValue" as const, value: "x".repeat(length) };
      const attributes = [{ key: "k", value: { value: stringValue } }];
      const row = rowOf(span);
      const value = utf8(stringValue.value);
      const message = encoded({
        ...row,
        attributes: [{ type: "string", key: utf8("k"), value }],
        statusMessage: value,
      });
      const decoded = fromBinary(SpanSchema, message);
      expect(decoded.attributes[0].value?.value).toEqual(attributes[0].value.value);
      expect(decoded.status?.message.length).toBe(length);
    }
  });
});

/** Field numbers of a message as they follow each other. */
function fieldsOf(message: Uint8Array): number[] {
  const numbers: number[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = message[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    numbers.push(Math.floor(tag / 8));
    const wire = tag % 8;
    if (wire === 1 || wire === 5) at += wire === 1 ? 8 : 4;
    else {
      const value = varint();
      if (wire === 2) at += value;
    }
  }
  expect(at).toBe(message.length);
  return numbers;
}
