/**
 * The server's side of a connection of HTTP/1.1 (RFC 9112): one request after the other, each
 * answered before the next is read, and its body dropped as it comes where nobody asked for it.
 *
 *   head ─▶ request (its body comes and its answer goes, whichever is first) ─▶ head …
 *     └────────┴──▶ lingering (answered for the last time, what comes is dropped) ─▶ over
 *
 * An answer may go out while the body comes: clients read it when they have sent all, and the
 * connection goes on. Where it is the last one, our side is shut and what comes is still read, for
 * a while, as a client that is sending would not see an answer that a reset overtakes. A client
 * that shuts its side first has the answers to all that it sent.
 *
 * What a client can make it keep is bounded: a head, a body as its reader bounds it, what it sends
 * while it is not its turn, one answer that it does not read.
 *
 * Invariant: while a body comes nothing is kept as early. So what is unwanted of a body is what
 * the socket gives next, whoever reads it.
 *
 * Threads: one ingress Worker.
 */
import { assert } from "../base/assert.ts";
import { type EarlyBound, EarlyBytes, type EarlySocket } from "./early-bytes.ts";
import { answerBytes, CONTINUE, faultBytes, type Http1Answer } from "./http1-answer.ts";
import type { Http1Body } from "./http1-body.ts";
import {
  HEAD_BYTES_MAX,
  type HeadFault,
  type Http1Head,
  headEnd,
  isEmptyLine,
  parseHead,
} from "./http1-head.ts";
import { Http1Output, type OutputSocket } from "./http1-output.ts";
import { Http1Request } from "./http1-request.ts";

/** A socket as Bun has it. */
export interface Http1Socket extends OutputSocket, EarlySocket {
  /** When what was written has gone; what still comes is answered with a reset. */
  end(): unknown;
  /** Says that nothing more comes from here. */
  shutdown(): unknown;
  terminate(): unknown;
}

export interface Http1Owner extends EarlyBound {
  /** There at once where the head was enough: then nobody wants the body. Never rejects. */
  request(head: Http1Head, body: Http1Body): Http1Answer | Promise<Http1Answer>;
  nowMs(): number;
}

/** After the last answer, so that who still sends sees it. */
const LINGER_MS = 2000;
const NOTHING = Buffer.alloc(0);

export class Http1Connection {
  readonly #socket: Http1Socket;
  readonly #owner: Http1Owner;
  readonly #output: Http1Output;
  readonly #early: EarlyBytes;
  #state: "open" | "lingering" | "over" = "open";
  /** Whose body comes, or whose answer does not go yet. */
  #request: Http1Request | undefined;
  /** A head that has not ended. */
  #part: Buffer = NOTHING;
  /** The client says nothing more. */
  #hasEnded = false;
  #isRefused = false;
  #movedMs: number;
  /** When the head began that has not ended, or our side was shut. */
  #beganMs = 0;

  constructor(socket: Http1Socket, owner: Http1Owner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#output = new Http1Output(socket);
    this.#early = new EarlyBytes(socket, owner);
    this.#movedMs = owner.nowMs();
  }

  /** Nothing was asked for that is not answered. */
  get isIdle(): boolean {
    const isAtRest = this.#isOpen && this.#request === undefined;
    return isAtRest && this.#part.length === 0 && this.#output.isEmpty;
  }

  /** The last request was refused by its head, and the next may be as well. */
  get isRefused(): boolean {
    return this.#isRefused && (this.isIdle || this.unwanted > 0);
  }

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** The socket is not read, until the client's turn comes. */
  get isPaused(): boolean {
    return this.#early.isPaused;
  }

  /** Bytes of a body that come next and that nobody wants, where their number was said. */
  get unwanted(): number {
    return this.#isOpen ? (this.#request?.unwanted ?? 0) : 0;
  }

  /** So many of the unwanted bytes came, and were not read. */
  dropped(bytes: number): void {
    assert(bytes <= this.unwanted, "http1: dropped what was wanted");
    this.#movedMs = this.#owner.nowMs();
    this.#request?.dropped(bytes);
    this.#passOver();
  }

