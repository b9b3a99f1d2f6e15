/**
 * JSON text as UTF-8 bytes in pieces: a large answer is written once, never held as a string or in
 * one buffer, and strings that are UTF-8 already are copied byte by byte, escaped on the way.
 */
import { MiB } from "../base/bytes.ts";
import { GarbageCount } from "../base/garbage.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const HEX = new TextEncoder().encode("0123456789abcdef");
const BASE64 = new TextEncoder().encode(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
);
const PADDING = 0x3d;

/** Second byte of the short escapes by control character; the others become \u00xx. */
const shortEscapes = new Uint8Array(32);
for (const [code, letter] of Object.entries({ 8: "b", 9: "t", 10: "n", 12: "f", 13: "r" })) {
  shortEscapes[Number(code)] = letter.charCodeAt(0);
}

/** As in \u001f. */
const ESCAPE_BYTES_MAX = 6;

/** A piece is at least twice the one before it, up to this. */
const PIECE_BYTES = MiB;
const FIRST_BYTES = 1024;
/** Writers of numbers leave about as many bytes of small texts behind as they write, or twice. */
const garbage = new GarbageCount(16 * MiB);

export class JsonBytes {
  readonly #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** The piece that is written, up to `length`. */
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #length = 0;

  /** What was written, each piece alone in its buffer; the writer must not be used after. */
  finish(): Uint8Array<ArrayBuffer>[] {
    if (this.#length > 0) this.#pieces.push(this.#bytes.slice(0, this.#length));
    return this.#pieces;
  }

  /** One ASCII character by its code. */
  char(code: number): void {
    if (this.#length === this.#bytes.length) this.#room(1);
    this.#bytes[this.#length++] = code;
  }

  /** ASCII text as it is. */
  ascii(text: string): void {
    this.#room(text.length);
    for (let i = 0; i < text.length; i++) this.#bytes[this.#length++] = text.charCodeAt(i);
  }

  /** Bytes as they are; for keys and other short pieces. */
  raw(piece: Uint8Array): void {
    this.#room(piece.length);
    for (let i = 0; i < piece.length; i++) this.#bytes[this.#length++] = piece[i];
  }

  /** Any text as a JSON string. */
  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.utf8(bytes, 0, bytes.length);
  }

  /** UTF-8 as a JSON string. */
  utf8(source: Uint8Array, start: number, end: number): void {
    this.#room(end - start + 2);
    let target = this.#bytes;
    let to = this.#length;
    target[to++] = QUOTE;
    for (let i = start; i < end; i++) {
      const byte = source[i];
      if (byte >= 0x20 && byte !== QUOTE && byte !== BACKSLASH) {
        target[to++] = byte;
        continue;
      }
      this.#length = to;
      this.#room(end - i + ESCAPE_BYTES_MAX);
      target = this.#bytes;
      to = putEscape(target, this.#length, byte);
    }
    target[to++] = QUOTE;
    this.#length = to;
  }

  /** Bytes as a JSON string of standard base64 with padding. */
  base64(source: Uint8Array, start: number, end: number): void {
    this.#room(4 * Math.ceil((end - start) / 3) + 2);
    const target = this.#bytes;
    let to = this.#length;
    target[to++] = QUOTE;
    for (let i = start; i < end; i += 3) {
      const left = end - i;
      const second = left > 1 ? source[i + 1] : 0;
      const third = left > 2 ? source[i + 2] : 0;
      const bits = (source[i] << 16) | (second << 8) | third;
      target[to++] = BASE64[bits >>> 18];
      target[to++] = BASE64[(bits >>> 12) & 63];
      target[to++] = left > 1 ? BASE64[(bits >>> 6) & 63] : PADDING;
      target[to++] = left > 2 ? BASE64[bits & 63] : PADDING;
    }
    target[to++] = QUOTE;
    this.#length = to;
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    // What is left over of a piece stays in its buffer, at most as much as the next text takes.
    if (this.#length > 0) this.#pieces.push(this.#bytes.subarray(0, this.#length));
    garbage.note(2 * this.#length);
    this.#bytes = new Uint8Array(Math.max(bytes, Math.min(PIECE_BYTES, 2 * this.#bytes.length)));
    this.#length = 0;
  }
}

function putEscape(target: Uint8Array, at: number, byte: number): number {
  let to = at;
  target[to++] = BACKSLASH;
  if (byte >= 0x20) target[to++] = byte;
  else if (shortEscapes[byte] !== 0) target[to++] = shortEscapes[byte];
  else {
    target[to++] = 0x75; // u
    target[to++] = HEX[0];
    target[to++] = HEX[0];
    target[to++] = HEX[byte >>> 4];
    target[to++] = HEX[byte & 15];
  }
  return to;
}
