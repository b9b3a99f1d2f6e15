/**
 * The server's side of a connection of HTTP/1.1 (RFC 9112): one request after the other, each
 * answered before the next is read, and its body dropped as it comes where nobody asked for it.
 *
 *   head ─▶ body ─▶ waiting (for the answer) ─▶ head …
 *     └───────┴──────────┴──▶ lingering (answered for the last time, what comes is dropped) ─▶ over
 *
 * An answer may go out while the body comes: clients read it when they have sent all, and the
 * connection goes on. Where it is the last one, our side is shut and what comes is still read, for
 * a while, as a client that is sending would not see an answer that a reset overtakes.
 *
 * What a client can make it keep is bounded: a head, a body as its reader bounds it, what it sends
 * while it is not its turn, one answer that it does not read.
 *
 * Threads: one ingress Worker. Nothing of it throws into the socket's events.
 */
import { assert } from "../base/assert.ts";
import { ChunkReader } from "./chunk-reader.ts";
import { answerBytes, CONTINUE, faultBytes, type Http1Answer } from "./http1-answer.ts";
import { Http1Body } from "./http1-body.ts";
import {
  HEAD_BYTES_MAX,
  type HeadFault,
  type Http1Head,
  headEnd,
  parseHead,
} from "./http1-head.ts";

/** A socket as Bun has it. */
export interface Http1Socket {
  /** How many bytes were taken; below zero: it is closed. */
  write(bytes: Uint8Array): number;
  /** When what was written has gone; what still comes is answered with a reset. */
  end(): unknown;
  /** Says that nothing more comes from here. */
  shutdown(): unknown;
  terminate(): unknown;
  pause(): unknown;
  resume(): unknown;
}

export interface Http1Owner {
  /** There at once where the head was enough: then nobody wants the body. Never rejects. */
  request(head: Http1Head, body: Http1Body): Http1Answer | Promise<Http1Answer>;
  /** So many bytes are kept of a client that does not wait its turn; false: there are too many. */
  keep(bytes: number): boolean;
  /** So many of them are not kept any more. */
  letGo(bytes: number): void;
  nowMs(): number;
}

interface Request {
  readonly head: Http1Head;
  readonly body: Http1Body;
  readonly chunks: ChunkReader | undefined;
  /** Bytes to come, of a body whose length was said. */
  left: number;
  isAnswered: boolean;
  /** It waits for a word before it sends the body. */
  waits: boolean;
}

/** After the last answer, so that who still sends sees it. */
const LINGER_MS = 2000;
const NOTHING = Buffer.alloc(0);

export class Http1Connection {
  readonly #socket: Http1Socket;
  readonly #owner: Http1Owner;
  #state: "head" | "body" | "waiting" | "lingering" | "over" = "head";
  #request: Request | undefined;
  /** A head that has not ended. */
  #part: Buffer = NOTHING;
  /** What came before its turn. */
  #early: Buffer = NOTHING;
  /** An answer that the client does not read. */
  #unsent: Uint8Array = NOTHING;
  #isPaused = false;
  #isRefused = false;
  #movedMs: number;
  /** When the head began that has not ended, or our side was shut. */
  #beganMs = 0;

  constructor(socket: Http1Socket, owner: Http1Owner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#movedMs = owner.nowMs();
  }

  /** Nothing was asked for that is not answered. */
  get isIdle(): boolean {
    return this.#state === "head" && this.#part.length === 0 && this.#unsent.length === 0;
  }

