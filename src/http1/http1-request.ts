/** A request whose head is here: where its body ends, how much of it has come, and who gets it. */
import { assert } from "../base/assert.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { Http1Body } from "./http1-body.ts";
import type { Http1Head } from "./http1-head.ts";

export class Http1Request {
  readonly head: Http1Head;
  readonly body: Http1Body;
  readonly #chunks: ChunkReader | undefined;
  /** Bytes to come, of a body whose length was said. */
  #left: number;
  #isAnswered = false;

  constructor(head: Http1Head) {
    const { length } = head;
    this.head = head;
    this.body = new Http1Body(length);
    this.#chunks = length === "chunked" ? new ChunkReader() : undefined;
    this.#left = length === "chunked" ? 0 : length;
  }

  /** All of the body has come. */
  get isWhole(): boolean {
    return this.#left === 0 && this.#chunks?.isOver !== false;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Bytes that are to come and that nobody wants, where their number was said. */
  get unwanted(): number {
    return this.#isAnswered ? this.#left : 0;
  }

  /** So many of the unwanted bytes came, and were not read. */
  dropped(bytes: number): void {
    assert(bytes <= this.unwanted, "http1: dropped what was wanted");
    this.#left -= bytes;
  }

  /** What is still to come of the body is dropped. */
  answered(): void {
    this.#isAnswered = true;
    if (!this.isWhole) this.body.drop();
  }

  /** True: the bytes from `at` on are the whole body, and are kept where they lie. */
  takeWhole(bytes: Uint8Array, at: number): boolean {
    if (this.#chunks !== undefined || bytes.length - at !== this.#left) return false;
    if (!this.body.putWhole(bytes.subarray(at), bytes)) return false;
    this.#left = 0;
    this.body.end();
    return true;
  }

  /** What is the body's of the bytes from `at` on. Returns where it stopped; -1: no chunks. */
  read(bytes: Buffer, at: number): number {
    const next =
      this.#chunks === undefined
        ? this.#readPart(bytes, at)
        : this.#readChunks(this.#chunks, bytes, at);
    if (this.isWhole) this.body.end();
    return next;
  }

  #readPart(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    if (!this.body.isDropped) this.body.put(bytes.subarray(at, end));
    this.#left -= end - at;
    return end;
  }

  #readChunks(chunks: ChunkReader, bytes: Buffer, at: number): number {
    if (this.body.isDropped) return chunks.read(bytes, at, () => {});
    // In one piece, however small the chunks are.
    const piece = new Uint8Array(bytes.length - at);
    let length = 0;
    const next = chunks.read(bytes, at, (data) => {
      piece.set(data, length);
      length += data.length;
    });
    if (length > 0) this.body.give(piece.subarray(0, length));
    return next;
  }
}
