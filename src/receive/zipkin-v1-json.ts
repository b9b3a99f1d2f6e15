/** Zipkin's version 1 as JSON: what it adds to zipkin-json.ts. */
import { JsonKeys } from "./json-keys.ts";
import { END, JsonScan } from "./json-scan.ts";
import { type Text, textOf } from "./text.ts";
import {
  OWN_FIELDS,
  OWN_FIELDS_LAST,
  readEndpoint,
  readMicros,
  readSpans,
  type ZipkinJsonVersion,
} from "./zipkin-json.ts";
import { moveText } from "./zipkin-span.ts";
import { ZipkinV1Span } from "./zipkin-v1.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

const ANNOTATIONS = OWN_FIELDS_LAST + 1;
const BINARY_ANNOTATIONS = OWN_FIELDS_LAST + 2;
const SPAN_KEYS = new JsonKeys({
  ...{ ...OWN_FIELDS, annotations: ANNOTATIONS, binaryAnnotations: BINARY_ANNOTATIONS },
});
const KEY = 1;
const VALUE = 2;
const TYPE = 3;
const ENDPOINT = 4;
const TIME = 5;
const ANNOTATION_KEYS = new JsonKeys({ timestamp: TIME, value: VALUE, endpoint: ENDPOINT });
const BINARY_KEYS = new JsonKeys({ key: KEY, value: VALUE, type: TYPE, endpoint: ENDPOINT });
const WHOLE = 1;
const FRACTION = 2;
const TYPES = new JsonKeys({ I16: WHOLE, I32: WHOLE, I64: WHOLE, DOUBLE: FRACTION });
/** How a value was written. */
const WRITTEN_TEXT = 0;
const WRITTEN_BOOL = 1;
const WRITTEN_NUMBER = 2;
const NONE = -1;

export class ZipkinV1Json {
  readonly #scan = new JsonScan();
  readonly #span = new ZipkinV1Span();
  readonly #writer: ZipkinWriter;
  readonly #version: ZipkinJsonVersion;
  readonly #key: Text = textOf("");
  readonly #value: Text = textOf("");

  constructor(writer: ZipkinWriter) {
    this.#writer = writer;
    this.#version = {
      ...{ scan: this.#scan, span: this.#span, keys: SPAN_KEYS },
      readField: (key) => this.#readField(key),
      write: (to) => this.#span.write(to),
    };
  }

  /** A view, valid until the next call; the body is written in. */
  toOtlp(body: Uint8Array): Uint8Array {
    return readSpans(body, this.#version, this.#writer);
  }

  #readField(key: number): void {
    const scan = this.#scan;
    scan.beginArray();
    while (scan.nextItem()) {
      if (key === ANNOTATIONS) this.#readAnnotation();
      else this.#readBinaryAnnotation();
    }
  }

  #readAnnotation(): void {
    const scan = this.#scan;
    const value = this.#value;
    value.to = value.from;
    let timestamp = 0;
    let endpoint = NONE;
    scan.beginObject();
    for (
      let key = scan.nextKey(ANNOTATION_KEYS);
      key !== END;
      key = scan.nextKey(ANNOTATION_KEYS)
    ) {
      if (key === 0) scan.skip();
      else if (scan.isNull()) continue;
      else if (key === TIME) timestamp = readMicros(scan);
      else if (key === ENDPOINT) endpoint = this.#readEndpoint();
      else {
        scan.readString();
        moveText(value, scan.text);
      }
    }
    this.#span.addAnnotation(timestamp, value, endpoint);
  }

  #readBinaryAnnotation(): void {
    const scan = this.#scan;
    this.#key.to = this.#key.from;
    this.#value.to = this.#value.from;
    let written = WRITTEN_TEXT;
    let type = 0;
    let endpoint = NONE;
    scan.beginObject();
    for (let key = scan.nextKey(BINARY_KEYS); key !== END; key = scan.nextKey(BINARY_KEYS)) {
      if (key === 0) scan.skip();
      else if (scan.isNull()) continue;
      else if (key === ENDPOINT) endpoint = this.#readEndpoint();
      else if (key === VALUE) written = this.#readValue();
      else {
        scan.readString();
        if (key === TYPE) type = TYPES.find(scan.text);
        else moveText(this.#key, scan.text);
      }
    }
    this.#addTag(written, type);
    this.#span.addedTag(endpoint);
  }

  #readValue(): number {
    const scan = this.#scan;
    const isText = scan.isString();
    const isBool = scan.isBoolean();
    scan.readAsText();
    moveText(this.#value, scan.text);
    return isText ? WRITTEN_TEXT : isBool ? WRITTEN_BOOL : WRITTEN_NUMBER;
  }

  /** A number may stand in a string, as JavaScript cannot say all those of 64 bits. */
  #addTag(written: number, type: number): void {
    const { tags, bytes } = this.#span;
    const { number } = this.#scan;
    const { from, to } = this.#value;
    if (written === WRITTEN_BOOL) {
      tags.addBoolTag(this.#key, bytes[from] === TRUE_BEGINS);
    } else if (written === WRITTEN_TEXT && type === 0) {
      tags.addTextTag(this.#key, this.#value);
    } else if (number.read(bytes, from, to) !== to) tags.addTextTag(this.#key, this.#value);
    else if (type !== FRACTION && number.int64()) {
      tags.addIntTag(this.#key, number.low, number.high);
    } else tags.addDoubleTag(this.#key, number.double());
  }

  #readEndpoint(): number {
    readEndpoint(this.#scan, this.#span.addEndpoint());
    return this.#span.lastEndpoint;
  }
}

const TRUE_BEGINS = 0x74;
