/**
 * The body of a request on its way from the connection to who asked for it: as a whole, where its
 * length was said, in pieces, or to nobody, who drops it.
 *
 * It is asked for before the first of it comes, or it is dropped.
 */
import { assert } from "../base/assert.ts";
import { freeBytes } from "../base/free-bytes.ts";

export interface PieceReader {
  /** Rejects when the client goes, or what it sends is no body. */
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }>;
  /** What comes from now on is dropped. */
  cancel(): Promise<void>;
}

type Piece = Awaited<ReturnType<PieceReader["read"]>>;
type Asked<T> = PromiseWithResolvers<T>;

const DONE: Piece = { done: true };

export class Http1Body implements PieceReader {
  readonly #length: number | "chunked";
  #whole: Asked<Uint8Array> | undefined;
  #bytes: Uint8Array | undefined;
  /** The memory in which a body lies that came in one piece. */
  #home: Uint8Array | undefined;
  #received = 0;
  #isRead = false;
  #pieces: Uint8Array[] = [];
  #asked: Asked<Piece> | undefined;
  #state: "coming" | "here" | "failed" = "coming";

  constructor(length: number | "chunked") {
    this.#length = length;
    if (length === 0) this.#state = "here";
  }

  /** Nobody wants it, or what is still to come of it. */
  get isDropped(): boolean {
    return this.#whole === undefined && !this.#isRead;
  }

  /** Of a body whose length was said. Rejects as read() does. */
  whole(): Promise<Uint8Array> {
    assert(this.isDropped && this.#length !== "chunked", "body: a part cannot be read as a whole");
    if (this.#length === 0) return Promise.resolve(new Uint8Array(0));
    this.#whole = Promise.withResolvers();
    return this.#whole.promise;
  }

  /** To be called when what whole() gave is of no more use. */
  free(): void {
    if (this.#home !== undefined) freeBytes(this.#home);
    this.#home = undefined;
  }

  /** Of a body in chunks. */
  pieces(): PieceReader {
    assert(this.#length === "chunked", "body: a whole is not read in pieces");
    this.#isRead = true;
    return this;
  }

  read(): Promise<Piece> {
    const value = this.#pieces.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (this.#state === "here") return Promise.resolve(DONE);
    if (this.#state === "failed") return Promise.reject(new Error("the client has gone"));
    this.#asked = Promise.withResolvers();
    return this.#asked.promise;
  }

  cancel(): Promise<void> {
    this.#isRead = false;
    this.#pieces = [];
    this.#asked?.resolve(DONE);
    return Promise.resolve();
  }

  // ---- for the connection

  /** It was answered before it came. */
  drop(): void {
    this.#isRead = false;
    this.#whole = undefined;
    this.#bytes = undefined;
    this.#pieces = [];
  }

  /**
   * All of it at once, in `home`, which nobody else has a view on. False: the body was not wanted
   * as a whole, and `home` is not kept.
   */
  putWhole(bytes: Uint8Array, home: Uint8Array): boolean {
    if (this.#whole === undefined || this.#received > 0) return false;
    this.#home = home;
    this.#bytes = bytes;
    this.#received = bytes.length;
    return true;
  }

  /** A part of the whole, which is copied. */
  put(part: Uint8Array): void {
    assert(this.#whole !== undefined, "body: nobody wants the part");
    this.#bytes ??= new Uint8Array(Number(this.#length));
    this.#bytes.set(part, this.#received);
    this.#received += part.length;
  }

  /** A piece, with nobody else's view on its memory. */
  give(value: Uint8Array): void {
    assert(this.#isRead, "body: nobody wants the piece");
    if (this.#asked === undefined) {
      this.#pieces.push(value);
      return;
    }
    const { resolve } = this.#asked;
    this.#asked = undefined;
    resolve({ done: false, value });
  }

  end(): void {
    this.#state = "here";
    if (this.#bytes !== undefined) this.#whole?.resolve(this.#bytes);
    this.#asked?.resolve(DONE);
  }

  /** No more of it comes. */
  fail(): void {
    if (this.#state !== "coming") return;
    this.#state = "failed";
    const gone = new Error("the client has gone");
    this.#whole?.reject(gone);
    this.#asked?.reject(gone);
  }
}
