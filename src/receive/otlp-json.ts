/**
 * OTLP's JSON into its protobuf, without loss: what comes out is what the sender would have sent
 * as protobuf, so one kernel judges both.
 *
 * JSON here is protobuf's mapping with the exceptions of OTLP: ids are hex, enums numbers (names
 * are taken as well). 64-bit integers are strings or numbers, names may be those of JSON or of
 * protobuf, unknown fields are ignored, null is absent. An id that is no hex becomes one that the
 * kernel rejects, with its span alone; anything else that is wrong is `malformed`.
 */
import { base64Into, hexInto } from "./bytes-of-text.ts";
import { UNKNOWN_KEY } from "./json-keys.ts";
import { END, JsonScan } from "./json-scan.ts";
import {
  ENUM,
  exportTraceServiceRequest,
  FIXED32,
  FIXED64,
  type Field,
  HEX,
  MESSAGE,
  MESSAGES,
  ONE_BASE64,
  ONE_BOOL,
  ONE_DOUBLE,
  ONE_INT64,
  ONE_TEXT,
  type Shape,
  TEXT,
  TEXTS,
  UINT32,
} from "./otlp-json-shape.ts";
import { OtlpWriter } from "./otlp-write.ts";
import { isSameText, type Text, textOf } from "./text.ts";

/**
 * Of nested messages. The kernel rejects a span whose values are nested in 32 lists, at most three
 * messages each; what is deeper is left out, as nobody will see it.
 */
const DEPTH_MAX = 128;
const ID_BYTES_MAX = 32;
/** Of a length that no id has: the kernel rejects the span, link or parent. */
const NO_ID_BYTES = 1;

export class OtlpJson {
  readonly #scan = new JsonScan();
  readonly #writer: OtlpWriter;
  readonly #id: Text = { bytes: new Uint8Array(ID_BYTES_MAX), from: 0, to: 0 };

  constructor(bytesMax: number) {
    this.#writer = new OtlpWriter({ bytesMax, mendText: false });
  }

  /** A view, valid until the next call; the body is written in. */
  toOtlp(body: Uint8Array): Uint8Array {
    const scan = this.#scan;
    this.#writer.clear();
    scan.open(body);
    try {
      this.#message(exportTraceServiceRequest, 0);
      scan.finish();
    } finally {
      scan.close();
    }
    return this.#writer.written();
  }

  #message(shape: Shape, depth: number): void {
    const scan = this.#scan;
    const { keys } = shape;
    scan.beginObject();
    for (let key = scan.nextKey(keys); key !== END; key = scan.nextKey(keys)) {
      if (key === UNKNOWN_KEY) scan.skip();
      else if (!scan.isNull()) this.#field(shape.field(key), depth);
    }
  }

  #field(field: Field, depth: number): void {
    const scan = this.#scan;
    switch (field.type) {
      case MESSAGE:
        this.#nested(field, depth);
        break;
      case MESSAGES:
        scan.beginArray();
        while (scan.nextItem()) this.#nested(field, depth);
        break;
      case TEXT:
        scan.readString();
        if (scan.text.to > scan.text.from) this.#writer.text(field.tag, scan.text);
        break;
      case TEXTS:
        scan.beginArray();
        while (scan.nextItem()) {
          scan.readString();
          this.#writer.text(field.tag, scan.text);
        }
        break;
      case HEX:
        this.#hex(field.tag);
        break;
      case ENUM:
        this.#enum(field);
        break;
      case FIXED32:
      case UINT32:
      case FIXED64:
        this.#unsigned(field);
        break;
      default:
        this.#one(field);
    }
  }

  #nested({ tag, shape, lengthBytes }: Field, depth: number): void {
    if (shape === undefined || depth >= DEPTH_MAX) {
      this.#scan.skip();
      return;
    }
    const begun = this.#writer.begin(tag, lengthBytes);
    this.#message(shape, depth + 1);
    this.#writer.end(begun);
  }

  #hex(tag: number): void {
    this.#scan.readString();
    const { from, to } = this.#scan.text;
    if (from === to) return;
    const bytes = hexInto(this.#id.bytes, this.#scan.text);
    if (bytes < 0) this.#id.bytes[0] = 0;
    this.#id.to = bytes < 0 ? NO_ID_BYTES : bytes;
    this.#writer.bytes(tag, this.#id);
  }

  #enum({ tag, names }: Field): void {
    const value = this.#enumValue(names);
    if (value !== 0) this.#writer.int32(tag, value);
  }

  #enumValue(names: Field["names"]): number {
    const scan = this.#scan;
    if (scan.isString()) {
      scan.readString();
      for (const [name, value] of names) if (isSameText(name, scan.text)) return value;
      throw scan.error("an unknown name of a number");
    }
    scan.readNumber();
    const { number } = scan;
    const isInteger = number.int64();
    const value = number.low | 0;
    if (!isInteger || number.high !== (value < 0 ? 0xffff_ffff : 0)) {
      throw scan.error("a number of 32 bits is expected");
    }
    return value;
  }

  #unsigned({ type, tag }: Field): void {
    const scan = this.#scan;
    scan.readNumber();
    const { number } = scan;
    if (!number.uint64()) throw scan.error("a number from 0 up is expected");
    const { low, high } = number;
    if (high !== 0 && type !== FIXED64) throw scan.error("a number of 32 bits is expected");
    if (low === 0 && high === 0) return;
    if (type === FIXED64) this.#writer.fixed64(tag, low, high);
    else if (type === FIXED32) this.#writer.fixed32(tag, low);
    else this.#writer.varint(tag, low);
  }

  /** Of an AnyValue. */
  #one({ type, tag }: Field): void {
    const scan = this.#scan;
    const writer = this.#writer;
    switch (type) {
      case ONE_TEXT:
        scan.readString();
        writer.text(tag, scan.text);
        break;
      case ONE_BOOL:
        writer.varint(tag, scan.readBoolean() ? 1 : 0);
        break;
      case ONE_INT64:
        scan.readNumber();
        if (!scan.number.int64()) throw scan.error("an integer of 64 bits is expected");
        writer.varint64(tag, scan.number.low, scan.number.high);
        break;
      case ONE_DOUBLE:
        writer.double(tag, this.#double());
        break;
      case ONE_BASE64:
        scan.readString();
        if (!base64Into(scan.text)) throw scan.error("base64 is expected");
        writer.bytes(tag, scan.text);
        break;
      default:
        throw scan.error("a field of an unknown type");
    }
  }

  #double(): number {
    const scan = this.#scan;
    if (!scan.isString()) scan.readNumber();
    else {
      scan.readString();
      for (const [name, value] of SPECIAL_DOUBLES) if (isSameText(name, scan.text)) return value;
      scan.textAsNumber();
    }
    const value = scan.number.double();
    if (!Number.isFinite(value)) throw scan.error("a number that a double can hold is expected");
    return value;
  }
}

const SPECIAL_DOUBLES = [
  [textOf("NaN"), Number.NaN],
  [textOf("Infinity"), Number.POSITIVE_INFINITY],
  [textOf("-Infinity"), Number.NEGATIVE_INFINITY],
] as const;
