/**
 * What a connection has to say: gathered while it listens, written in one piece, and kept within
 * bounds where the other side does not read.
 */

/** A socket as Bun has it. */
export interface ByteSocket {
  /** How many bytes were taken; the rest is to come again when it says that it has room. */
  write(bytes: Uint8Array): number;
  /** When what was written has gone. */
  end(): unknown;
  terminate(): unknown;
}

/** Answers are small: who lets so much gather does not read them. */
const UNREAD_BYTES_MAX = 1024 * 1024;

export class Http2Output {
  readonly #socket: ByteSocket;
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #isBlocked = false;
  #corked = false;

  constructor(socket: ByteSocket) {
    this.#socket = socket;
  }

  /** False: nobody reads what it says. */
  get isRead(): boolean {
    return this.#bytes <= UNREAD_BYTES_MAX;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  /** Nothing is written until flush(). */
  cork(): void {
    this.#corked = true;
  }

  push(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    if (!this.#corked) this.#write();
  }

  flush(): void {
    this.#corked = false;
    this.#write();
  }

  /** The socket has room again. */
  drained(): void {
    this.#isBlocked = false;
    this.#write();
  }

  #write(): void {
    if (this.#isBlocked || this.#bytes === 0) return;
    const all = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    // Less than nothing: it is closed, and says so.
    const taken = Math.max(0, this.#socket.write(all));
    this.#bytes -= taken;
    this.#isBlocked = this.#bytes > 0;
    this.#pieces = this.#isBlocked ? [all.subarray(taken)] : [];
  }
}
