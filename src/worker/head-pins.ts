/**
 * The halves of the head as a query thread reads them: pinned, so that ingest does not empty them
 * meanwhile (see ingest-halves.ts for the other side).
 *
 * Invariant: a pin word is set before the half's state is looked at. Ingest stores RESETTING
 * before it looks at the pins. Whichever is second sees the other's, and gives way.
 *
 * The deadline is stored before the pins and stands until the next one: the supervisor, who sees a
 * pin, sees its deadline or a later one.
 *
 * Threads: one reader.
 */
import { HALF_WAL_FROM, HALF_WAL_TO } from "../../native/src/layout.ts";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { headRows } from "../head/head-read.ts";
import type { FindExports } from "../kernel/find-kernel.ts";
import type { SpanRow } from "../model/span-row.ts";
import type { HeadHalf, HeadView } from "../query/trace-by-id.ts";
import {
  HALF_EPOCH,
  HALF_FILLING,
  HALF_PUBLISHED,
  HALF_SEALED,
  HALF_STATE,
  PIN_DEADLINES,
  PINS,
} from "../ring/control.ts";
import type { MemoryPlan } from "./memory-plan.ts";

/** A thousand times what reading a trace out of the head takes. */
const PIN_MS_MAX = 30_000;

export interface HeadPinsOptions {
  readonly buffer: SharedArrayBuffer;
  readonly kernel: FindExports;
  readonly plan: Pick<MemoryPlan, "halves" | "readerScratch">;
  readonly reader: number;
  readonly clock: Clock;
}

export class HeadPins implements HeadView {
  readonly #options: HeadPinsOptions;
  readonly #control: Int32Array;
  readonly #deadlines: Float64Array;
  readonly #view: DataView;
  #isPinned = false;

  constructor(options: HeadPinsOptions) {
    this.#options = options;
    this.#control = new Int32Array(options.buffer, 0, 4096);
    this.#deadlines = new Float64Array(options.buffer, 0, 1024);
    this.#view = new DataView(options.buffer);
  }

  pin(): HeadHalf[] {
    assert(!this.#isPinned, "head: pinned twice");
    this.#isPinned = true;
    const { clock, plan, reader } = this.#options;
    this.#deadlines[PIN_DEADLINES + reader] = clock.nowMs() + PIN_MS_MAX;
    const pinned: HeadHalf[] = [];
    for (const [half, { base }] of plan.halves.entries()) {
      Atomics.store(this.#control, this.#word(half), 1);
      if (!isReadable(Atomics.load(this.#control, HALF_STATE + half))) {
        Atomics.store(this.#control, this.#word(half), 0);
        continue;
      }
      const walFrom = this.#view.getFloat64(base + HALF_WAL_FROM, true);
      const walTo = this.#view.getFloat64(base + HALF_WAL_TO, true);
      const epoch = Atomics.load(this.#control, HALF_EPOCH + half);
      pinned.push({ base, epoch, walFrom, walTo });
    }
    return pinned;
  }

  unpin(): void {
    for (const half of [0, 1]) Atomics.store(this.#control, this.#word(half), 0);
    this.#isPinned = false;
  }

  rows({ base }: HeadHalf, tenant: string, traceId: Uint8Array): Iterable<SpanRow> {
    const { buffer, kernel, plan, reader } = this.#options;
    const scratch = plan.readerScratch[reader];
    return headRows({ buffer, kernel, half: base, scratch, tenant, traceId });
  }

  #word(half: number): number {
    return PINS + this.#options.reader * 2 + half;
  }
}

function isReadable(state: number): boolean {
  return state === HALF_FILLING || state === HALF_SEALED || state === HALF_PUBLISHED;
}
