/** One line on a terminal that is written over and over; nothing where there is no terminal. */
import type { Clock } from "../base/clock.ts";

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const EVERY_MS = 100;
const BAR = 24;

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #clock: Pick<Clock, "nowMs">;
  #shownMs = 0;

  constructor(terminal: Terminal, clock: Pick<Clock, "nowMs">) {
    this.#terminal = terminal;
    this.#clock = clock;
  }

  /** `done` of `total`, at most ten times a second. */
  show(done: number, total: number, text: string): void {
    if (this.#terminal.isTTY !== true || this.#clock.nowMs() - this.#shownMs < EVERY_MS) return;
    this.#shownMs = this.#clock.nowMs();
    const part = total === 0 ? 1 : Math.min(1, done / total);
    const bar = "█".repeat(Math.round(part * BAR)).padEnd(BAR, "░");
    const line = `${bar} ${String(Math.floor(part * 100)).padStart(3)} %  ${text}`;
    this.#terminal.write(`\r\x1b[K${line.slice(0, (this.#terminal.columns ?? 80) - 1)}`);
  }

  /** Before anything else is written. */
  clear(): void {
    if (this.#terminal.isTTY === true) this.#terminal.write("\r\x1b[K");
    this.#shownMs = 0;
  }
}
