/**
 * Walks over JSON as bytes, in one pass and without making objects: the caller says what it
 * expects, and gets texts as ranges of the body and numbers as halves.
 *
 *   scan.beginObject();
 *   for (let key = scan.nextKey(KEYS); key !== END; key = scan.nextKey(KEYS)) … one value …
 *
 * Texts with escapes are put right where they lie, in the body, as they never become longer. A
 * surrogate without its other half becomes U+FFFD; bytes that are not UTF-8 are passed on.
 *
 * All of it is checked, also what is skipped: anything that is not JSON throws `malformed`, with
 * the place.
 */
import { EngineError } from "../base/error.ts";
import { hexDigit } from "./bytes-of-text.ts";
import type { JsonKeys } from "./json-keys.ts";
import { JsonNumber } from "./json-number.ts";
import type { Text } from "./text.ts";

/** What nextKey() returns behind the last one. */
export const END = -1;

/** Nobody nests unknown fields deeper. */
const SKIPPED_DEPTH_MAX = 512;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const LETTER_U = 0x75;

/** What stands behind a backslash, to what it means. */
const ESCAPES = new Map(
  [...'"\\/bfnrt'].map((c, at) => [c.charCodeAt(0), '"\\/\b\f\n\r\t'.charCodeAt(at)]),
);

const LITERALS = ["true", "false", "null"].map((word) => new TextEncoder().encode(word));
const [TRUE, FALSE, NULL] = LITERALS;

export class JsonScan {
  /** The text that was read last; its bytes are those of the body. */
  readonly text: Text = { bytes: new Uint8Array(0), from: 0, to: 0 };
  /** The number that was read last. */
  readonly number = new JsonNumber();
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  /** Nothing of the object or array at hand was read yet. */
  #fresh = false;
  readonly #nested = new Uint8Array(SKIPPED_DEPTH_MAX);
  readonly #failure: EngineError | undefined;

  /** `failure` is thrown for all that is wrong: for who expects it often and needs no place. */
  constructor(failure?: EngineError) {
    this.#failure = failure;
  }

  /** The body is ours to write in. */
  open(body: Uint8Array): void {
    this.#bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    this.text.bytes = this.#bytes;
    this.#at = 0;
    this.#end = body.byteLength;
  }

  /** Lets go of the body. */
  close(): void {
    this.#bytes = new Uint8Array(0);
    this.text.bytes = this.#bytes;
  }

