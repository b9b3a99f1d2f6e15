/** What the writer writes is what protobuf-es writes of the same message, byte for byte. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { prng } from "../../src/base/prng.ts";
import { ExportTraceServiceRequestSchema } from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type KeyValue,
  KeyValueSchema,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  END_TIME,
  PARENT_SPAN_ID,
  RESOURCE,
  RESOURCE_ATTRIBUTE,
  RESOURCE_SPANS,
  SCOPE_SPANS,
  SPAN,
  SPAN_ATTRIBUTE,
  SPAN_FLAGS,
  SPAN_ID,
  SPAN_KIND,
  SPAN_NAME,
  START_TIME,
  STATUS,
  STATUS_CODE,
  TRACE_ID,
} from "../../src/receive/otlp-tags.ts";
import { ARRAY_ELEMENT, KEY_VALUE, OtlpWriter } from "../../src/receive/otlp-write.ts";
import { isSameText, type Text, textOf } from "../../src/receive/text.ts";

const MiB = 1 << 20;
const bytesOf = (bytes: Uint8Array): Text => ({ bytes, from: 0, to: bytes.length });
const keyValue = (key: string, value: KeyValue["value"]): KeyValue =>
  create(KeyValueSchema, { key, value });

test.each([0, 1, 90, 97, 127, 128, 130, 16_300, 16_384, 3 * MiB])(
  "a span with a text of %i bytes",
  (length) => {
    const random = prng(length);
    const [traceId, spanId, parentSpanId] = [random.bytes(16), random.bytes(8), random.bytes(8)];
    const long = "é".repeat(length >> 1) + "x".repeat(length & 1);
    const writer = new OtlpWriter({ bytesMax: 20 * MiB, mendText: true });
    const resourceSpans = writer.begin(RESOURCE_SPANS, 3);
    const resource = writer.begin(RESOURCE, 1);
    writer.stringAttribute(RESOURCE_ATTRIBUTE, textOf("service.name"), textOf("shop"));
    writer.end(resource);
    const scopeSpans = writer.begin(SCOPE_SPANS, 3);
    const span = writer.begin(SPAN, 2);
    writer.bytes(TRACE_ID, bytesOf(traceId));
    writer.bytes(SPAN_ID, bytesOf(spanId));
    writer.bytes(PARENT_SPAN_ID, bytesOf(parentSpanId));
    if (long !== "") writer.text(SPAN_NAME, textOf(long));
    writer.int32(SPAN_KIND, -2);
    writer.fixed64(START_TIME, 5, 0xffff_ffff);
    writer.fixed64(END_TIME, 0xffff_fffe, 1);
    writer.stringAttribute(SPAN_ATTRIBUTE, textOf(long), textOf(""));
    writer.stringAttribute(SPAN_ATTRIBUTE, textOf("long"), textOf(long));
    for (const value of INTS) writer.intAttribute(SPAN_ATTRIBUTE, textOf("int"), value);
    writer.doubleAttribute(SPAN_ATTRIBUTE, textOf("double"), -0);
    writer.boolAttribute(SPAN_ATTRIBUTE, textOf("no"), false);
    writer.boolAttribute(SPAN_ATTRIBUTE, textOf("yes"), true);
    writer.bytesAttribute(SPAN_ATTRIBUTE, textOf("bytes"), bytesOf(traceId));
    const list = writer.beginAttribute(SPAN_ATTRIBUTE, textOf("list"));
    const value = writer.begin(KEY_VALUE, 1);
    const array = writer.begin(0x2a, 1);
    writer.stringValue(ARRAY_ELEMENT, textOf(long));
    writer.intValue(ARRAY_ELEMENT, 0, 0x8000_0000);
    writer.end(array);
    writer.end(value);
    writer.end(list);
    const status = writer.begin(STATUS, 1);
    writer.varint(STATUS_CODE, 2);
    writer.end(status);
    writer.fixed32(SPAN_FLAGS, 0xffff_ffff);
    writer.end(span);
    writer.end(scopeSpans);
    writer.end(resourceSpans);

    const string = (text: string) => ({ value: { case: "stringValue" as const, value: text } });
    const whole = (int: bigint) => ({ value: { case: "intValue" as const, value: int } });
    const bool = (flag: boolean) => ({ value: { case: "boolValue" as const, value: flag } });
    const values = [string(long), whole(-(2n ** 63n))];
    const expected = create(ExportTraceServiceRequestSchema, {
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: string("shop") }] },
          scopeSpans: [
            {
              spans: [
                {
                  ...{ traceId, spanId, parentSpanId, name: long },
                  kind: -2 as 0,
                  startTimeUnixNano: (0xffff_ffffn << 32n) | 5n,
                  endTimeUnixNano: 0x1_ffff_fffen,
                  attributes: [
                    { key: long, value: string("") },
                    { key: "long", value: string(long) },
                    ...INTS.map((int) => ({ key: "int", value: whole(BigInt(int)) })),
                    { key: "double", value: { value: { case: "doubleValue", value: -0 } } },
                    { key: "no", value: bool(false) },
                    { key: "yes", value: bool(true) },
                    { key: "bytes", value: { value: { case: "bytesValue", value: traceId } } },
                    { key: "list", value: { value: { case: "arrayValue", value: { values } } } },
                  ],
                  status: { code: 2 },
                  flags: 0xffff_ffff,
                },
              ],
            },
          ],
        },
      ],
    });
    const bytes = toBinary(ExportTraceServiceRequestSchema, expected);
    expect(writer.length).toBe(bytes.length);
    expect(Buffer.compare(writer.written(), bytes)).toBe(0);
    writer.clear();
    expect(writer.written()).toHaveLength(0);
  },
);

const INTS = [0, 1, -1, 127, 128, 2 ** 31, 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53) + 1];

test.each([
  ["a byte that begins nothing", [0x61, 0xff, 0x62], "a\ufffdb"],
  ["a surrogate", [0xed, 0xa0, 0x80], "\ufffd\ufffd\ufffd"],
  ["a cut letter", [0xe2, 0x82], "\ufffd"],
  ["Latin-1", [0xe9, 0x20], "\ufffd "],
  ["a byte order mark is kept", [0xef, 0xbb, 0xbf, 0x61], "\ufeffa"],
  ["a long one", [...Array(200).fill(0x61), 0xff], `${"a".repeat(200)}\ufffd`],
])("text that is not UTF-8 is mended: %s", (_name, bytes, text) => {
  for (const mendText of [true, false]) {
    const writer = new OtlpWriter({ bytesMax: MiB, mendText });
    writer.stringAttribute(0x0a, textOf("k"), bytesOf(Uint8Array.from(bytes)));
    const written = writer.written();
    if (mendText) {
      const attribute = written.subarray(written.length > 130 ? 3 : 2);
      const expected = keyValue("k", undefined);
      expected.value = fromBinary(KeyValueSchema, attribute).value;
      expect(expected.value?.value).toEqual({ case: "stringValue", value: text });
    } else expect([...written.subarray(written.length - bytes.length)]).toEqual(bytes);
  }
});

test("a request that grows over the bound is too large", () => {
  const writer = new OtlpWriter({ bytesMax: 100_000, mendText: true });
  const name = textOf("x".repeat(1000));
  const write = () => {
    for (let i = 0; i < 200; i++) writer.text(SPAN_NAME, name);
  };
  expect(write).toThrow("over 100000 bytes as OTLP");
  writer.clear();
  writer.text(SPAN_NAME, name);
  expect(writer.length).toBe(1003);
});

test("texts are compared by their bytes", () => {
  const text = textOf("shop shop shot");
  const at = (from: number, to: number): Text => ({ ...text, from, to });
  expect(isSameText(at(0, 4), at(5, 9))).toBe(true);
  expect(isSameText(at(0, 4), at(10, 14))).toBe(false);
  expect(isSameText(at(0, 4), at(0, 3))).toBe(false);
});
