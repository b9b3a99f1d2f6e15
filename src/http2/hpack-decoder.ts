/**
 * Header blocks of a client (RFC 7541): one decoder a connection, as each block may refer to what
 * came in those before. A block is whole when it comes here, and bounded.
 *
 * What is wrong with the code ends the connection, as nobody knows any more what later blocks
 * mean. What is wrong with a field is the request's: it says so and stays in the table.
 */

import { decodeHuffman } from "./hpack-huffman.ts";
import { type Field, HpackTable, TABLE_BYTES_MAX } from "./hpack-table.ts";
import { ConnectionError } from "./http2-frame.ts";

/** Of an integer: none that fits a table or a block is longer. */
const INTEGER_SHIFT_MAX = 21;
const HUFFMAN = 0x80;

export class HpackDecoder {
  readonly #table = new HpackTable();
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Calls `emit` for each field. Throws ConnectionError. */
  decode(block: Uint8Array, emit: (field: Field) => void): void {
    this.#block = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    this.#at = 0;
    let mayResize = true;
    while (this.#at < block.length) {
      const first = block[this.#at];
      if ((first & 0xe0) === 0x20) {
        if (!mayResize) throw damaged("a table is resized behind fields");
        this.#resize();
        continue;
      }
      mayResize = false;
      if (first & 0x80) emit(this.#field(this.#integer(7)));
      else if (first & 0x40) {
        const field = this.#literal(6);
        this.#table.add(field);
        emit(field);
      } else emit(this.#literal(4));
    }
  }

  #resize(): void {
    const bytes = this.#integer(5);
    if (bytes > TABLE_BYTES_MAX) throw damaged("a table is larger than it may be");
    this.#table.resize(bytes);
  }

  #field(index: number): Field {
    const field = index === 0 ? undefined : this.#table.at(index);
    if (field === undefined) throw damaged("no such index");
    return field;
  }

  /** Its name by index or as text, its value as text. */
  #literal(prefixBits: number): Field {
    const index = this.#integer(prefixBits);
    const known = index === 0 ? undefined : this.#field(index);
    const name = known?.name ?? this.#text();
    const value = this.#text();
    const isValid = (known?.isValid ?? isName(name)) && isValue(value);
    return { name, value, isValid };
  }

  #integer(prefixBits: number): number {
    const mask = (1 << prefixBits) - 1;
    let value = this.#byte() & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      if (shift > INTEGER_SHIFT_MAX) throw damaged("an integer is too large");
      const byte = this.#byte();
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw damaged("a block ends early");
    return this.#block[this.#at++];
  }

  #text(): string {
    const isHuffman = (this.#block[this.#at] & HUFFMAN) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    const end = start + length;
    if (end > this.#block.length) throw damaged("a block ends early");
    this.#at = end;
    if (isHuffman) return decodeHuffman(this.#block.subarray(start, end));
    return this.#block.toString("latin1", start, end);
  }
}

function damaged(what: string): ConnectionError {
  return new ConnectionError("compressionError", what);
}

/** Characters of names: lower case, as HTTP/2 has them, and nothing that is no token. */
const NAME_CHARACTERS = Uint8Array.from({ length: 256 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9a-z]/.test(String.fromCharCode(code)) ? 1 : 0,
);
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

function isName(name: string): boolean {
  const start = name.charCodeAt(0) === COLON ? 1 : 0;
  for (let i = start; i < name.length; i++) {
    if (NAME_CHARACTERS[name.charCodeAt(i)] === 0) return false;
  }
  return name.length > start;
}

/** No end of a line and no zero, and no space around it. */
function isValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code < SPACE && (code === 0 || code === 0x0a || code === 0x0d)) return false;
  }
  return !isBlank(value.charCodeAt(0)) && !isBlank(value.charCodeAt(value.length - 1));
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB;
}
