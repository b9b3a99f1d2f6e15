/** Zipkin's version 1 as Thrift, binary protocol: list<Span> of zipkinCore.thrift. */
import { ipText, ipv4Text } from "./ip-text.ts";
import { type Text, textOf } from "./text.ts";
import {
  BOOL,
  I16,
  I32,
  I64,
  LIST,
  STOP,
  STRING,
  STRUCT,
  skipValue,
  thriftDamaged,
} from "./thrift.ts";
import { ThriftBinaryReader } from "./thrift-binary.ts";
import { checkMicros, TAG_BYTES } from "./zipkin-span.ts";
import { ZipkinV1Span } from "./zipkin-v1.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

// AnnotationType
const TYPE_BOOL = 0;
const TYPE_BYTES = 1;
const TYPE_I32 = 3;
const TYPE_I64 = 4;
const TYPE_DOUBLE = 5;
const TYPE_STRING = 6;
/** Bytes that a value of the type has; 0: any. */
const VALUE_BYTES = [1, 0, 2, 4, 8, 8, 0];

const NONE = -1;
/** Field id and type of a field in one number. */
const field = (id: number, type: number) => (id << 4) | type;

const TRACE_ID = field(1, I64);
const NAME = field(3, STRING);
const ID = field(4, I64);
const PARENT_ID = field(5, I64);
const ANNOTATIONS = field(6, LIST);
const BINARY_ANNOTATIONS = field(8, LIST);
const DEBUG = field(9, BOOL);
const TIMESTAMP = field(10, I64);
const DURATION = field(11, I64);
const TRACE_ID_HIGH = field(12, I64);

