/**
 * The store thread as a query thread sees it: asks for ranges, and goes on when they are there, or
 * stands still until they are.
 *
 * Threads: one query thread.
 */
import type { MessagePort } from "node:worker_threads";
import { EngineError } from "../base/error.ts";
import type { FileRange } from "../store/range-fetch.ts";
import { type FetchAnswer, type FetchRequest, waitForSlot } from "./store-protocol.ts";

interface Connection {
  readonly port: MessagePort;
  readonly slots: SharedArrayBuffer;
}

interface Waiting {
  resolve(): void;
  reject(error: EngineError): void;
}

export class StoreLink {
  readonly #waitMsMax: number;
  readonly #waiting = new Map<number, Waiting>();
  #connection: Connection | undefined;
  #ticket = 0;

  /** Nobody waits longer for an answer. */
  constructor(waitMsMax: number) {
    this.#waitMsMax = waitMsMax;
  }

  connect(connection: Connection): void {
    this.#connection = connection;
    // What comes over the port is what the store thread sends.
    connection.port.on("message", (message) => this.#hear(message as FetchAnswer));
  }

  /** Rejects with an EngineError. */
  async fetch(ranges: readonly FileRange[]): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.set(this.#ask(ranges), { resolve, reject });
    await promise;
  }

  /** Returns when they are there; meanwhile this thread hears nothing. Throws EngineError. */
  fetchNow(ranges: readonly FileRange[]): void {
    const { slots } = this.#connected();
    const answer = waitForSlot(slots, this.#ask(ranges), this.#waitMsMax);
    if (answer === undefined) {
      throw new EngineError("store_unavailable", "the store did not answer in time");
    }
    if (answer.code !== undefined) throw new EngineError(answer.code, answer.message);
  }

  #ask(ranges: readonly FileRange[]): number {
    const { port } = this.#connected();
    this.#ticket = (this.#ticket + 1) & 0x3fff_ffff;
    port.postMessage({ ticket: this.#ticket, ranges } satisfies FetchRequest);
    return this.#ticket;
  }

  #connected(): Connection {
    if (this.#connection !== undefined) return this.#connection;
    throw new EngineError("overloaded", "the store thread is starting");
  }

  #hear(answer: FetchAnswer): void {
    const waiting = this.#waiting.get(answer.ticket);
    this.#waiting.delete(answer.ticket);
    if (answer.code === undefined) waiting?.resolve();
    else waiting?.reject(new EngineError(answer.code, answer.message));
  }
}
