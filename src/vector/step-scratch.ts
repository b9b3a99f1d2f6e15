/**
 * Memory and time for one step of a query. What is taken comes from the low end, and goes with the
 * `within` around it; what is kept comes from the high end and stays to the end of the step. A step
 * hears nothing while it runs, so it looks now and then whether anybody still waits for it.
 */
import { assert } from "../base/assert.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { EngineError } from "../base/error.ts";

/** Of tick(): so much work takes a millisecond or so. */
const WORK_MAX = 4096;
/** Of taking memory, mostly for bitmaps of a block's rows. */
const TAKE_WORK = 64;

export class StepScratch {
  readonly #base: number;
  readonly #end: number;
  #at: number;
  #kept: number;
  readonly #clock: Clock;
  #untilMs = Number.POSITIVE_INFINITY;
  #work = 0;
  readonly bytes: Uint8Array;
  /** The same bytes, for texts: a Buffer decodes them without a view of their own. */
  readonly buffer: Buffer;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  readonly longs: BigInt64Array;
  readonly ulongs: BigUint64Array;

  constructor(
    buffer: SharedArrayBuffer,
    { base, bytes }: { readonly base: number; readonly bytes: number },
    clock: Clock = systemClock,
  ) {
    assert(base % 64 === 0, "scratch: base is not aligned");
    this.#clock = clock;
    this.#base = base;
    this.#end = base + bytes - (bytes % 64);
    this.#at = base;
    this.#kept = this.#end;
    this.bytes = new Uint8Array(buffer);
    this.buffer = Buffer.from(buffer);
    const whole = buffer.byteLength - (buffer.byteLength % 8);
    this.words = new Uint32Array(buffer, 0, whole / 4);
    this.doubles = new Float64Array(buffer, 0, whole / 8);
    this.longs = new BigInt64Array(buffer, 0, whole / 8);
    this.ulongs = new BigUint64Array(buffer, 0, whole / 8);
  }

  /** Address of so many bytes, a multiple of 64; they hold anything. */
  take(bytes: number): number {
    this.tick(TAKE_WORK);
    const at = this.#at;
    // Loads of the kernel may run over the end by up to 16 bytes.
    const end = Math.ceil((at + bytes + 16) / 64) * 64;
    if (end > this.#kept) throw tooMuch();
    this.#at = end;
    return at;
  }

  /** The same, until the end of the step. */
  keep(bytes: number): number {
    const at = this.#kept - Math.ceil((bytes + 16) / 64) * 64;
    if (at < this.#at) throw tooMuch();
    this.#kept = at;
    return at;
  }

  /** The same, all zero. */
  zeros(bytes: number): number {
    const at = this.take(bytes);
    this.bytes.fill(0, at, at + Math.ceil(bytes / 8) * 8);
    return at;
  }

  copy(source: Uint8Array): number {
    const at = this.take(source.length);
    this.bytes.set(source, at);
    return at;
  }

  /** What is taken in `work` is given back after it. */
  within<T>(work: () => T): T {
    const before = this.#at;
    try {
      return work();
    } finally {
      this.#at = before;
    }
  }

  /** What is kept in `work` is given back after it, and not at the end of the step. */
  keptWithin<T>(work: () => T): T {
    const before = this.#kept;
    try {
      return work();
    } finally {
      this.#kept = before;
    }
  }

  /**
   * Called by whatever may take long, with about as many as values it looks at: throws when the
   * time of the step is over.
   */
  tick(work = 1): void {
    this.#work += work;
    if (this.#work < WORK_MAX) return;
    this.#work = 0;
    if (this.#clock.nowMs() <= this.#untilMs) return;
    throw new EngineError("overloaded", "the query takes longer than it may");
  }

  /** Begins a step. */
  reset(untilMs = Number.POSITIVE_INFINITY): void {
    this.#untilMs = untilMs;
    this.#at = this.#base;
    this.#kept = this.#end;
  }
}

function tooMuch(): EngineError {
  return new EngineError("overloaded", "the query needs more memory than it may have");
}
