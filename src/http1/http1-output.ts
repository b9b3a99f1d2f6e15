/** What goes out on a socket: what it does not take waits here until it has room. */

const NOTHING = new Uint8Array(0);

export interface OutputSocket {
  /** How many bytes were taken; below zero: it is closed. */
  write(bytes: Uint8Array): number;
}

export class Http1Output {
  readonly #socket: OutputSocket;
  #unsent: Uint8Array = NOTHING;

  constructor(socket: OutputSocket) {
    this.#socket = socket;
  }

  get isEmpty(): boolean {
    return this.#unsent.length === 0;
  }

  write(bytes: Uint8Array): void {
    const all = this.isEmpty ? bytes : Buffer.concat([this.#unsent, bytes]);
    const taken = Math.max(0, this.#socket.write(all));
    this.#unsent = taken < all.length ? all.subarray(taken) : NOTHING;
  }

  /** The socket has room. */
  drain(): void {
    const bytes = this.#unsent;
    this.#unsent = NOTHING;
    this.write(bytes);
  }
}