  /** There must be nothing behind the value. */
  finish(): void {
    this.#space();
    if (this.#at < this.#end) throw this.error("something behind the end");
  }

  beginObject(): void {
    if (this.#space() !== OPEN_OBJECT) throw this.error("an object is expected");
    this.#at += 1;
    this.#fresh = true;
  }

  /** The field of the next key, whose value must be read or skipped; or END. */
  nextKey(keys: JsonKeys): number {
    if (!this.#nextPart(CLOSE_OBJECT)) return END;
    const expected = keys.expected(this.#bytes, this.#at);
    if (expected > 0) {
      this.#at += expected;
      return keys.takeExpected();
    }
    this.#key();
    return keys.learn(this.text);
  }

  /** The next key, whatever it is, into `text`; false: END. */
  nextName(): boolean {
    if (!this.#nextPart(CLOSE_OBJECT)) return false;
    this.#key();
    return true;
  }

  #key(): void {
    if (this.#bytes[this.#at] !== QUOTE) throw this.error("a key is expected");
    this.#string();
    if (this.#space() !== COLON) throw this.error("a colon is expected");
    this.#at += 1;
  }

  beginArray(): void {
    if (this.#space() !== OPEN_ARRAY) throw this.error("an array is expected");
    this.#at += 1;
    this.#fresh = true;
  }

  /** Whether there is one more, which must be read or skipped. */
  nextItem(): boolean {
    return this.#nextPart(CLOSE_ARRAY);
  }

  /** Whether the next value is null, which is then read: a field that is null is absent. */
  isNull(): boolean {
    if (this.#space() !== LETTER_N) return false;
    this.#literal(NULL);
    return true;
  }

  isString(): boolean {
    return this.#space() === QUOTE;
  }

  isObject(): boolean {
    return this.#space() === OPEN_OBJECT;
  }

  isArray(): boolean {
    return this.#space() === OPEN_ARRAY;
  }

  /** Into `text`. */
  readString(): void {
    if (this.#space() !== QUOTE) throw this.error("a string is expected");
    this.#string();
  }

  /** Into `text`: a string, or how a number or a boolean is written. */
  readAsText(): void {
    const byte = this.#space();
    const from = this.#at;
    if (byte === QUOTE) {
      this.#string();
      return;
    }
    if (byte === LETTER_T) this.#literal(TRUE);
    else if (byte === LETTER_F) this.#literal(FALSE);
    else this.#number();
    this.text.from = from;
    this.text.to = this.#at;
  }

  isBoolean(): boolean {
    const byte = this.#space();
    return byte === LETTER_T || byte === LETTER_F;
  }

  readBoolean(): boolean {
    const value = this.#space() === LETTER_T;
    this.#literal(value ? TRUE : FALSE);
    return value;
  }

  /** Into `number`, also one that stands in a string. */
  readNumber(): void {
    if (this.#space() === QUOTE) {
      this.#string();
      this.textAsNumber();
    } else this.#number();
  }

  /** The text into `number`. */
  textAsNumber(): void {
    const { from, to } = this.text;
    if (this.number.read(this.#bytes, from, to) !== to) throw this.error("a number is expected");
  }

  /** Any value. */
  skip(): void {
    let depth = 0;
    do {
      const byte = this.#space();
      if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        if (depth === SKIPPED_DEPTH_MAX) throw this.error("nested too deep");
        this.#nested[depth++] = byte;
        this.#at += 1;
        this.#fresh = true;
      } else if (byte === QUOTE) this.#string();
      else if (byte === LETTER_T) this.#literal(TRUE);
      else if (byte === LETTER_F) this.#literal(FALSE);
      else if (byte === LETTER_N) this.#literal(NULL);
      else this.#number();
      while (depth > 0 && !this.#nextSkipped(this.#nested[depth - 1])) depth--;
    } while (depth > 0);
  }

  error(what: string): EngineError {
    return this.#failure ?? new EngineError("malformed", `json: ${what}, at byte ${this.#at}`);
  }

  #nextSkipped(opened: number): boolean {
    return opened === OPEN_ARRAY ? this.#nextPart(CLOSE_ARRAY) : this.nextName();
  }

  /** Stands at the next part, or behind `close`. */
  #nextPart(close: number): boolean {
    let byte = this.#space();
    if (this.#fresh) {
      this.#fresh = false;
      if (byte !== close) return true;
      this.#at += 1;
      return false;
    }
    this.#at += 1;
    if (byte === close) return false;
    if (byte !== COMMA) {
      this.#at -= 1;
      throw this.error(`a comma or "${String.fromCharCode(close)}" is expected`);
    }
    byte = this.#space();
    if (byte === close) throw this.error("a comma before the end");
    return true;
  }

  /** The byte behind white space, or END. */
  #space(): number {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    for (; at < end; at++) {
      const byte = bytes[at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        this.#at = at;
        return byte;
      }
    }
    this.#at = end;
    return END;
  }

  #literal(word: Uint8Array): void {
    for (const byte of word) {
      if (this.#bytes[this.#at] !== byte) throw this.error("a value is expected");
      this.#at += 1;
    }
  }

  #number(): void {
    const after = this.number.read(this.#bytes, this.#at, this.#end);
    if (after < 0) throw this.error("a value is expected");
    this.#at = after;
  }

  /** From the quote that begins it to behind the one that ends it. */
  #string(): void {
    const bytes = this.#bytes;
    const end = this.#end;
    const from = this.#at + 1;
    for (let at = from; at < end; at++) {
      const byte = bytes[at];
      if (byte === QUOTE) {
        this.text.from = from;
        this.text.to = at;
        this.#at = at + 1;
        return;
      }
      if (byte === BACKSLASH) {
        this.#escapedString(from, at);
        return;
      }
      if (byte < 0x20) {
        this.#at = at;
        throw this.error("a control character in a string");
      }
    }
    this.#at = end;
    throw this.error("a string without end");
  }

  /** The first backslash is at `at`; what is right moves down over what is not. */
  #escapedString(from: number, first: number): void {
    const bytes = this.#bytes;
    let to = first;
    this.#at = first;
    for (;;) {
      if (this.#at >= this.#end) throw this.error("a string without end");
      const byte = bytes[this.#at++];
      if (byte === QUOTE) break;
      if (byte < 0x20) throw this.error("a control character in a string");
      if (byte !== BACKSLASH) bytes[to++] = byte;
      else if (bytes[this.#at] === LETTER_U) to = this.#unicode(to);
      else {
        const meant = ESCAPES.get(bytes[this.#at]);
        if (meant === undefined || this.#at >= this.#end) throw this.error("an unknown escape");
        bytes[to++] = meant;
        this.#at += 1;
      }
    }
    this.text.from = from;
    this.text.to = to;
  }

  /** Stands at the u; writes the character at `to` and returns its end. */
  #unicode(to: number): number {
    let code = this.#hex4(this.#at + 1);
    this.#at += 5;
    if (code >= 0xd800 && code < 0xe000) {
      const low = code < 0xdc00 ? this.#lowSurrogate() : 0;
      if (low === 0) code = 0xfffd;
      else {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        this.#at += 6;
      }
    }
    return putUtf8(this.#bytes, to, code);
  }

  /** Zero: none follows. */
  #lowSurrogate(): number {
    const bytes = this.#bytes;
    if (bytes[this.#at] !== BACKSLASH || bytes[this.#at + 1] !== LETTER_U) return 0;
    const code = this.#hex4(this.#at + 2);
    return code >= 0xdc00 && code < 0xe000 ? code : 0;
  }

  #hex4(at: number): number {
    if (at + 4 > this.#end) throw this.error("an escape without end");
    let code = 0;
    for (let i = at; i < at + 4; i++) {
      const digit = hexDigit(this.#bytes[i]);
      if (digit < 0) throw this.error("an escape without four hex digits");
      code = code * 16 + digit;
    }
    return code;
  }
}

function putUtf8(bytes: Uint8Array, at: number, code: number): number {
  let to = at;
  if (code < 0x80) bytes[to++] = code;
  else {
    if (code < 0x800) bytes[to++] = 0xc0 | (code >> 6);
    else {
      if (code < 0x10000) bytes[to++] = 0xe0 | (code >> 12);
      else {
        bytes[to++] = 0xf0 | (code >> 18);
        bytes[to++] = 0x80 | ((code >> 12) & 63);
      }
      bytes[to++] = 0x80 | ((code >> 6) & 63);
    }
    bytes[to++] = 0x80 | (code & 63);
  }
  return to;
}
