/**
 * A chunked body (RFC 9112, 7.1) as its bytes come: lengths, data, and behind the last chunk
 * trailers, which are passed over.
 *
 * A line that has not ended is kept within bounds, and only then; extensions of chunks, which
 * nobody uses, count to it.
 */
import { assert } from "../base/assert.ts";

const LINE_BYTES_MAX = 256;
/** Of all lines behind the last chunk. */
const TRAILER_BYTES_MAX = 8 * 1024;
/** Of 2^32 bytes less one at most. */
const SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n$/i;
const TRAILER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n$/;
const LINE_END = "\r\n";
const LF = 0x0a;

export class ChunkReader {
  #state: "size" | "data" | "data end" | "trailer" | "over" = "size";
  #left = 0;
  #line = "";
  #trailerBytes = 0;

  get isOver(): boolean {
    return this.#state === "over";
  }

  /**
   * Reads from `at` on to the end of the bytes or of the body, and returns where it stopped;
   * below zero: these are no chunks. `data` is called with views on what is in them.
   */
  read(bytes: Buffer, at: number, data: (piece: Uint8Array) => void): number {
    assert(!this.isOver, "chunks: read after the end");
    let next = at;
    while (next >= 0 && next < bytes.length && !this.isOver) {
      if (this.#state !== "data") {
        next = this.#readLine(bytes, next);
        continue;
      }
      const end = Math.min(bytes.length, next + this.#left);
      data(bytes.subarray(next, end));
      this.#left -= end - next;
      next = end;
      if (this.#left === 0) this.#state = "data end";
    }
    return next;
  }

  #readLine(bytes: Buffer, at: number): number {
    const lf = bytes.indexOf(LF, at);
    const end = lf < 0 ? bytes.length : lf + 1;
    if (this.#line.length + end - at > LINE_BYTES_MAX) return -1;
    this.#line += bytes.toString("latin1", at, end);
    if (lf < 0) return end;
    const line = this.#line;
    this.#line = "";
    return this.#take(line) ? end : -1;
  }

  /** False: the line, with its end, is not what must come here. */
  #take(line: string): boolean {
    if (this.#state === "data end") {
      this.#state = "size";
      return line === LINE_END;
    }
    if (this.#state === "trailer") {
      this.#trailerBytes += line.length;
      if (line === LINE_END) this.#state = "over";
      else if (!TRAILER.test(line)) return false;
      return this.#trailerBytes <= TRAILER_BYTES_MAX;
    }
    const size = SIZE.exec(line)?.[1];
    if (size === undefined) return false;
    this.#left = Number.parseInt(size, 16);
    this.#state = this.#left === 0 ? "trailer" : "data";
    return true;
  }
}