  /**
   * Bytes came. True: they are kept as they lie, and are not to be freed; this happens only where
   * they are `ours`, with nobody else's view on their memory.
   */
  feed(bytes: Buffer, ours: boolean): boolean {
    this.#movedMs = this.#owner.nowMs();
    if (this.#early.length > 0) {
      this.#keepEarly(bytes);
      return false;
    }
    if (this.#part.length === 0) return this.#read(bytes, ours);
    const all = Buffer.concat([this.#part, bytes]);
    this.#part = NOTHING;
    return this.#read(all, false);
  }

  /** The socket has room. */
  drained(): void {
    if (this.#output.isEmpty) return;
    this.#output.drain();
    if (!this.#output.isEmpty) return;
    if (this.#isOpen) this.#goOn();
    else if (this.#state === "lingering") this.#saidAll();
  }

  /** The client says nothing more, and may wait for answers. */
  ended(): void {
    this.#hasEnded = true;
    if (this.#isOpen && this.#isTheirTurn) this.#end(true);
    else if (this.#state === "lingering" && this.#output.isEmpty) this.#close();
  }

  /** The client has gone. */
  closed(): void {
    this.#state = "over";
    this.#part = NOTHING;
    this.#early.take();
    this.#request?.body.fail();
  }

  /** No request more; what is under way is answered. */
  leave(): void {
    if (this.#isOpen && this.#request === undefined) this.#end(true);
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

  get #isOpen(): boolean {
    return this.#state === "open";
  }

  /** What comes is read: a body, or, when all before is answered and gone, a head. */
  get #isTheirTurn(): boolean {
    return this.#request === undefined ? this.#output.isEmpty : !this.#request.isWhole;
  }

  /** As feed(). */
  #read(bytes: Buffer, ours: boolean): boolean {
    let at = 0;
    while (at < bytes.length && this.#isOpen) {
      if (!this.#isTheirTurn) {
        this.#keepEarly(bytes.subarray(at));
        return false;
      }
      const one = this.#request;
      if (one === undefined) at = this.#readHead(bytes, at);
      else if (ours && one.takeWhole(bytes, at)) return true;
      else at = this.#readBody(one, bytes, at);
    }
    return false;
  }

  /** Returns where it stopped. */
  #readHead(bytes: Buffer, at: number): number {
    if (isEmptyLine(bytes, at)) return at + 2;
    const end = headEnd(bytes, at);
    if (end <= 0) {
      if (end < 0) this.#fault(400);
      else if (bytes.length - at > HEAD_BYTES_MAX) this.#fault(431);
      else this.#keepPart(bytes.subarray(at));
      return bytes.length;
    }
    this.#beganMs = 0;
    const head = parseHead(bytes, at, end);
    if (typeof head === "number") this.#fault(head);
    else this.#begin(head);
    return end;
  }

  #keepPart(part: Uint8Array): void {
    this.#beganMs ||= this.#owner.nowMs();
    this.#part = Buffer.from(part);
  }

  #begin(head: Http1Head): void {
    const one = new Http1Request(head);
    this.#request = one;
    const answer = this.#owner.request(head, one.body);
    this.#isRefused = head.length !== 0 && !(answer instanceof Promise);
    if (!(answer instanceof Promise)) {
      // Who waits for a word that does not come may send the body or not: nobody knows what comes.
      this.#answer(one, head.expects ? closing(answer) : answer);
      return;
    }
    if (head.expects) this.#output.write(CONTINUE);
    void answer.then((late) => {
      this.#movedMs = this.#owner.nowMs();
      this.#answer(one, late);
      this.#goOn();
    });
  }

  /** Returns where it stopped. */
  #readBody(one: Http1Request, bytes: Buffer, at: number): number {
    const next = one.read(bytes, at);
    if (next < 0) this.#fault(400);
    else this.#passOver();
    return next < 0 ? bytes.length : next;
  }

  #answer(one: Http1Request, answer: Http1Answer): void {
    if (one !== this.#request || !this.#isOpen) return;
    one.answered();
    this.#output.write(answerBytes(answer, one.head.method === "HEAD"));
    if (one.head.closes || answer.headers["connection"] === "close") this.#end(one.isWhole);
    else this.#passOver();
  }

  /** A request that is answered and whole has nothing more to say. */
  #passOver(): void {
    if (this.#request?.isAnswered && this.#request.isWhole) this.#request = undefined;
  }

  /** An answer has gone that was waited for, or there is room for the next one. */
  #goOn(): void {
    if (!this.#isOpen || !this.#isTheirTurn) return;
    this.#read(this.#early.take(), false);
    // Unless it was not its turn again.
    if (!this.#isOpen || this.#early.length > 0) return;
    this.#early.resume();
    if (this.#hasEnded && this.#isTheirTurn) this.#end(true);
  }

  #keepEarly(bytes: Uint8Array): void {
    if (!this.#early.keep(bytes)) this.destroy();
  }

  /** To what is no request. One that has its answer gets no second one. */
  #fault(status: HeadFault): void {
    this.#request?.body.fail();
    if (!this.#request?.isAnswered) this.#output.write(faultBytes(status));
    this.#end(false);
  }

  /** After the last answer. `isWhole`: the client has sent all that it had to say. */
  #end(isWhole: boolean): void {
    if (isWhole && this.#output.isEmpty && this.#early.length === 0) {
      this.#close();
      return;
    }
    this.#state = "lingering";
    this.#beganMs = this.#owner.nowMs();
    this.#part = NOTHING;
    this.#early.take();
    if (this.#output.isEmpty) this.#saidAll();
    this.#early.resume();
  }

  /** The last answer has gone: the client is waited for, unless it has ended as well. */
  #saidAll(): void {
    if (this.#hasEnded) this.#close();
    else this.#socket.shutdown();
  }

  #close(): void {
    this.closed();
    this.#socket.end();
  }
}

/** An answer after which the connection ends. */
export function closing(answer: Http1Answer): Http1Answer {
  return { ...answer, headers: { ...answer.headers, connection: "close" } };
}
