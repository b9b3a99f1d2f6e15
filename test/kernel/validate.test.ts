import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { MALFORMED, OK } from "../../native/src/layout.ts";
import { prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import { HeadKernel } from "../support/head-kernel.ts";
import { anyField, BYTES, FIXED32, FIXED64, field, join, tag, VARINT, varint } from "./wire.ts";

const kernel = new HeadKernel();
const ascii = (text: string) => new TextEncoder().encode(text);
const TRACE_ID = field(
  1,
  Uint8Array.from({ length: 16 }, (_, i) => i + 1),
);
const SPAN_ID = field(
  2,
  Uint8Array.from({ length: 8 }, (_, i) => i + 1),
);
const IDS = join(TRACE_ID, SPAN_ID);

const inRequest = (bytes: Uint8Array) => bytes;
const inResourceSpans = (bytes: Uint8Array) => field(1, bytes);
const inScopeSpans = (bytes: Uint8Array) => inResourceSpans(field(2, bytes));
const inSpan = (bytes: Uint8Array) => inScopeSpans(field(2, join(IDS, bytes)));
/** A resource or scope that is bad rejects what is under it: one span. */
const inResource = (bytes: Uint8Array) =>
  inResourceSpans(join(field(1, bytes), field(2, field(2, IDS))));
const inEntityRef = (bytes: Uint8Array) => inResource(field(3, bytes));
const inScope = (bytes: Uint8Array) => inScopeSpans(join(field(1, bytes), field(2, IDS)));
const inKeyValue = (bytes: Uint8Array) => inSpan(field(9, bytes));
const inAnyValue = (bytes: Uint8Array) => inKeyValue(join(field(1, ascii("k")), field(2, bytes)));
const inEvent = (bytes: Uint8Array) => inSpan(field(11, bytes));
const inLink = (bytes: Uint8Array) => inSpan(field(13, bytes));
const inStatus = (bytes: Uint8Array) => inSpan(field(15, bytes));
const inArray = (bytes: Uint8Array) => inAnyValue(field(5, bytes));
const inKvlist = (bytes: Uint8Array) => inAnyValue(field(6, bytes));

const V = VARINT;
const B = BYTES;
const D = FIXED64;
const F = FIXED32;
type Place = (bytes: Uint8Array) => Uint8Array;
/** The wire type of each field of each message. */
const MESSAGES: readonly (readonly [string, Place, Readonly<Record<number, number>>])[] = [
  ["request", inRequest, { 1: B }],
  ["ResourceSpans", inResourceSpans, { 1: B, 2: B, 3: B }],
  ["Resource", inResource, { 1: B, 2: V, 3: B }],
  ["EntityRef", inEntityRef, { 1: B, 2: B, 3: B, 4: B }],
  ["ScopeSpans", inScopeSpans, { 1: B, 2: B, 3: B }],
  ["InstrumentationScope", inScope, { 1: B, 2: B, 3: B, 4: V }],
  [
    "Span",
    inSpan,
    { 3: B, 4: B, 5: B, 6: V, 7: D, 8: D, 9: B, 10: V, 11: B, 12: V, 13: B, 14: V, 15: B, 16: F },
  ],
  ["Span.Event", inEvent, { 1: D, 2: B, 3: B, 4: V }],
  ["Span.Link", inLink, { 1: B, 2: B, 3: B, 4: B, 5: V, 6: F }],
  ["Status", inStatus, { 2: B, 3: V }],
  ["KeyValue", inKeyValue, { 1: B, 2: B, 3: V }],
  ["AnyValue", inAnyValue, { 1: B, 2: V, 3: V, 4: D, 5: B, 6: B, 7: B, 8: V }],
  ["ArrayValue", inArray, { 1: B }],
  ["KeyValueList", inKvlist, { 1: B }],
];

const code = (request: Uint8Array) => kernel.validate(request).code;

describe("wire types", () => {
  test.each(MESSAGES)("%s: every known field has one", (_, place, wires) => {
    for (const [number, right] of Object.entries(wires)) {
      for (let wire = 0; wire < 8; wire++) {
        const request = place(anyField(Number(number), wire));
        expect([number, wire, code(request)]).toEqual([
          number,
          wire,
          wire === right ? OK : MALFORMED,
        ]);
      }
    }
  });

  test.each(MESSAGES)("%s: fields of numbers that nobody knows are skipped", (_, place) => {
    for (const wire of [V, D, B, F, 3]) {
      expect(code(place(anyField(1000, wire)))).toBe(OK);
      const deep = join(tag(1000, 3), anyField(1, 3), anyField(7, wire), tag(1000, 4));
      expect(code(place(deep))).toBe(OK);
    }
    expect(code(place(tag(1000, 3)))).toBe(MALFORMED);
    expect(code(place(join(tag(1000, 3), tag(1001, 4))))).toBe(MALFORMED);
    expect(code(place(tag(1000, 4)))).toBe(MALFORMED);
    expect(code(place(tag(1000, 6)))).toBe(MALFORMED);
    for (const wire of [V, B, 3]) expect(code(place(tag(0, wire)))).toBe(MALFORMED);
  });

  test("groups nest to a bound", () => {
    const nested = (depth: number) =>
      join(
        ...Array.from({ length: depth }, () => tag(1000, 3)),
        ...Array.from({ length: depth }, () => tag(1000, 4)),
      );
    expect(code(inSpan(nested(64)))).toBe(OK);
    expect(code(inSpan(nested(65)))).toBe(MALFORMED);
    expect(code(inSpan(nested(100_000)))).toBe(MALFORMED);
  });
});

describe("varints", () => {
  const long = (bytes: number, last: number) =>
    Uint8Array.from({ length: bytes }, (_, i) => (i < bytes - 1 ? 0x80 : last));
  test.each([
    ["one byte", long(1, 1), OK],
    ["ten bytes", long(10, 1), OK],
    ["more than 64 bits", long(10, 2), MALFORMED],
    ["eleven bytes", long(11, 0), MALFORMED],
    ["no end", long(3, 0x80), MALFORMED],
  ])("%s", (_, value, expected) => {
    expect(code(inSpan(join(tag(6, V), value)))).toBe(expected);
    expect(code(inAnyValue(join(tag(3, V), value)))).toBe(expected);
    expect(code(inSpan(join(tag(500, V), value)))).toBe(expected);
  });

  test("tags and lengths may be written long, but not past what they can be", () => {
    expect(code(inSpan(Uint8Array.of(0xaa, 0x80, 0x00, 0x81, 0x80, 0x00, 0x41)))).toBe(OK);
    expect(code(inSpan(join(varint(2 ** 32 + 0x2a), varint(0))))).toBe(MALFORMED);
    for (const length of [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 52]) {
      expect(code(inSpan(join(tag(5, B), varint(length), ascii("abc"))))).toBe(MALFORMED);
      expect(code(inSpan(join(tag(999, B), varint(length), ascii("abc"))))).toBe(MALFORMED);
    }
  });
});

describe("ends", () => {
  test.each(MESSAGES)("%s: a field may not reach past its message", (_, place, wires) => {
    // What follows in memory is good, so only the end itself can tell.
    const behind = new Uint8Array(64).fill(0);
    for (const [number, wire] of Object.entries(wires)) {
      const cut = anyField(Number(number), wire);
      if (wire === B) {
        const request = place(field(Number(number), new Uint8Array(), 1));
        expect(kernel.validate(join(request, field(1, new Uint8Array()))).code).toBe(MALFORMED);
        expect(kernel.validate(request, behind).code).toBe(MALFORMED);
      }
      const request = place(cut.subarray(0, cut.length - 1));
      expect([number, kernel.validate(request, behind).code]).toEqual([number, MALFORMED]);
    }
  });

  test("a request that is cut is malformed wherever protobuf-es says so", () => {
    const one = inAnyValue(field(1, ascii("value")));
    const request = join(one, inEvent(field(2, ascii("event"))), inLink(IDS), inScope(IDS));
    for (let length = 0; length <= request.length; length++) {
      const part = request.slice(0, length);
      const behind = request.slice(length);
      const isWhole = parsed(part) !== undefined;
      expect([length, kernel.validate(part, behind).code === OK]).toEqual([length, isWhole]);
    }
  });
});

describe("spans that are rejected alone", () => {
  const good = field(2, IDS);
  const count = (span: Uint8Array) =>
    kernel.validate(inScopeSpans(join(good, field(2, span), good)));
  const NONE = { code: OK, spans: 3, badTraceId: 0, badSpanId: 0, badUtf8: 0, overLimit: 0 };
  const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

  test("ids", () => {
    for (const length of [0, 1, 15, 17, 32]) {
      const id = field(1, bytes(length, 1));
      expect(count(join(id, SPAN_ID))).toEqual({ ...NONE, badTraceId: 1 });
    }
    expect(count(join(field(1, bytes(16, 0)), SPAN_ID))).toEqual({ ...NONE, badTraceId: 1 });
    expect(count(SPAN_ID)).toEqual({ ...NONE, badTraceId: 1 });
    expect(count(new Uint8Array())).toEqual({ ...NONE, badTraceId: 1 });
    for (const length of [0, 1, 7, 9, 16]) {
      const id = field(2, bytes(length, 1));
      expect(count(join(TRACE_ID, id))).toEqual({ ...NONE, badSpanId: 1 });
    }
    expect(count(join(TRACE_ID, field(2, bytes(8, 0))))).toEqual({ ...NONE, badSpanId: 1 });
    expect(count(TRACE_ID)).toEqual({ ...NONE, badSpanId: 1 });
    for (const [length, bad] of [
      [0, 0],
      [8, 0],
      [7, 1],
      [9, 1],
      [16, 1],
    ] as const) {
      expect(count(join(IDS, field(4, bytes(length, 1))))).toEqual({ ...NONE, badSpanId: bad });
    }
    for (const [number, length, bad] of [
      [1, 0, 0],
      [1, 16, 0],
      [1, 15, 1],
      [2, 8, 0],
      [2, 9, 1],
    ] as const) {
      const link = field(13, field(number, bytes(length, 1)));
      expect(count(join(IDS, link))).toEqual({ ...NONE, badSpanId: bad });
    }
  });

  test("the last of several ids counts", () => {
    const bad = field(1, bytes(3, 1));
    expect(count(join(IDS, bad))).toEqual({ ...NONE, badTraceId: 1 });
    expect(count(join(bad, IDS))).toEqual(NONE);
    expect(count(join(field(2, bytes(8, 0)), IDS))).toEqual(NONE);
  });

  test("values that nest too deeply, without end and without a trap", () => {
    const nested = (depth: number, number: 5 | 6): Uint8Array => {
      let value = field(1, ascii("x"));
      for (let i = 0; i < depth; i++) {
        value = field(number, field(1, number === 5 ? value : field(2, value)));
      }
      return join(IDS, field(9, field(2, value)));
    };
    for (const number of [5, 6] as const) {
      expect(count(nested(32, number))).toEqual(NONE);
      for (const depth of [33, 34, 500]) {
        expect(count(nested(depth, number))).toEqual({ ...NONE, overLimit: 1 });
      }
    }
  });

  test("what stands behind spans rejects those of its own group alone", () => {
    const bad = Uint8Array.of(0xff);
    const spans = (count: number) => join(...Array.from({ length: count }, () => field(2, IDS)));
    const first = field(2, join(spans(2), field(3, ascii("url"))));
    const second = field(2, join(spans(3), field(3, bad), spans(1)));
    const resource = field(1, field(1, field(1, bad)));
    const request = join(
      inResourceSpans(join(first, second)),
      inResourceSpans(join(first, resource)),
      inResourceSpans(join(field(1, new Uint8Array()), first)),
    );
    expect(kernel.validate(request)).toEqual({ ...NONE, spans: 10, badUtf8: 6 });
  });

  test("more attributes than can be numbered", () => {
    const attributes = (count: number) =>
      join(IDS, ...Array.from({ length: count }, () => field(9, field(1, ascii("k")))));
    expect(count(attributes(65_535))).toEqual(NONE);
    expect(count(attributes(65_536))).toEqual({ ...NONE, overLimit: 1 });
  });

  const TEXTS: readonly (readonly [string, (text: Uint8Array) => Uint8Array])[] = [
    ["name", (text) => inSpan(field(5, text))],
    ["trace state", (text) => inSpan(field(3, text))],
    ["key", (text) => inKeyValue(field(1, text))],
    ["value", (text) => inAnyValue(field(1, text))],
    ["element", (text) => inArray(field(1, field(1, text)))],
    ["inner key", (text) => inKvlist(field(1, field(1, text)))],
    ["status message", (text) => inStatus(field(2, text))],
    ["event name", (text) => inEvent(field(2, text))],
    ["event key", (text) => inEvent(field(3, field(1, text)))],
    ["link trace state", (text) => inLink(field(3, text))],
    ["resource key", (text) => inResource(field(1, field(1, text)))],
    ["entity ref", (text) => inEntityRef(field(4, text))],
    ["scope name", (text) => inScope(field(1, text))],
    ["scope version", (text) => inScope(field(2, text))],
    ["resource URL", (text) => inResourceSpans(join(field(2, good), field(3, text)))],
    ["scope URL", (text) => inScopeSpans(join(good, field(3, text)))],
  ];

  test.each(TEXTS)("UTF-8: %s", (_, place) => {
    const random = prng(31);
    for (let i = 0; i < 300; i++) {
      const text = nearUtf8(random);
      const isBad = !isUtf8(text);
      // What follows in memory goes on as if the text did.
      const verdict = kernel.validate(place(text), new Uint8Array(64).fill(0x80));
      expect([text.toHex(), verdict]).toEqual([
        text.toHex(),
        { ...NONE, spans: 1, badUtf8: isBad ? 1 : 0 },
      ]);
    }
  });
});

/** Pieces of UTF-8, whole and cut, at the ends of what each length of sequence can say. */
function nearUtf8(random: ReturnType<typeof prng>): Uint8Array {
  const pieces = [
    "61",
    "00",
    "c3a9",
    "c280",
    "c080",
    "c1bf",
    "e6bca2",
    "e0a080",
    "e09fbf",
    "ed9fbf",
    "eda080",
    "ee8080",
    "efbfbf",
    "f09f9880",
    "f0908080",
    "f08fbfbf",
    "f48fbfbf",
    "f4908080",
    "f5808080",
    "80",
    "bf",
    "c3",
    "e6bc",
    "f09f98",
    "ff",
    "fe",
  ];
  const good = ["61", "c3a9", "e6bca2", "f09f9880", "6162636465666768"];
  const from = random.below(2) === 0 ? good : pieces;
  const parts = Array.from({ length: random.below(12) }, () =>
    Uint8Array.fromHex(from[random.below(from.length)]),
  );
  if (random.below(3) === 0) parts.push(Uint8Array.fromHex(pieces[random.below(pieces.length)]));
  return join(...parts);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}

function parsed(bytes: Uint8Array): ExportTraceServiceRequest | undefined {
  try {
    return fromBinary(ExportTraceServiceRequestSchema, bytes);
  } catch {
    return undefined;
  }
}