  /** The last request was refused by its head, and the next may be as well. */
  get isRefused(): boolean {
    return this.#isRefused && (this.isIdle || this.unwanted > 0);
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Bytes of a body that are to come and that nobody wants, where their number was said. */
  get unwanted(): number {
    return this.#state === "body" && this.#request?.isAnswered ? this.#request.left : 0;
  }

  /** So many of the unwanted bytes came, and were not read. */
  dropped(bytes: number): void {
    const one = this.#request;
    assert(one !== undefined && bytes <= this.unwanted, "http1: dropped what was wanted");
    this.#movedMs = this.#owner.nowMs();
    one.left -= bytes;
    if (one.left === 0) this.#bodyEnded(one);
  }

  /**
   * Bytes came. True: they are kept as they lie, and are not to be freed; this happens only where
   * they are `ours`, with nobody else's view on their memory.
   */
  feed(bytes: Buffer, ours: boolean): boolean {
    this.#movedMs = this.#owner.nowMs();
    if (this.#part.length > 0) {
      const all = Buffer.concat([this.#part, bytes]);
      this.#part = NOTHING;
      return this.#read(all, false);
    }
    if (this.#early.length === 0) return this.#read(bytes, ours);
    this.#keep(bytes);
    return false;
  }

  /** The socket has room. */
  drained(): void {
    if (this.#unsent.length === 0) return;
    const bytes = this.#unsent;
    this.#unsent = NOTHING;
    this.#write(bytes);
    if (this.#unsent.length > 0) return;
    if (this.#state === "lingering") this.#socket.shutdown();
    else this.#goOn();
  }

  /** The client has gone. */
  closed(): void {
    this.#state = "over";
    this.#part = NOTHING;
    this.#dropEarly();
    this.#request?.body.fail();
  }

  /** No request more; what is under way is answered. */
  leave(): void {
    if (this.#state === "head") this.#end(true);
  }

  destroy(): void {
    if (this.#state === "over") return;
    this.closed();
    this.#socket.terminate();
  }

  /** Ends what takes too long: to be called now and then. */
  sweep(bounds: { readonly idleMs: number; readonly headMs: number }): void {
    const now = this.#owner.nowMs();
    const beganMs = now - this.#beganMs;
    const isLateHead = this.#part.length > 0 && beganMs > bounds.headMs;
    const isLateEnd = this.#state === "lingering" && beganMs > LINGER_MS;
    if (isLateHead || isLateEnd || now - this.#movedMs > bounds.idleMs) this.destroy();
  }

  /** As feed(). */
  #read(bytes: Buffer, ours: boolean): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === "lingering" || this.#state === "over") return false;
      if (this.#state === "waiting" || this.#unsent.length > 0) {
        this.#keep(bytes.subarray(at));
        return false;
      }
      if (this.#state === "head") at = this.#readHead(bytes, at);
      else {
        const isKept = ours && this.#readWhole(bytes, at);
        if (isKept) return true;
        at = this.#readBody(bytes, at);
      }
    }
    return false;
  }

  /** Returns where it stopped. */
  #readHead(bytes: Buffer, at: number): number {
    const end = headEnd(bytes, at);
    if (end <= 0) {
      if (end < 0) this.#fault(400);
      else if (bytes.length - at > HEAD_BYTES_MAX) this.#fault(431);
      else this.#keepHead(bytes.subarray(at));
      return bytes.length;
    }
    const head = parseHead(bytes, at, end);
    if (typeof head === "number") {
      this.#fault(head);
      return bytes.length;
    }
    this.#beganMs = 0;
    this.#begin(head);
    return end;
  }

  #keepHead(part: Uint8Array): void {
    assert(part.length <= HEAD_BYTES_MAX, "http1: a head over its bound is kept");
    this.#beganMs ||= this.#owner.nowMs();
    this.#part = Buffer.from(part);
  }

  #begin(head: Http1Head): void {
    const body = new Http1Body(head.length);
    const isChunked = head.length === "chunked";
    const one: Request = {
      ...{ head, body, chunks: isChunked ? new ChunkReader() : undefined },
      ...{ left: isChunked ? 0 : Number(head.length), isAnswered: false, waits: head.expects },
    };
    this.#request = one;
    this.#state = head.length === 0 ? "waiting" : "body";
    const answer = this.#owner.request(head, body);
    this.#isRefused = head.length !== 0 && !(answer instanceof Promise);
    if (answer instanceof Promise) {
      if (one.waits) this.#write(CONTINUE);
      one.waits = false;
      void answer.then((late) => this.#answer(one, late));
    } else this.#answer(one, answer);
  }

  /** True: what is left of the bytes is the whole body, and is kept where it lies. */
  #readWhole(bytes: Uint8Array, at: number): boolean {
    const one = this.#request;
    if (one === undefined || one.chunks !== undefined) return false;
    if (bytes.length - at !== one.left) return false;
    if (!one.body.putWhole(bytes.subarray(at), bytes)) return false;
    one.left = 0;
    this.#bodyEnded(one);
    return true;
  }

  /** Returns where it stopped. */
  #readBody(bytes: Uint8Array, at: number): number {
    const one = this.#request;
    assert(one !== undefined, "http1: a body of no request");
    if (one.chunks !== undefined) return this.#readChunks(one, one.chunks, { bytes, at });
    const end = Math.min(bytes.length, at + one.left);
    if (!one.body.isDropped) one.body.put(bytes.subarray(at, end));
    one.left -= end - at;
    if (one.left === 0) this.#bodyEnded(one);
    return end;
  }

  #readChunks(
    one: Request,
    chunks: ChunkReader,
    { bytes, at }: { readonly bytes: Uint8Array; readonly at: number },
  ): number {
    // In one piece, however small the chunks are.
    const data = one.body.isDropped ? NOTHING : new Uint8Array(bytes.length - at);
    let length = 0;
    const next = chunks.read(bytes, at, (piece) => {
      if (data.length === 0) return;
      data.set(piece, length);
      length += piece.length;
    });
    if (length > 0) one.body.put(data.subarray(0, length));
    if (next < 0) {
      this.#fault(400);
      return bytes.length;
    }
    if (chunks.isOver) this.#bodyEnded(one);
    return next;
  }

  #bodyEnded(one: Request): void {
    this.#state = "waiting";
    one.body.end();
    if (one.isAnswered) this.#next();
  }

  #answer(one: Request, answer: Http1Answer): void {
    if (one !== this.#request || this.#state === "over" || this.#state === "lingering") return;
    one.isAnswered = true;
    const isWhole = this.#state === "waiting";
    if (!isWhole) one.body.drop();
    // Who waits for a word that does not come may send the body or not: nobody knows what is next.
    const last = one.waits ? closing(answer) : answer;
    this.#write(answerBytes(last, one.head.method === "HEAD"));
    if (one.head.closes || last.headers["connection"] === "close") this.#end(isWhole);
    else if (isWhole) this.#next();
  }

  /** To the next request, which may be here already. */
  #next(): void {
    this.#request = undefined;
    this.#state = "head";
    this.#goOn();
  }

  #goOn(): void {
    if (this.#unsent.length > 0 || this.#state === "waiting") return;
    const early = this.#dropEarly();
    if (early.length > 0) this.#read(early, false);
    // Unless it was not its turn again.
    if (!this.#isPaused || this.#early.length > 0) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #keep(bytes: Uint8Array): void {
    if (!this.#owner.keep(bytes.length)) {
      this.destroy();
      return;
    }
    this.#early = Buffer.concat([this.#early, bytes]);
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #dropEarly(): Buffer {
    const early = this.#early;
    this.#early = NOTHING;
    if (early.length > 0) this.#owner.letGo(early.length);
    return early;
  }

  #fault(status: HeadFault): void {
    this.#request?.body.fail();
    this.#write(faultBytes(status));
    this.#end(false);
  }

  /** After the last answer. `isWhole`: the client has sent all that it had to say. */
  #end(isWhole: boolean): void {
    if (isWhole && this.#unsent.length === 0 && this.#early.length === 0) {
      this.closed();
      this.#socket.end();
      return;
    }
    this.#state = "lingering";
    this.#beganMs = this.#owner.nowMs();
    this.#part = NOTHING;
    this.#dropEarly();
    if (this.#unsent.length === 0) this.#socket.shutdown();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #write(bytes: Uint8Array): void {
    const all = this.#unsent.length === 0 ? bytes : Buffer.concat([this.#unsent, bytes]);
    const taken = Math.max(0, this.#socket.write(all));
    this.#unsent = taken < all.length ? all.subarray(taken) : NOTHING;
  }
}

/** An answer after which the connection ends. */
export function closing(answer: Http1Answer): Http1Answer {
  return { ...answer, headers: { ...answer.headers, connection: "close" } };
}