export class ZipkinV1Thrift {
  readonly #reader = new ThriftBinaryReader();
  readonly #span = new ZipkinV1Span();
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
    this.#key.bytes = body;
    this.#value.bytes = body;
    this.#writer.begin();
    const count = this.#beginStructs();
    for (let i = 0; i < count; i++) {
      this.#readSpan();
      this.#span.write(this.#writer);
    }
    if (reader.at !== body.length) throw thriftDamaged("something behind the list");
    reader.begin(new Uint8Array(0));
    return this.#writer.finish();
  }

  #beginStructs(): number {
    const count = this.#reader.beginList();
    if (count > 0 && this.#reader.elementType !== STRUCT)
      throw thriftDamaged("a list of no structs");
    return count;
  }

  /** The next field, 0 behind the last one. */
  #nextField(): number {
    const type = this.#reader.nextField();
    return type === STOP ? 0 : field(this.#reader.fieldId & 0xffff, type);
  }

  #skip(found: number): void {
    skipValue(this.#reader, found & 15);
  }

  #readSpan(): void {
    this.#span.clear();
    for (let found = this.#nextField(); found !== 0; found = this.#nextField()) {
      this.#readField(found);
    }
  }

  #readField(found: number): void {
    const reader = this.#reader;
    const span = this.#span;
    switch (found) {
      case TRACE_ID:
        this.#readId(span.traceId, 8);
        break;
      case TRACE_ID_HIGH:
        this.#readId(span.traceId, 0);
        break;
      case ID:
        this.#readId(span.spanId, 0);
        break;
      case PARENT_ID:
        this.#readId(span.parentId, 0);
        break;
      case NAME:
        this.#readText(span.name);
        break;
      case TIMESTAMP:
        span.timestamp = this.#readMicros();
        break;
      case DURATION:
        span.duration = this.#readMicros();
        break;
      case DEBUG:
        span.debug = reader.readBool();
        break;
      case ANNOTATIONS: {
        const count = this.#beginStructs();
        for (let i = 0; i < count; i++) this.#readAnnotation();
        break;
      }
      case BINARY_ANNOTATIONS: {
        const count = this.#beginStructs();
        for (let i = 0; i < count; i++) this.#readBinaryAnnotation();
        break;
      }
      default:
        this.#skip(found);
    }
  }

  #readAnnotation(): void {
    const value = this.#value;
    value.to = value.from;
    let timestamp = 0;
    let endpoint = NONE;
    for (let found = this.#nextField(); found !== 0; found = this.#nextField()) {
      if (found === field(1, I64)) timestamp = this.#readMicros();
      else if (found === field(2, STRING)) this.#readText(value);
      else if (found === field(3, STRUCT)) endpoint = this.#readEndpoint();
      else this.#skip(found);
    }
    this.#span.addAnnotation(timestamp, value, endpoint);
  }

  #readBinaryAnnotation(): void {
    const reader = this.#reader;
    const key = this.#key;
    const value = this.#value;
    key.to = key.from;
    value.to = value.from;
    let type = TYPE_BOOL;
    let endpoint = NONE;
    for (let found = this.#nextField(); found !== 0; found = this.#nextField()) {
      if (found === field(1, STRING)) this.#readText(key);
      else if (found === field(2, STRING)) this.#readText(value);
      else if (found === field(3, I32)) type = reader.readInt(I32);
      else if (found === field(4, STRUCT)) endpoint = this.#readEndpoint();
      else this.#skip(found);
    }
    this.#addTag(type);
    this.#span.addedTag(endpoint);
  }

  /** Key and value stand in their ranges; a value that is not of its type is shown as bytes. */
  #addTag(type: number): void {
    const { tags, bytes } = this.#span;
    const key = this.#key;
    const { from, to } = this.#value;
    const fits = VALUE_BYTES[type] === to - from;
    if (type === TYPE_STRING) tags.addTextTag(key, this.#value);
    else if (type === TYPE_BYTES || !fits) tags.addTextTag(key, this.#value, TAG_BYTES);
    else if (type === TYPE_BOOL) tags.addBoolTag(key, bytes[from] !== 0);
    else {
      const view = new DataView(bytes.buffer, bytes.byteOffset + from, to - from);
      if (type === TYPE_DOUBLE) tags.addDoubleTag(key, view.getFloat64(0));
      else if (type === TYPE_I64) tags.addIntTag(key, view.getUint32(4), view.getUint32(0));
      else {
        const value = type === TYPE_I32 ? view.getInt32(0) : view.getInt16(0);
        tags.addIntTag(key, value >>> 0, value < 0 ? 0xffff_ffff : 0);
      }
    }
  }

  /** Its number. */
  #readEndpoint(): number {
    const reader = this.#reader;
    const endpoint = this.#span.addEndpoint();
    const number = this.#span.lastEndpoint;
    let ipv4 = 0;
    for (let found = this.#nextField(); found !== 0; found = this.#nextField()) {
      if (found === field(1, I32)) ipv4 = reader.readInt(I32);
      else if (found === field(2, I16)) endpoint.port = reader.readInt(I16) & 0xffff;
      else if (found === field(3, STRING)) this.#readText(endpoint.service);
      else if (found === field(4, STRING)) {
        reader.readString();
        const { bytes, start, length } = reader;
        ipText(endpoint.ip, bytes.subarray(start, start + length));
      } else this.#skip(found);
    }
    if (endpoint.ip.to === endpoint.ip.from) ipv4Text(endpoint.ip, ipv4);
    return number;
  }

  #readText(target: Text): void {
    const reader = this.#reader;
    reader.readString();
    target.bytes = reader.bytes;
    target.from = reader.start;
    target.to = reader.start + reader.length;
  }

  #readId(target: Uint8Array, at: number): void {
    const reader = this.#reader;
    reader.readI64();
    for (let i = 0; i < 4; i++) {
      target[at + i] = reader.high >>> (24 - 8 * i);
      target[at + 4 + i] = reader.low >>> (24 - 8 * i);
    }
  }

  #readMicros(): number {
    this.#reader.readI64();
    return checkMicros(this.#reader.low, this.#reader.high);
  }
}
