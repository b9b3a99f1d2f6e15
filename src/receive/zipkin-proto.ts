/** Zipkin's version 2 as protobuf: zipkin.proto3.ListOfSpans. */
import { EngineError } from "../base/error.ts";
import { ipText } from "./ip-text.ts";
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER } from "./otlp-tags.ts";
import { ProtoReader } from "./proto-reader.ts";
import { type Text, textOf } from "./text.ts";
import { checkMicros, type ZipkinEndpoint, ZipkinSpan } from "./zipkin-span.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

// Fields as tags: number times eight plus wire type.
const SPANS = 0x0a;
const LIST_FIELDS = 1;

const TRACE_ID = 0x0a;
const PARENT_ID = 0x12;
const ID = 0x1a;
const KIND = 0x20;
const NAME = 0x2a;
const TIMESTAMP = 0x31;
const DURATION = 0x38;
const LOCAL = 0x42;
const REMOTE = 0x4a;
const ANNOTATION = 0x52;
const TAG = 0x5a;
const DEBUG = 0x60;
const SHARED = 0x68;
const SPAN_FIELDS = 13;

const SERVICE_NAME = 0x0a;
const IPV4 = 0x12;
const IPV6 = 0x1a;
const PORT = 0x20;
const ENDPOINT_FIELDS = 4;

const ANNOTATION_TIME = 0x09;
const ANNOTATION_VALUE = 0x12;
const TAG_KEY = 0x0a;
const TAG_VALUE = 0x12;
const PAIR_FIELDS = 2;

/** By Zipkin's number. */
const KINDS = [0, KIND_CLIENT, KIND_SERVER, KIND_PRODUCER, KIND_CONSUMER];

export class ZipkinProto {
  readonly #reader = new ProtoReader();
  readonly #span = new ZipkinSpan(2);
  readonly #writer: ZipkinWriter;
  readonly #key: Text = textOf("");
  readonly #value: Text = textOf("");

  constructor(writer: ZipkinWriter) {
    this.#writer = writer;
  }

  /** A view, valid until the next call. */
  toOtlp(body: Uint8Array): Uint8Array {
    const reader = this.#reader;
    reader.begin(body);
    this.#span.bytes = body;
    this.#writer.begin();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === SPANS) {
        this.#readSpan();
        this.#writer.write(this.#span);
      } else reader.skipUnknown(tag, LIST_FIELDS);
    }
    reader.begin(new Uint8Array(0));
    return this.#writer.finish();
  }

  #readSpan(): void {
    const reader = this.#reader;
    this.#span.clear();
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) this.#readField(tag);
    reader.leave(outer);
  }

  #readField(tag: number): void {
    const reader = this.#reader;
    const span = this.#span;
    switch (tag) {
      case TRACE_ID:
        this.#readId(span.traceId, "trace id");
        break;
      case ID:
        this.#readId(span.spanId, "id");
        break;
      case PARENT_ID:
        this.#readId(span.parentId, "parent id");
        break;
      case KIND:
        reader.varint();
        span.kind = KINDS[reader.low] ?? 0;
        break;
      case NAME:
        this.#readText(span.name);
        break;
      case TIMESTAMP:
        reader.fixed64();
        span.timestamp = checkMicros(reader.low, reader.high);
        break;
      case DURATION:
        reader.varint();
        span.duration = checkMicros(reader.low, reader.high);
        break;
      case LOCAL:
        this.#readEndpoint(span.local);
        break;
      case REMOTE:
        this.#readEndpoint(span.remote);
        break;
      case ANNOTATION:
        this.#readAnnotation();
        break;
      case TAG:
        this.#readTag();
        break;
      case DEBUG:
        reader.varint();
        span.debug = reader.low !== 0 || reader.high !== 0;
        break;
      case SHARED:
        reader.varint(); // the span is told from its client's by its kind
        break;
      default:
        reader.skipUnknown(tag, SPAN_FIELDS);
    }
  }

  /** Shorter ones are filled up with zeros before, and none at all is no id. */
  #readId(target: Uint8Array, what: string): void {
    const reader = this.#reader;
    reader.range();
    const length = reader.to - reader.from;
    if (length > target.length) {
      const text = `zipkin: a ${what} of ${length} bytes, not ${target.length}`;
      throw new EngineError("malformed", text);
    }
    target.fill(0);
    for (let i = 1; i <= length; i++) {
      target[target.length - i] = reader.bytes[reader.to - i];
    }
  }

  #readText(target: Text): void {
    const reader = this.#reader;
    reader.range();
    target.bytes = reader.bytes;
    target.from = reader.from;
    target.to = reader.to;
  }

  #readEndpoint(endpoint: ZipkinEndpoint): void {
    const reader = this.#reader;
    let isVersion6 = false;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === SERVICE_NAME) this.#readText(endpoint.service);
      else if (tag === IPV4 || tag === IPV6) {
        reader.range();
        const { bytes, from, to } = reader;
        if (tag === IPV6 || !isVersion6) ipText(endpoint.ip, bytes.subarray(from, to));
        isVersion6 ||= tag === IPV6 && to > from;
      } else if (tag === PORT) {
        reader.varint();
        endpoint.port = reader.low & 0xffff;
      } else reader.skipUnknown(tag, ENDPOINT_FIELDS);
    }
    reader.leave(outer);
  }

  #readAnnotation(): void {
    const reader = this.#reader;
    let timestamp = 0;
    this.#value.to = this.#value.from;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === ANNOTATION_TIME) {
        reader.fixed64();
        timestamp = checkMicros(reader.low, reader.high);
      } else if (tag === ANNOTATION_VALUE) this.#readText(this.#value);
      else reader.skipUnknown(tag, PAIR_FIELDS);
    }
    reader.leave(outer);
    this.#span.addAnnotation(timestamp, this.#value);
  }

  #readTag(): void {
    const reader = this.#reader;
    this.#key.to = this.#key.from;
    this.#value.to = this.#value.from;
    const outer = reader.enter();
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === TAG_KEY) this.#readText(this.#key);
      else if (tag === TAG_VALUE) this.#readText(this.#value);
      else reader.skipUnknown(tag, PAIR_FIELDS);
    }
    reader.leave(outer);
    this.#span.addTextTag(this.#key, this.#value);
  }
}
