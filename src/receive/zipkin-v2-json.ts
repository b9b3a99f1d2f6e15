/**
 * Zipkin's version 2 as JSON: a list of spans. Fields come in any order and unknown ones are
 * ignored; a span without a valid trace id and id refuses the request, as in Zipkin itself.
 */
import { JsonKeys } from "./json-keys.ts";
import { END, JsonScan } from "./json-scan.ts";
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER } from "./otlp-tags.ts";
import type { Text } from "./text.ts";
import {
  checkMicros,
  moveText,
  readHexId,
  type ZipkinEndpoint,
  ZipkinSpan,
} from "./zipkin-span.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

const TRACE_ID = 1;
const ID = 2;
const PARENT_ID = 3;
const NAME = 4;
const KIND = 5;
const TIMESTAMP = 6;
const DURATION = 7;
const LOCAL = 8;
const REMOTE = 9;
const ANNOTATIONS = 10;
const TAGS = 11;
const DEBUG = 12;
const SPAN_KEYS = new JsonKeys({
  ...{ traceId: TRACE_ID, id: ID, parentId: PARENT_ID, name: NAME, kind: KIND },
  ...{ timestamp: TIMESTAMP, duration: DURATION, localEndpoint: LOCAL, remoteEndpoint: REMOTE },
  ...{ annotations: ANNOTATIONS, tags: TAGS, debug: DEBUG },
});
const KINDS = new JsonKeys({
  ...{ CLIENT: KIND_CLIENT, SERVER: KIND_SERVER },
  ...{ PRODUCER: KIND_PRODUCER, CONSUMER: KIND_CONSUMER },
});
const SERVICE_NAME = 1;
const IPV4 = 2;
const IPV6 = 3;
const PORT = 4;
const ENDPOINT_KEYS = new JsonKeys({
  ...{ serviceName: SERVICE_NAME, ipv4: IPV4, ipv6: IPV6, port: PORT },
});
const VALUE = 2;
const ANNOTATION_KEYS = new JsonKeys({ timestamp: 1, value: VALUE });
const PORT_MAX = 65_535;

export class ZipkinV2Json {
  readonly #scan = new JsonScan();
  readonly #span = new ZipkinSpan();
  readonly #writer: ZipkinWriter;
  readonly #text: Text = { bytes: new Uint8Array(0), from: 0, to: 0 };

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
        this.#writer.write(this.#span);
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
      case LOCAL:
        readEndpoint(scan, span.local);
        break;
      case REMOTE:
        readEndpoint(scan, span.remote);
        break;
      case ANNOTATIONS:
        scan.beginArray();
        while (scan.nextItem()) this.#readAnnotation();
        break;
      case TAGS:
        this.#readTags();
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

  /** A field that is a string, which stands in the scan's text. */
  #readText(key: number): void {
    const { text } = this.#scan;
    const span = this.#span;
    if (key === TRACE_ID) readHexId(span.traceId, text, "trace id");
    else if (key === ID) readHexId(span.spanId, text, "id");
    else if (key === PARENT_ID) {
      if (text.to > text.from) readHexId(span.parentId, text, "parent id");
    } else if (key === NAME) moveText(span.name, text);
    else if (key === KIND) span.kind = KINDS.find(text);
  }

  #readAnnotation(): void {
    const scan = this.#scan;
    const value = this.#text;
    value.to = value.from;
    let timestamp = 0;
    scan.beginObject();
    for (
      let key = scan.nextKey(ANNOTATION_KEYS);
      key !== END;
      key = scan.nextKey(ANNOTATION_KEYS)
    ) {
      if (key === 0) scan.skip();
      else if (scan.isNull()) continue;
      else if (key === VALUE) {
        scan.readString();
        moveText(value, scan.text);
      } else timestamp = readMicros(scan);
    }
    this.#span.addAnnotation(timestamp, value);
  }

  #readTags(): void {
    const scan = this.#scan;
    scan.beginObject();
    while (scan.nextName()) {
      moveText(this.#text, scan.text);
      if (scan.isNull()) continue;
      scan.readAsText();
      this.#span.addTextTag(this.#text, scan.text);
    }
  }
}

/** Of both versions of the JSON. With two addresses the one of version 6 counts. */
export function readEndpoint(scan: JsonScan, endpoint: ZipkinEndpoint): void {
  let isVersion6 = false;
  scan.beginObject();
  for (let key = scan.nextKey(ENDPOINT_KEYS); key !== END; key = scan.nextKey(ENDPOINT_KEYS)) {
    if (key === 0) scan.skip();
    else if (scan.isNull()) continue;
    else if (key === PORT) endpoint.port = readPort(scan);
    else {
      scan.readString();
      if (key === SERVICE_NAME) moveText(endpoint.service, scan.text);
      else if (key === IPV6 || !isVersion6) moveText(endpoint.ip, scan.text);
      isVersion6 ||= key === IPV6 && scan.text.to > scan.text.from;
    }
  }
}

function readPort(scan: JsonScan): number {
  scan.readNumber();
  const { number } = scan;
  if (!number.uint64() || number.high !== 0 || number.low > PORT_MAX) {
    throw scan.error("a port is expected");
  }
  return number.low;
}

/** OpenTelemetry's exporter for JavaScript writes fractions of a microsecond; they are rounded. */
export function readMicros(scan: JsonScan): number {
  scan.readNumber();
  const { number } = scan;
  if (number.uint64()) return checkMicros(number.low, number.high);
  const value = Math.round(number.double());
  if (!(value >= 0)) throw scan.error("microseconds are expected");
  return checkMicros(value >>> 0, Math.floor(value / 2 ** 32));
}
