/**
 * Writes an ExportTraceServiceRequest as bytes, for receivers of other formats: what they read
 * goes straight into the form that the kernel takes, with no object per span.
 *
 * A message is written behind room for its length; when the length takes less or more than was
 * kept, the message moves, so that lengths are as short as encoders make them. Say how many bytes
 * a length will likely take, and nothing moves.
 *
 * One array serves all requests of a thread, one after the other: translate, hand written() on,
 * clear(). Translation is synchronous, so nobody else can be in between.
 *
 * Threads: one ingress Worker.
 */
import { isUtf8 } from "node:buffer";
import { assert } from "../base/assert.ts";
import { KiB, MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import { freeBytes } from "../base/free-bytes.ts";
import type { Text } from "./text.ts";

export interface OtlpWriterOptions {
  /** Of a request; beyond it the engine would not take it. */
  readonly bytesMax: number;
  /**
   * What is not UTF-8 becomes U+FFFD, as formats that have no way to refuse a single span need
   * it. Otherwise it is passed on, and the kernel rejects the span.
   */
  readonly mendText: boolean;
}

const FIRST_BYTES = 64 * KiB;
/** An array that grew larger than this for one request is given back. */
const KEPT_BYTES_MAX = 4 * MiB;
/** Below this a loop is faster than a view and a call. */
const LOOP_BYTES_MAX = 96;
/** Room that every method may use without asking: tags, varints and fixed numbers. */
const SLACK_BYTES = 64;

const VALUE_STRING = 0x0a;
const VALUE_BOOL = 0x10;
const VALUE_INT = 0x18;
const VALUE_DOUBLE = 0x21;
const VALUE_BYTES = 0x3a;
/** Of a KeyValue. */
const KEY = 0x0a;
/** The tag of the value of a KeyValue, as the methods ...Value() take it. */
export const KEY_VALUE = 0x12;
/** And of one of an ArrayValue. */
export const ARRAY_ELEMENT = 0x0a;
/** Messages of an AnyValue, whose elements are values and attributes. */
export const ARRAY_VALUE = 0x2a;
export const MAP_VALUE = 0x32;
export const MAP_FIELD = 0x0a;

export class OtlpWriter {
  readonly #bytesMax: number;
  readonly #mendText: boolean;
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  constructor(options: OtlpWriterOptions) {
    this.#bytesMax = options.bytesMax;
    this.#mendText = options.mendText;
  }

  get length(): number {
    return this.#at;
  }

  /** A view, valid until the next write. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  clear(): void {
    this.#at = 0;
    if (this.#bytes.length <= KEPT_BYTES_MAX) return;
    freeBytes(this.#bytes);
    this.#hold(new Uint8Array(FIRST_BYTES));
  }

  /** Forgets what was written from `length` on. */
  cut(length: number): void {
    assert(length <= this.#at, "otlp write: cut past the end");
    this.#at = length;
  }

  /** Whether exactly these bytes were written. */
  isSame(bytes: Uint8Array): boolean {
    if (bytes.length !== this.#at) return false;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== this.#bytes[i]) return false;
    return true;
  }

  // ---- messages

  /**
   * Begins a nested message; hand what is returned to end(). The tag is of one byte, as those of
   * all messages are. `lengthBytes`: 1 for up to 127 bytes, 2 for up to 16 KiB, 3 for up to 2 MiB.
   */
  begin(tag: number, lengthBytes: number): number {
    if (this.#at + SLACK_BYTES > this.#bytes.length) this.#room(SLACK_BYTES);
    const begun = this.#at + 1;
    this.#bytes[begun - 1] = tag;
    this.#bytes[begun] = lengthBytes;
    this.#at = begun + lengthBytes;
    return begun;
  }

  end(begun: number): void {
    const kept = this.#bytes[begun];
    const length = this.#at - begun - kept;
    if (length < 128 && kept === 1) this.#bytes[begun] = length;
    else this.#endMoved(begun, length);
  }

  #endMoved(begun: number, length: number): void {
    const kept = this.#bytes[begun];
    const from = begun + kept;
    const needed = length < 128 ? 1 : length < 16384 ? 2 : length < 2097152 ? 3 : 4;
    if (needed !== kept) {
      this.#room(SLACK_BYTES);
      this.#bytes.copyWithin(begun + needed, from, this.#at);
    }
    this.#at = begun;
    this.#varint(length);
    this.#at = begun + needed + length;
  }

  // ---- fields; the caller leaves out what has its default

  /** An unsigned number up to 2^53, or a bool. */
  varint(tag: number, value: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#varint(value);
  }

  /** An int32 or an enum: negative ones take ten bytes. */
  int32(tag: number, value: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#varint64(value >>> 0, value < 0 ? 0xffff_ffff : 0);
  }

  /** An int64 by its halves; the high one of either sign. */
  varint64(tag: number, low: number, high: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#varint64(low, high >>> 0);
  }

  double(tag: number, value: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#view.setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  fixed32(tag: number, value: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
  }

  /** Both halves as uint32. */
  fixed64(tag: number, low: number, high: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#view.setUint32(this.#at, low, true);
    this.#view.setUint32(this.#at + 4, high, true);
    this.#at += 8;
  }

  /** Fields that are encoded already, as by another writer. */
  fields(encoded: Uint8Array): void {
    this.#room(encoded.length);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  /** Bytes as they are, also empty ones; the tag is of one byte. */
  bytes(tag: number, source: Text): void {
    this.#text(tag, source);
  }

  /** Text, also empty; see `mendText`. */
  text(tag: number, source: Text): void {
    const start = this.#at;
    const high = this.#text(tag, source);
    if (high < 128 || !this.#mendText) return;
    const bytes = source.bytes.subarray(source.from, source.to);
    if (isUtf8(bytes)) return;
    this.#at = start;
    const mended = encoder.encode(decoder.decode(bytes));
    this.#text(tag, { bytes: mended, from: 0, to: mended.length });
  }

  // ---- attributes

  stringAttribute(tag: number, key: Text, value: Text): void {
    const begun = this.beginAttribute(tag, key);
    this.stringValue(KEY_VALUE, value);
    this.end(begun);
  }

  /** A safe integer. */
  intAttribute(tag: number, key: Text, value: number): void {
    const begun = this.beginAttribute(tag, key);
    this.intValue(KEY_VALUE, value >>> 0, Math.floor(value / 2 ** 32));
    this.end(begun);
  }

  doubleAttribute(tag: number, key: Text, value: number): void {
    const begun = this.beginAttribute(tag, key);
    this.doubleValue(KEY_VALUE, value);
    this.end(begun);
  }

  boolAttribute(tag: number, key: Text, value: boolean): void {
    const begun = this.beginAttribute(tag, key);
    this.boolValue(KEY_VALUE, value);
    this.end(begun);
  }

  bytesAttribute(tag: number, key: Text, value: Text): void {
    const begun = this.beginAttribute(tag, key);
    this.bytesValue(KEY_VALUE, value);
    this.end(begun);
  }

  /** Follows: one of the values below with KEY_VALUE, then end(). */
  beginAttribute(tag: number, key: Text): number {
    const begun = this.begin(tag, 1);
    if (key.to > key.from) this.text(KEY, key);
    return begun;
  }

  // ---- an AnyValue, with KEY_VALUE or ARRAY_ELEMENT as its tag

  stringValue(tag: number, value: Text): void {
    const begun = this.begin(tag, 1);
    this.text(VALUE_STRING, value);
    this.end(begun);
  }

  /** An int64 by its halves; the high one of either sign. */
  intValue(tag: number, low: number, high: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    const begun = this.#at;
    this.#bytes[begun + 1] = VALUE_INT;
    this.#at = begun + 2;
    this.#varint64(low, high >>> 0);
    this.#bytes[begun] = this.#at - begun - 1;
  }

  doubleValue(tag: number, value: number): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#bytes[this.#at] = 9;
    this.#bytes[this.#at + 1] = VALUE_DOUBLE;
    this.#view.setFloat64(this.#at + 2, value, true);
    this.#at += 10;
  }

  boolValue(tag: number, value: boolean): void {
    this.#room(SLACK_BYTES);
    this.#tag(tag);
    this.#bytes[this.#at] = 2;
    this.#bytes[this.#at + 1] = VALUE_BOOL;
    this.#bytes[this.#at + 2] = value ? 1 : 0;
    this.#at += 3;
  }

  bytesValue(tag: number, value: Text): void {
    const begun = this.begin(tag, 1);
    this.bytes(VALUE_BYTES, value);
    this.end(begun);
  }

  // ---- below, there is room already

  #tag(tag: number): void {
    if (tag < 128) this.#bytes[this.#at++] = tag;
    else this.#varint(tag);
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #varint64(low: number, high: number): void {
    let rest = low >>> 0;
    let above = high;
    while (above !== 0 || rest > 127) {
      this.#bytes[this.#at++] = (rest & 127) | 128;
      rest = ((rest >>> 7) | (above << 25)) >>> 0;
      above >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  /**
   * Returns all bytes of the text, or-ed: over 127 when it is not ASCII, or when it did not look.
   * Most of what is written goes through here, so it calls nothing and has its fields in locals.
   */
  #text(tag: number, { bytes: source, from, to }: Text): number {
    const length = to - from;
    if (this.#at + length + SLACK_BYTES > this.#bytes.length) this.#room(length + SLACK_BYTES);
    const target = this.#bytes;
    let at = this.#at;
    target[at++] = tag;
    if (length < 128) target[at++] = length;
    else {
      this.#at = at;
      this.#varint(length);
      at = this.#at;
    }
    this.#at = at + length;
    if (length > LOOP_BYTES_MAX) {
      target.set(source.subarray(from, to), at);
      return 255;
    }
    let all = 0;
    for (let i = from; i < to; i++) {
      const byte = source[i];
      all |= byte;
      target[at++] = byte;
    }
    return all;
  }

  #room(bytes: number): void {
    if (this.#at + bytes > this.#bytes.length) this.#grow(this.#at + bytes);
  }

  #grow(needed: number): void {
    if (needed > this.#bytesMax + SLACK_BYTES) {
      throw new EngineError("too_large", `the request is over ${this.#bytesMax} bytes as OTLP`);
    }
    const doubled = Math.min(2 * this.#bytes.length, this.#bytesMax + SLACK_BYTES);
    const grown = new Uint8Array(Math.max(needed, doubled));
    grown.set(this.#bytes.subarray(0, this.#at));
    freeBytes(this.#bytes);
    this.#hold(grown);
  }

  #hold(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

const encoder = new TextEncoder();
/** A byte order mark at the beginning of a text is part of it. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
