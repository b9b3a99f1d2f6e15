/**
 * One span of Zipkin's model, of any of its formats, while it is translated. There is one of these
 * for all spans: readers fill it, zipkin-write.ts writes it, clear() makes it ready for the next.
 *
 * Texts are ranges of the body, which all readers keep until the last span was written. Tags and
 * annotations lie flat in arrays that keep their length.
 */
import { EngineError } from "../base/error.ts";
import { hexIntoRight } from "./bytes-of-text.ts";
import type { Text } from "./text.ts";

/** How the value of a tag is held. */
export const TAG_TEXT = 1;
export const TAG_BOOL = 2;
export const TAG_INT = 3;
export const TAG_DOUBLE = 4;
export const TAG_BYTES = 5;

/**
 * Of a tag: type, range of the key, what says its value (range, halves, or one number), and a
 * place where the writer notes what the key means.
 */
export const TAG_STRIDE = 6;
/** Of an annotation: microseconds, range of the value. */
export const ANNOTATION_STRIDE = 3;

const NOTHING = new Uint8Array(0);

export class ZipkinEndpoint {
  readonly service: Text = { bytes: NOTHING, from: 0, to: 0 };
  /** As text. */
  readonly ip: Text = { bytes: NOTHING, from: 0, to: 0 };
  port = 0;

  clear(): void {
    this.service.to = this.service.from;
    this.ip.to = this.ip.from;
    this.port = 0;
  }

  copyFrom(other: ZipkinEndpoint): void {
    moveText(this.service, other.service);
    moveText(this.ip, other.ip);
    this.port = other.port;
  }
}

export class ZipkinSpan {
  /** Of the format, as some tags mean something in one version alone. */
  readonly version: 1 | 2;
  readonly traceId = new Uint8Array(16);
  readonly spanId = new Uint8Array(8);
  /** All zero: none. */
  readonly parentId = new Uint8Array(8);
  readonly name: Text = { bytes: NOTHING, from: 0, to: 0 };
  /** The number that OTLP has for it; 0 for none. */
  kind = 0;
  /** Microseconds; 0 when the client did not say. */
  timestamp = 0;
  duration = 0;
  debug = false;
  readonly local = new ZipkinEndpoint();
  readonly remote = new ZipkinEndpoint();
  /** The body. */
  bytes: Uint8Array = NOTHING;
  readonly tags: number[] = [];
  /** Entries of `tags` in use: TAG_STRIDE times the number of tags. */
  tagsEnd = 0;
  readonly annotations: number[] = [];
  annotationsEnd = 0;

  constructor(version: 1 | 2) {
    this.version = version;
  }

  clear(): void {
    this.traceId.fill(0);
    this.spanId.fill(0);
    this.parentId.fill(0);
    this.name.to = this.name.from;
    this.kind = 0;
    this.timestamp = 0;
    this.duration = 0;
    this.debug = false;
    this.local.clear();
    this.remote.clear();
    this.tagsEnd = 0;
    this.annotationsEnd = 0;
  }

  /** Also TAG_BYTES. The value is a range of the body, as the key is. */
  addTextTag(key: Text, value: Text, type: typeof TAG_TEXT | typeof TAG_BYTES = TAG_TEXT): void {
    this.#addTag(type, key);
    this.#addValue(value.from, value.to);
  }

  addBoolTag(key: Text, value: boolean): void {
    this.#addTag(TAG_BOOL, key);
    this.#addValue(value ? 1 : 0, 0);
  }

  addIntTag(key: Text, low: number, high: number): void {
    this.#addTag(TAG_INT, key);
    this.#addValue(low, high);
  }

  addDoubleTag(key: Text, value: number): void {
    this.#addTag(TAG_DOUBLE, key);
    this.#addValue(value, 0);
  }

  addAnnotation(timestamp: number, value: Text): void {
    const at = this.annotationsEnd;
    this.annotations[at] = timestamp;
    this.annotations[at + 1] = value.from;
    this.annotations[at + 2] = value.to;
    this.annotationsEnd = at + ANNOTATION_STRIDE;
  }

  #addTag(type: number, key: Text): void {
    const at = this.tagsEnd;
    this.tags[at] = type;
    this.tags[at + 1] = key.from;
    this.tags[at + 2] = key.to;
  }

  #addValue(first: number, second: number): void {
    const at = this.tagsEnd;
    this.tags[at + 3] = first;
    this.tags[at + 4] = second;
    this.tags[at + 5] = 0;
    this.tagsEnd = at + TAG_STRIDE;
  }
}

export function moveText(target: Text, source: Text): void {
  target.bytes = source.bytes;
  target.from = source.from;
  target.to = source.to;
}

/** Hex of up to the length of the id, with or without its leading zeros. */
export function readHexId(target: Uint8Array, text: Text, what: string): void {
  if (!hexIntoRight(target, text)) {
    throw new EngineError(
      "malformed",
      `zipkin: a ${what} that is not hex of ${target.length} bytes`,
    );
  }
}

/** Microseconds as a number must be exact: up to the year 2255. */
export function checkMicros(low: number, high: number): number {
  const value = high * 2 ** 32 + low;
  if (value <= Number.MAX_SAFE_INTEGER) return value;
  throw new EngineError("malformed", "zipkin: a time or duration over 2^53 microseconds");
}

export function isZero(id: Uint8Array): boolean {
  for (let i = 0; i < id.length; i++) if (id[i] !== 0) return false;
  return true;
}
