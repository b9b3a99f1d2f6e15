/**
 * Requests as no sane client sends them, but protobuf allows: every kind of value, empty and
 * repeated keys, one key with several types, extreme numbers, absent and empty parts.
 *
 * toWire() writes what protobuf-es would not: fields in another order, messages in pieces.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Prng } from "../../src/base/prng.ts";
import {
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "../../src/proto-gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
import {
  type AnyValue,
  AnyValueSchema,
  ArrayValueSchema as ARRAY,
  type InstrumentationScope,
  InstrumentationScopeSchema,
  type KeyValue,
  KeyValueSchema,
  KeyValueListSchema as KVLIST,
} from "../../src/proto-gen/opentelemetry/proto/common/v1/common_pb.ts";
import {
  type Resource,
  ResourceSchema,
} from "../../src/proto-gen/opentelemetry/proto/resource/v1/resource_pb.ts";
import {
  type ResourceSpans,
  ResourceSpansSchema,
  type ScopeSpans,
  ScopeSpansSchema,
  type Span,
  type Span_Event,
  Span_EventSchema,
  type Span_Link,
  Span_LinkSchema,
  SpanSchema,
} from "../../src/proto-gen/opentelemetry/proto/trace/v1/trace_pb.ts";
import { ProtoWriter } from "../../src/query/proto-writer.ts";

const KEYS = [
  "",
  "a",
  "http.method",
  "key:int",
  "ключ",
  "k\u0000",
  "service.name",
  "x".repeat(200),
];
const TEXTS = ["", "a", "GET", "naïve", "漢字", "😀", '\u0000\n"\\', "y".repeat(130), "\u{10ffff}"];
const INT64S = [0n, 1n, -1n, 127n, 128n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const DOUBLES = [0, -0, 1.5, -1, 5e-324, 1.7976931348623157e308, Infinity, -Infinity, NaN];
const COUNTS = [0, 0, 0, 1, 127, 128, 4_294_967_295];
const NANOS = [0n, 1n, 1_700_000_000_000_000_000n, 2n ** 63n, 2n ** 64n - 1n];

export class OtlpGenerator {
  readonly #random: Prng;
  readonly #traceIds: readonly Uint8Array<ArrayBuffer>[];
  #spans = 0;

  constructor(random: Prng, traces: number) {
    this.#random = random;
    this.#traceIds = Array.from({ length: traces }, (_, i) => this.#id(16, i % 3));
  }

  get traceIds(): readonly Uint8Array<ArrayBuffer>[] {
    return this.#traceIds;
  }

  request(): ExportTraceServiceRequest {
    return create(ExportTraceServiceRequestSchema, {
      resourceSpans: this.#some(4, () => this.#resourceSpans()),
    });
  }

  #resourceSpans(): ResourceSpans {
    return create(ResourceSpansSchema, {
      ...(this.#chance(4) && { resource: this.#resource() }),
      schemaUrl: this.#rarely() ? this.#pick(TEXTS) : "",
      scopeSpans: this.#some(3, () => this.#scopeSpans()),
    });
  }

  #scopeSpans(): ScopeSpans {
    return create(ScopeSpansSchema, {
      ...(this.#chance(4) && { scope: this.#scope() }),
      schemaUrl: this.#rarely() ? this.#pick(TEXTS) : "",
      spans: this.#some(6, () => this.span()),
    });
  }

  #resource(): Resource {
    return create(ResourceSchema, {
      attributes: this.#attributes(4),
      droppedAttributesCount: this.#count(),
      entityRefs: this.#rarely() ? [{ type: this.#text(), idKeys: [this.#text()] }] : [],
    });
  }

  #scope(): InstrumentationScope {
    return create(InstrumentationScopeSchema, {
      name: this.#text(),
      version: this.#text(),
      attributes: this.#rarely() ? this.#attributes(3) : [],
      droppedAttributesCount: this.#count(),
    });
  }

  /** Its id is new, with leading zeros now and then. */
  span(): Span {
    const random = this.#random;
    return create(SpanSchema, {
      traceId: this.#pick(this.#traceIds),
      spanId: this.#newSpanId(),
      parentSpanId: this.#pick([new Uint8Array(), new Uint8Array(8), this.#id(8, 2), this.#id(8)]),
      traceState: this.#rarely() ? this.#text() : "",
      flags: this.#count(),
      name: this.#text(),
      kind: this.#pick([0, 1, 2, 3, 4, 5, 6, 127, 128, 2_147_483_647, -1]) as Span["kind"],
      startTimeUnixNano: this.#nano(),
      endTimeUnixNano: this.#nano(),
      attributes: this.#attributes(random.below(20) === 0 ? 60 : 8),
      droppedAttributesCount: this.#count(),
      droppedEventsCount: this.#count(),
      droppedLinksCount: this.#count(),
      events: this.#some(3, () => this.#event()),
      links: this.#some(3, () => this.#link()),
      ...(this.#chance(3) && {
        status: { message: this.#text(), code: this.#pick([0, 1, 2, 3, 127, 128, -1]) as 0 },
      }),
    });
  }

  #event(): Span_Event {
    return create(Span_EventSchema, {
      timeUnixNano: this.#nano(),
      name: this.#text(),
      attributes: this.#attributes(4),
      droppedAttributesCount: this.#count(),
    });
  }

  #link(): Span_Link {
    if (this.#rarely()) return create(Span_LinkSchema, {});
    return create(Span_LinkSchema, {
      traceId: this.#pick([this.#id(16), new Uint8Array(16)]),
      spanId: this.#id(8, 3),
      traceState: this.#text(),
      attributes: this.#attributes(4),
      droppedAttributesCount: this.#count(),
      flags: this.#count(),
    });
  }

  #attributes(bound: number): KeyValue[] {
    return this.#some(bound, () =>
      create(KeyValueSchema, {
        key: this.#chance(8) ? this.#pick(KEYS) : `key.${this.#random.below(40)}`,
        ...(this.#chance(8) && { value: this.#value(0) }),
      }),
    );
  }

  #value(depth: number): AnyValue {
    const values = () => this.#some(4, () => this.#value(depth + 1));
    const kinds: (() => AnyValue["value"])[] = [
      () => ({ case: "stringValue", value: this.#text() }),
      () => ({ case: "boolValue", value: this.#chance(2) }),
      () => ({ case: "intValue", value: this.#pick(INT64S) }),
      () => ({ case: "doubleValue", value: this.#pick(DOUBLES) }),
      () => ({ case: undefined }),
      () => ({ case: "bytesValue", value: this.#bytes(this.#random.below(9)) }),
      () => ({ case: "arrayValue", value: create(ARRAY, { values: this.#alike() }) }),
      () => ({ case: "arrayValue", value: create(ARRAY, { values: values() }) }),
      () => ({ case: "kvlistValue", value: create(KVLIST, { values: this.#pairs(depth + 1) }) }),
    ];
    const kind = kinds[this.#random.below(depth > 4 ? 6 : kinds.length)];
    return create(AnyValueSchema, { value: kind() });
  }

  #pairs(depth: number): KeyValue[] {
    return this.#some(4, () =>
      create(KeyValueSchema, { key: this.#pick(KEYS), value: this.#value(depth) }),
    );
  }

  /** Elements of one type, as columns take them. */
  #alike(): AnyValue[] {
    const kinds: (() => AnyValue["value"])[] = [
      () => ({ case: "stringValue", value: this.#text() }),
      () => ({ case: "boolValue", value: this.#chance(2) }),
      () => ({ case: "intValue", value: this.#pick(INT64S) }),
      () => ({ case: "doubleValue", value: this.#pick(DOUBLES) }),
    ];
    const kind = this.#pick(kinds);
    return this.#some(5, () => create(AnyValueSchema, { value: kind() }));
  }

  #newSpanId(): Uint8Array<ArrayBuffer> {
    this.#spans++;
    const id = new Uint8Array(8);
    new DataView(id.buffer).setUint32(4, this.#spans);
    if (this.#chance(2)) id.set(this.#bytes(4));
    return id;
  }

  #id(length: number, zeros = 0): Uint8Array<ArrayBuffer> {
    const id = this.#bytes(length);
    id.fill(0, 0, zeros);
    id[length - 1] |= 1;
    return id;
  }

  #bytes(length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#random.bytes(length));
  }

  #text(): string {
    if (this.#rarely()) return "z".repeat(this.#random.below(3000));
    return this.#chance(2) ? this.#pick(TEXTS) : `value ${this.#random.below(1000)}`;
  }

  #count(): number {
    return this.#pick(COUNTS);
  }

  #nano(): bigint {
    return this.#chance(2) ? this.#pick(NANOS) : BigInt(this.#random.below(2 ** 32)) << 28n;
  }

  #some<Item>(bound: number, make: () => Item): Item[] {
    return Array.from({ length: this.#random.below(bound) }, make);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)];
  }

  /** True in all but one of `of`. */
  #chance(of: number): boolean {
    return this.#random.below(of) > 0;
  }

  #rarely(): boolean {
    return this.#random.below(12) === 0;
  }
}

/** Resource and scope behind the spans, URLs first, and each of them in two pieces. */
export function toWire(request: ExportTraceServiceRequest, random: Prng): Uint8Array {
  const out = new ProtoWriter();
  for (const group of request.resourceSpans) {
    const scopes = group.scopeSpans.map((inner) => {
      const spans = inner.spans.map((span) => field(MEMBER, toBinary(SpanSchema, span)));
      const scope = inner.scope && toBinary(InstrumentationScopeSchema, inner.scope);
      return field(MEMBER, mixed({ members: spans, message: scope, url: inner.schemaUrl, random }));
    });
    const resource = group.resource && toBinary(ResourceSchema, group.resource);
    const { schemaUrl: url } = group;
    out.field(MESSAGE, mixed({ members: scopes, message: resource, url, random }));
  }
  return out.written(0, out.length).slice();
}

const MESSAGE = 0x0a;
const MEMBER = 0x12;
const URL = 0x1a;

interface Mixed {
  readonly members: readonly Uint8Array[];
  readonly message: Uint8Array | undefined;
  readonly url: string;
  readonly random: Prng;
}

function mixed({ members, message, url, random }: Mixed): Uint8Array {
  const parts: Uint8Array[] = [...members];
  const at = () => random.below(parts.length + 1);
  if (url !== "") parts.splice(at(), 0, field(URL, new TextEncoder().encode(url)));
  if (message !== undefined) {
    // Pieces of a message are merged: fields may be cut apart anywhere between them.
    const cut = firstFieldEnd(message);
    const place = at();
    parts.splice(place, 0, field(MESSAGE, message.subarray(0, cut)));
    const behind = place + 1 + random.below(parts.length - place);
    parts.splice(behind, 0, field(MESSAGE, message.subarray(cut)));
  }
  return Buffer.concat(parts);
}

/** Where the first field of a message ends that begins with a length-delimited one; or all. */
function firstFieldEnd(message: Uint8Array): number {
  if (message.length < 2 || (message[0] & 7) !== 2 || message[1] > 127) return message.length;
  return 2 + message[1];
}

function field(tag: number, bytes: Uint8Array): Uint8Array {
  const out = new ProtoWriter();
  out.field(tag, bytes);
  return out.written(0, out.length).slice();
}
