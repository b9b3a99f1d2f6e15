/**
 * What a client sends before it is its turn: kept within a bound that all clients share, while its
 * socket is not read.
 */

const NOTHING = Buffer.alloc(0);

export interface EarlySocket {
  pause(): unknown;
  resume(): unknown;
}

export interface EarlyBound {
  /** So many bytes more are kept; false: there are too many. */
  keep(bytes: number): boolean;
  /** So many of them are not kept any more. */
  letGo(bytes: number): void;
}

export class EarlyBytes {
  readonly #socket: EarlySocket;
  readonly #bound: EarlyBound;
  #bytes: Buffer = NOTHING;
  #isPaused = false;

  constructor(socket: EarlySocket, bound: EarlyBound) {
    this.#socket = socket;
    this.#bound = bound;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The socket is not read. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** A copy is kept. False: there is no room. */
  keep(bytes: Uint8Array): boolean {
    if (!this.#bound.keep(bytes.length)) return false;
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (!this.#isPaused) this.#socket.pause();
    this.#isPaused = true;
    return true;
  }

  /** All of them, whose turn it is now, or which nobody wants. */
  take(): Buffer {
    const bytes = this.#bytes;
    this.#bytes = NOTHING;
    if (bytes.length > 0) this.#bound.letGo(bytes.length);
    return bytes;
  }

  /** The socket is read on. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }
}
