/**
 * Header blocks of a client (RFC 7541): one decoder a connection, as each block may refer to what
 * came in those before. A block is whole when it comes here, and bounded.
 *
 * What is wrong with the code ends the connection, as nobody knows any more what later blocks
 * mean. What is wrong with a field is the request's: it says so and stays in the table.
 */

import { decodeHuffman, latin1 } from "./hpack-huffman.ts";
import { type Field, HpackTable, TABLE_BYTES_MAX } from "./hpack-table.ts";
import { ConnectionError } from "./http2-frame.ts";

/** Of an integer: none that fits a table or a block is longer. */
const INTEGER_SHIFT_MAX = 21;
const HUFFMAN = 0x80;

export class HpackDecoder {
  readonly #table = new HpackTable();
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  /** Calls `emit` for each field. Throws ConnectionError. */
  decode(block: Uint8Array, emit: (field: Field) => void): void {
    this.#block = block;
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
    const bytes = this.#block.subarray(start, end);
    return isHuffman ? decodeHuffman(bytes) : latin1(bytes);
  }
}

function damaged(what: string): ConnectionError {
  return new ConnectionError("compressionError", what);
}

/** Lower case, as HTTP/2 has them, and nothing that is no token; a colon may be the first. */
function isName(name: string): boolean {
  return /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name);
}

/** No end of a line and no zero, and no space around it. */
function isValue(value: string): boolean {
  return !/[\0\r\n]|^[ \t]|[ \t]$/.test(value);
}
