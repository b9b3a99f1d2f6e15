/** Zipkin's version 1 as JSON: a list of spans. */
import { JsonKeys } from "./json-keys.ts";
import { END, JsonScan } from "./json-scan.ts";
import { type Text, textOf } from "./text.ts";
import { moveText, readHexId } from "./zipkin-span.ts";
import { ZipkinV1Span } from "./zipkin-v1.ts";
import { readEndpoint, readMicros } from "./zipkin-v2-json.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

const TRACE_ID = 1;
const ID = 2;
const PARENT_ID = 3;
const NAME = 4;
const TIMESTAMP = 5;
const DURATION = 6;
const DEBUG = 7;
const ANNOTATIONS = 8;
const BINARY_ANNOTATIONS = 9;
const SPAN_KEYS = new JsonKeys({
  ...{ traceId: TRACE_ID, id: ID, parentId: PARENT_ID, name: NAME, timestamp: TIMESTAMP },
  ...{ duration: DURATION, debug: DEBUG, annotations: ANNOTATIONS },
  binaryAnnotations: BINARY_ANNOTATIONS,
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
  readonly #key: Text = textOf("");
  readonly #value: Text = textOf("");

  constructor(writer: ZipkinWriter) {
    this.#writer = writer;
  }

  /** A view, valid until the next call; the body is written in. */
  toOtlp(body: Uint8Array): Uint8Array {
    const scan = this.#scan;
    scan.open(body);
    this.#span.bytes = scan.text.bytes;
    this.#writer.begin();
    try {
      scan.beginArray();
      while (scan.nextItem()) {
        if (scan.isNull()) continue;
        this.#readSpan();
        this.#span.write(this.#writer);
      }
      scan.finish();
    } finally {
      scan.close();
    }
    return this.#writer.finish();
  }

  #readSpan(): void {
    const scan = this.#scan;
    this.#span.clear();
    scan.beginObject();
    for (let key = scan.nextKey(SPAN_KEYS); key !== END; key = scan.nextKey(SPAN_KEYS)) {
      if (key === 0) scan.skip();
      else if (!scan.isNull()) this.#readField(key);
    }
  }

  #readField(key: number): void {
    const scan = this.#scan;
    const span = this.#span;
    switch (key) {
      case ANNOTATIONS:
        scan.beginArray();
        while (scan.nextItem()) this.#readAnnotation();
        break;
      case BINARY_ANNOTATIONS:
        scan.beginArray();
        while (scan.nextItem()) this.#readBinaryAnnotation();
        break;
      case TIMESTAMP:
        span.timestamp = readMicros(scan);
        break;
      case DURATION:
        span.duration = readMicros(scan);
        break;
      case DEBUG:
        span.debug = scan.readBoolean();
        break;
      default:
        scan.readString();
        this.#readText(key);
    }
  }

  #readText(key: number): void {
    const { text } = this.#scan;
    const span = this.#span;
    if (key === TRACE_ID) readHexId(span.traceId, text, "trace id");
    else if (key === ID) readHexId(span.spanId, text, "id");
    else if (key === NAME) moveText(span.name, text);
    else if (text.to > text.from) readHexId(span.parentId, text, "parent id");
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
