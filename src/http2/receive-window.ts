/**
 * What a client may send on its connection. Nothing is held back here that was not refused, so
 * what came may come again: told whenever it is half of all.
 */
import { ConnectionError, WINDOW_MAX } from "./http2-frame.ts";

export class ReceiveWindow {
  readonly bytesMax: number;
  /** Since the client was last told. */
  #received = 0;

  constructor(bytesMax: number) {
    this.bytesMax = Math.min(WINDOW_MAX, bytesMax);
  }

  /** Answers what the client is to be told, or zero. Throws ConnectionError. */
  take(bytes: number): number {
    this.#received += bytes;
    if (this.#received > this.bytesMax) {
      throw new ConnectionError("flowControlError", "more than the window lets");
    }
    if (this.#received < this.bytesMax / 2) return 0;
    const more = this.#received;
    this.#received = 0;
    return more;
  }
}
