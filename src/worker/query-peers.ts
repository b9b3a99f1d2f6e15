/**
 * The other query threads as one of them sees them: each has a port to each other one, which main
 * makes anew when a thread is started again.
 *
 * Threads: one query thread.
 */
import type { MessagePort } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { EngineError, type ErrorCode } from "../base/error.ts";
import type { GatheredPart, GatherJob, Peers } from "../query/answer-question.ts";
import { buffersOf } from "../query/metrics-partial.ts";
import { type PassedGathered, passGathered, receiveGathered } from "./pass-answer.ts";

type PassedPart = Omit<GatheredPart, "gathered"> & { readonly gathered: PassedGathered };

type PeerMessage =
  | { readonly type: "gather"; readonly id: number; readonly job: GatherJob }
  | { readonly type: "cancel"; readonly id: number }
  | { readonly type: "gathered"; readonly id: number; readonly part: PassedPart }
  | {
      readonly type: "failed";
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      readonly block: string | undefined;
    };

interface Waiting {
  resolve(part: GatheredPart): void;
  reject(error: EngineError): void;
}

interface Peer {
  readonly port: MessagePort;
  readonly waiting: Map<number, Waiting>;
}

export interface QueryPeersOptions {
  readonly self: number;
  /** Does a part of another thread's question; rejects with an EngineError. */
  readonly gather: (job: GatherJob, signal: AbortSignal) => Promise<GatheredPart>;
}

export class QueryPeers implements Peers {
  readonly self: number;
  readonly #options: QueryPeersOptions;
  readonly #peers = new Map<number, Peer>();
  #nextId = 0;

  constructor(options: QueryPeersOptions) {
    this.self = options.self;
    this.#options = options;
  }

  get others(): readonly number[] {
    return [...this.#peers.keys()];
  }

  /** A thread is there, or there again. */
  connect(reader: number, port: MessagePort): void {
    const gone = this.#peers.get(reader);
    for (const { reject } of gone?.waiting.values() ?? []) {
      reject(new EngineError("internal", "a query thread ended"));
    }
    gone?.port.close();
    const peer: Peer = { port, waiting: new Map() };
    const doing = new Map<number, AbortController>();
    this.#peers.set(reader, peer);
    // What comes over a port is what query-peers.ts of the other thread sends.
    port.on("message", (message) => this.#hear(peer, doing, message as PeerMessage));
  }

  async gather(owner: number, job: GatherJob, signal: AbortSignal): Promise<GatheredPart> {
    signal.throwIfAborted();
    const peer = this.#peers.get(owner);
    if (peer === undefined) throw new EngineError("overloaded", "a query thread is starting");
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<GatheredPart>();
    const cancel = () => {
      peer.port.postMessage({ type: "cancel", id } satisfies PeerMessage);
      reject(signal.reason);
    };
    peer.waiting.set(id, { resolve, reject });
    peer.port.postMessage({ type: "gather", id, job } satisfies PeerMessage);
    signal.addEventListener("abort", cancel, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", cancel);
      peer.waiting.delete(id);
    }
  }

  #hear(peer: Peer, doing: Map<number, AbortController>, message: PeerMessage): void {
    switch (message.type) {
      case "gather": {
        const controller = new AbortController();
        doing.set(message.id, controller);
        void this.#do(peer, message, controller.signal).finally(() => doing.delete(message.id));
        break;
      }
      case "cancel":
        doing.get(message.id)?.abort(new EngineError("internal", "nobody waits any more"));
        break;
      case "gathered":
        peer.waiting.get(message.id)?.resolve({
          ...message.part,
          gathered: receiveGathered(message.part.gathered),
        });
        break;
      case "failed":
        peer.waiting
          .get(message.id)
          ?.reject(new EngineError(message.code, message.message, { block: message.block }));
        break;
    }
  }

  async #do(
    { port }: Peer,
    { id, job }: Extract<PeerMessage, { type: "gather" }>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      const part = await this.#options.gather(job, signal);
      if (signal.aborted) return;
      const { gathered } = part;
      const handed = gathered.type === "metrics" ? buffersOf(gathered.partial) : [];
      const passed: PassedPart = { ...part, gathered: passGathered(gathered) };
      port.postMessage({ type: "gathered", id, part: passed } satisfies PeerMessage, handed);
    } catch (error) {
      assert(error instanceof EngineError, "query: a part that failed says why");
      const { code, message, block } = error;
      port.postMessage({ type: "failed", id, code, message, block } satisfies PeerMessage);
    }
  }
}
