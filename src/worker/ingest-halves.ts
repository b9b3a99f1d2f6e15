/**
 * The two halves of the head, as the ingest Worker turns them over.
 *
 *   FREE ─▶ FILLING ─▶ SEALED ─▶ PUBLISHED ─▶ RESETTING ─▶ FILLING …
 *           ingest     ingest    block thread  ingest
 *
 * Invariants:
 * (1) A half covers one contiguous range of the log, [walFrom, walTo); halves are sealed, and so
 *     published, in the order of their ranges.
 * (2) At most one half is FILLING. None is while both wait for the block thread; then requests
 *     wait, and after a bounded time are refused.
 * (3) A half is made empty only when its blocks are published and no reader has it pinned. Both
 *     sides store, then load (sequentially consistent): a reader that pins and then finds the
 *     half RESETTING lets go, and ingest that finds a pin waits.
 *
 * Threads: ingest only.
 */

import { HALF_ROWS, HALF_WAL_FROM, HALF_WAL_TO } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import type { WriteExports } from "../kernel/kernel.ts";
import {
  HALF_EPOCH,
  HALF_FILLING,
  HALF_FREE,
  HALF_PUBLISHED,
  HALF_RESETTING,
  HALF_SEALED,
  HALF_STATE,
  PINS,
  READERS_MAX,
  STAT_CUTS,
  wakeBlocks,
} from "../ring/control.ts";
import type { MemoryPlan } from "./memory-plan.ts";

export interface HalvesOptions {
  readonly kernel: WriteExports;
  readonly buffer: SharedArrayBuffer;
  readonly plan: MemoryPlan;
  readonly clock: Clock;
}

const NONE = -1;

export class Halves {
  readonly #kernel: WriteExports;
  readonly #control: Int32Array;
  readonly #view: DataView;
  readonly #stats: Float64Array;
  readonly #plan: MemoryPlan;
  readonly #clock: Clock;
  #filling = NONE;
  #begunMs = 0;
  #publishedThrough = 0;

  constructor(options: HalvesOptions) {
    this.#kernel = options.kernel;
    this.#control = new Int32Array(options.buffer, 0, 4096);
    this.#stats = new Float64Array(options.buffer, 0, 1024);
    this.#view = new DataView(options.buffer);
    this.#plan = options.plan;
    this.#clock = options.clock;
    for (const half of options.plan.halves) {
      const { base, end, rowCap, eventCap, linkCap, stringCap, arenaBytes } = half;
      const left = options.kernel.initHalf(
        base,
        end,
        rowCap,
        eventCap,
        linkCap,
        stringCap,
        arenaBytes,
      );
      assert(left !== 0, "halves: region too small");
    }
    assert(this.ready(), "halves: none is free at the start");
  }

  /** True when a half is being filled, after taking a free one if need be. */
  ready(): boolean {
    if (this.#filling !== NONE) return true;
    for (let half = 0; half < 2; half++) {
      if (Atomics.load(this.#control, HALF_STATE + half) !== HALF_FREE) continue;
      this.#begin(half);
      return true;
    }
    return false;
  }

  /** Rows of the half that is being filled. */
  get rows(): number {
    return this.#filling === NONE ? 0 : this.#view.getUint32(this.#base + HALF_ROWS, true);
  }

  /** Milliseconds since the first row of the half that is being filled; 0 without rows. */
  get ageMs(): number {
    return this.rows === 0 ? 0 : this.#clock.nowMs() - this.#begunMs;
  }

  /** Notes that what was just committed lies in [from, to) of the log. */
  cover(from: number, to: number): void {
    const base = this.#base;
    const before = this.#view.getFloat64(base + HALF_WAL_TO, true);
    if (before === 0) {
      this.#view.setFloat64(base + HALF_WAL_FROM, from, true);
      this.#begunMs = this.#clock.nowMs();
    }
    assert(from >= before && to > from, "halves: log range goes backwards");
    this.#view.setFloat64(base + HALF_WAL_TO, to, true);
  }

  /** Hands the half with its rows to the block thread. Without rows nothing happens. */
  seal(): void {
    if (this.rows === 0) return;
    this.#kernel.rankColumns();
    Atomics.store(this.#control, HALF_STATE + this.#filling, HALF_SEALED);
    this.#filling = NONE;
    this.#stats[STAT_CUTS] += 1;
    wakeBlocks(this.#control);
  }

  /** Frees what was published and nobody reads. Returns the log position published through. */
  settle(): number {
    for (let half = 0; half < 2; half++) {
      if (Atomics.load(this.#control, HALF_STATE + half) !== HALF_PUBLISHED) continue;
      const to = this.#view.getFloat64(this.#plan.halves[half].base + HALF_WAL_TO, true);
      this.#publishedThrough = Math.max(this.#publishedThrough, to);
      Atomics.store(this.#control, HALF_STATE + half, HALF_RESETTING);
      const next = this.#isPinned(half) ? HALF_PUBLISHED : HALF_FREE;
      if (next === HALF_FREE) this.#clear(half);
      Atomics.store(this.#control, HALF_STATE + half, next);
    }
    return this.#publishedThrough;
  }

  /** True when a half waits for the block thread. */
  get publishing(): boolean {
    return [0, 1].some((half) => Atomics.load(this.#control, HALF_STATE + half) === HALF_SEALED);
  }

  get #base(): number {
    assert(this.#filling !== NONE, "halves: none is being filled");
    return this.#plan.halves[this.#filling].base;
  }

  #isPinned(half: number): boolean {
    for (let reader = 0; reader < READERS_MAX; reader++) {
      if (Atomics.load(this.#control, PINS + reader * 2 + half) !== 0) return true;
    }
    return false;
  }

  /** Row count zero, so that whoever looks at a free half sees nothing. */
  #clear(half: number): void {
    const { base } = this.#plan.halves[half];
    Atomics.store(new Int32Array(this.#view.buffer, base, 1), 0, 0);
    this.#view.setFloat64(base + HALF_WAL_FROM, 0, true);
    this.#view.setFloat64(base + HALF_WAL_TO, 0, true);
  }

  #begin(half: number): void {
    this.#kernel.resetHalf(this.#plan.halves[half].base);
    this.#kernel.carryColumns();
    this.#filling = half;
    Atomics.add(this.#control, HALF_EPOCH + half, 1);
    Atomics.store(this.#control, HALF_STATE + half, HALF_FILLING);
  }
}
