/**
 * Where everything lies in the one shared memory. Pure: numbers in, addresses out.
 *
 *   control page · rings · scratch of ingest · half 0 · half 1 · scratch of the block thread ·
 *   scratch of each reader · scratch of a step and vectors of each reader
 *
 * Most of it is address space: a page costs memory when it is first touched, and nothing is
 * touched ahead of need. What can be touched in the worst case stays within the budget.
 */
import { assert } from "../base/assert.ts";
import { alignUp, MiB } from "../base/bytes.ts";
import { CONTROL_BYTES, READERS_MAX } from "../ring/control.ts";
import { RING_CONTROL_BYTES } from "../ring/ring.ts";

/** A power of two, twice the largest request; usual load stays in its first quarter. */
export const RING_BYTES = 64 * MiB;
/** Sort and encode: permutations, codes, remap table, one page and one value. */
export const BLOCK_SCRATCH_BYTES = 128 * MiB;
export const READER_SCRATCH_BYTES = 4 * MiB;
/** One step of a query: the columns of a half that it speaks of, bitmaps, and tables of counts. */
const STEP_SCRATCH_BYTES = 192 * MiB;
/** Columns of blocks that a query thread keeps at most. */
const VECTOR_BYTES = 296 * MiB;
const VECTOR_BYTES_MIN = 64 * MiB;
/** Of a span all columns that are asked for often, and those that only compare() reads. */
const VECTOR_BYTES_PER_SPAN = 96;
/** JavaScript heaps, code, caches of readers and what threads hold of requests. */
const OUTSIDE_BYTES = 128 * MiB;
const HALF_BYTES_MAX = 192 * MiB;
const HALF_BYTES_MIN = 88 * MiB;

export interface HalfPlan {
  readonly base: number;
  readonly end: number;
  readonly rowCap: number;
  readonly eventCap: number;
  readonly linkCap: number;
  readonly stringCap: number;
  readonly arenaBytes: number;
}

export interface MemoryPlan {
  readonly bytes: number;
  readonly rings: readonly number[];
  readonly requestBytesMax: number;
  readonly scratch: number;
  readonly halves: readonly [HalfPlan, HalfPlan];
  readonly blockScratch: number;
  readonly blockScratchEnd: number;
  readonly readerScratch: readonly number[];
  /** By reader. */
  readonly steps: readonly Region[];
  readonly vectors: readonly Region[];
}

export interface Region {
  readonly base: number;
  readonly bytes: number;
}

export interface MemoryPlanOptions {
  readonly budgetBytes: number;
  readonly rings: number;
  readonly requestBytesMax: number;
  readonly scratchBytes: number;
  readonly readers: number;
}

export function planMemory(options: MemoryPlanOptions): MemoryPlan {
  assert(options.readers <= READERS_MAX, "memory: too many readers");
  let at = CONTROL_BYTES;
  const take = (bytes: number): number => {
    const base = alignUp(at, 4096);
    at = base + bytes;
    return base;
  };
  const rings = Array.from({ length: options.rings }, () => take(RING_CONTROL_BYTES + RING_BYTES));
  const scratch = take(options.scratchBytes);
  const left = options.budgetBytes - options.rings * RING_BYTES - OUTSIDE_BYTES;
  const halfBytes = Math.min(HALF_BYTES_MAX, Math.max(HALF_BYTES_MIN, Math.floor(left / 2)));
  const halves = [planHalf(take(halfBytes), halfBytes), planHalf(take(halfBytes), halfBytes)];
  const blockScratch = take(BLOCK_SCRATCH_BYTES);
  const readerScratch = Array.from({ length: options.readers }, () => take(READER_SCRATCH_BYTES));
  const regions = (bytes: number) =>
    Array.from({ length: options.readers }, (): Region => ({ base: take(bytes), bytes }));
  const steps = regions(STEP_SCRATCH_BYTES);
  const vectors = regions(VECTOR_BYTES);
  return {
    bytes: at + 4096,
    rings,
    requestBytesMax: options.requestBytesMax,
    scratch,
    halves: [halves[0], halves[1]],
    blockScratch,
    blockScratchEnd: blockScratch + BLOCK_SCRATCH_BYTES,
    readerScratch,
    steps,
    vectors,
  };
}

/** How many bytes of columns a query thread keeps that reads blocks of so many spans. */
export function vectorBytesFor(spans: number): number {
  return Math.min(VECTOR_BYTES, Math.max(VECTOR_BYTES_MIN, spans * VECTOR_BYTES_PER_SPAN));
}

/** Whether there is room for hardly half of what questions about so many spans come back for. */
export function isShortOfVectors(spans: number): boolean {
  return spans * VECTOR_BYTES_PER_SPAN > 2 * VECTOR_BYTES;
}

/**
 * A row group is best at 100,000 to 250,000 spans: dictionaries stay in the cache, and a block is
 * large enough. The arena must take the largest request two and a half times (see room()).
 */
function planHalf(base: number, bytes: number): HalfPlan {
  const small = bytes < 150 * MiB;
  const rowCap = small ? 131_072 : 262_144;
  return {
    base,
    end: base + bytes,
    rowCap,
    eventCap: rowCap,
    linkCap: rowCap / 2,
    stringCap: rowCap * 2,
    arenaBytes: (small ? 32 : 62) * MiB,
  };
}
