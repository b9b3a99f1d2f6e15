/** Zipkin's version 2 as JSON: what it adds to zipkin-json.ts. */
import { JsonKeys } from "./json-keys.ts";
import { END, JsonScan } from "./json-scan.ts";
import { KIND_CLIENT, KIND_CONSUMER, KIND_PRODUCER, KIND_SERVER } from "./otlp-tags.ts";
import type { Text } from "./text.ts";
import {
  OWN_FIELDS,
  OWN_FIELDS_LAST,
  readEndpoint,
  readMicros,
  readSpans,
  type ZipkinJsonVersion,
} from "./zipkin-json.ts";
import { moveText, ZipkinSpan } from "./zipkin-span.ts";
import type { ZipkinWriter } from "./zipkin-write.ts";

const KIND = OWN_FIELDS_LAST + 1;
const LOCAL = OWN_FIELDS_LAST + 2;
const REMOTE = OWN_FIELDS_LAST + 3;
const ANNOTATIONS = OWN_FIELDS_LAST + 4;
const TAGS = OWN_FIELDS_LAST + 5;
const SPAN_KEYS = new JsonKeys({
  ...{ ...OWN_FIELDS, kind: KIND, localEndpoint: LOCAL, remoteEndpoint: REMOTE },
  ...{ annotations: ANNOTATIONS, tags: TAGS },
});
const KINDS = new JsonKeys({
  ...{ CLIENT: KIND_CLIENT, SERVER: KIND_SERVER },
  ...{ PRODUCER: KIND_PRODUCER, CONSUMER: KIND_CONSUMER },
});
const VALUE = 2;
const ANNOTATION_KEYS = new JsonKeys({ timestamp: 1, value: VALUE });

export class ZipkinV2Json {
  readonly #scan = new JsonScan();
  readonly #span = new ZipkinSpan(2);
  readonly #writer: ZipkinWriter;
  readonly #version: ZipkinJsonVersion;
  readonly #text: Text = { bytes: new Uint8Array(0), from: 0, to: 0 };

  constructor(writer: ZipkinWriter) {
    this.#writer = writer;
    this.#version = {
      ...{ scan: this.#scan, span: this.#span, keys: SPAN_KEYS },
      readField: (key) => this.#readField(key),
      write: (to) => to.write(this.#span),
    };
  }

  /** A view, valid until the next call; the body is written in. */
  toOtlp(body: Uint8Array): Uint8Array {
    return readSpans(body, this.#version, this.#writer);
  }

  #readField(key: number): void {
    const scan = this.#scan;
    const span = this.#span;
    if (key === LOCAL) readEndpoint(scan, span.local);
    else if (key === REMOTE) readEndpoint(scan, span.remote);
    else if (key === TAGS) this.#readTags();
    else if (key === KIND) {
      scan.readString();
      span.kind = KINDS.find(scan.text);
    } else {
      scan.beginArray();
      while (scan.nextItem()) this.#readAnnotation();
    }
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
