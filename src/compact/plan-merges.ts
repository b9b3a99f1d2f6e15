/**
 * Which blocks to merge with each other. Pure.
 *
 * Blocks are merged within one tenant (those that tenants share, with each other) and one window
 * of time, which counts from when retention does. Only neighbours in the order of arrival are:
 * then the rows of a trace keep that order however often they are merged.
 *
 * In a window that still fills, blocks wait until they are many or make a full one, so that each
 * span is written anew a few times and not with every cut. When it is over, what is left is joined.
 *
 * Blocks whose times lie over each other (what was late, or brought in from elsewhere) make several
 * full ones, parted by time: then a question for the newest, or for an hour of a day, looks at few.
 * The same parts of several such merges are merged once more, for finer ones. A trace that was torn
 * by a cut near the bound of two parts may be in both then, and its rows come in either order.
 */
import type { BlockMeta } from "../model/block-meta.ts";
import { MERGED_ROWS_MAX, PARTED_ROWS_MAX } from "./merge-options.ts";

/** What may be set for a tenant alone. */
export interface TenantMerging {
  readonly windowMs: number;
  readonly isDisabled: boolean;
}

/** Of all tenants, but for those of `byTenant`; what several share goes by what holds for all. */
export interface MergeLimits extends TenantMerging {
  readonly byTenant: ReadonlyMap<string, TenantMerging>;
  /** Traces of a merged block. */
  readonly tracesMax: number;
  readonly bytesMax: number;
}

export interface MergeState {
  readonly nowMs: number;
  /** Whether the block may be merged at all: its part of the log is gone, and what it replaced. */
  readonly mayMerge: (meta: BlockMeta) => boolean;
}

/** Files that are open at once. */
const INPUTS_MAX = 64;
/** A block with more is as good as full: to write it anew gains nothing. */
const FULL_ROWS = MERGED_ROWS_MAX * 0.75;
/** In a window that fills: so many make a merge. */
const MANY = 8;
/** The largest of a merge's inputs has at most this part of its spans, unless they are many. */
const LARGEST_MAX = 0.75;

/** Parted by time are blocks that on the average lie over at least so many, themselves included. */
const OVERLAP_MIN = 1.5;

/** The most useful first: those that make the fewest spans of most blocks. */
export function planMerges(
  blocks: readonly BlockMeta[],
  limits: MergeLimits,
  state: MergeState,
): BlockMeta[][] {
  const groups = new Map<string, BlockMeta[]>();
  for (const meta of blocks) {
    const key = mergeGroup(meta, limits);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [meta]);
    else group.push(meta);
  }
  const byId = new Map(blocks.map((meta) => [meta.id, meta]));
  const merges = [...groups.values()].flatMap((group) => [
    ...planGroup(group, limits, state),
    ...planParts(group, limits, { ...state, byId }),
  ]);
  return merges.toSorted((a, b) => spansOf(a) / a.length - spansOf(b) / b.length);
}

export interface MergePatience {
  readonly nowMs: number;
  /** Merges that are done at once. */
  readonly most: number;
  /** From when it could be done a merge waits at most so long for others. */
  readonly waitMs: number;
}

/**
 * The first of `merges` that are to be done now: none while they are few, and none waits for long.
 * A thread for one of them alone is compiled and gets its memory for little, and a bucket's record
 * tells of several as well as of one.
 */
export function dueMerges(
  merges: readonly BlockMeta[][],
  { nowMs, most, waitMs }: MergePatience,
): BlockMeta[][] {
  const readyMs = (run: BlockMeta[]) => Math.max(...run.map(({ createdMs }) => createdMs));
  const isDue = merges.length >= most || merges.some((run) => readyMs(run) + waitMs <= nowMs);
  return isDue ? merges.slice(0, most) : [];
}

type Windows = Pick<MergeLimits, "windowMs" | "byTenant">;

/** Blocks of the same one may be merged with each other. */
export function mergeGroup(meta: BlockMeta, limits: Windows): string {
  const windowMs = windowMsOf(meta, limits);
  const tenant = meta.shared ? null : meta.tenants[0].name;
  return JSON.stringify([tenant, Math.floor(meta.retainFromMs / windowMs)]);
}

function windowMsOf({ shared, tenants }: BlockMeta, { windowMs, byTenant }: Windows): number {
  return shared ? windowMs : (byTenant.get(tenants[0].name)?.windowMs ?? windowMs);
}

/** A tenant that wants it not has no part in any merge. */
function isDisabled({ tenants }: BlockMeta, limits: MergeLimits): boolean {
  return tenants.some(({ name }) => (limits.byTenant.get(name) ?? limits).isDisabled);
}

function planGroup(group: BlockMeta[], limits: MergeLimits, state: MergeState): BlockMeta[][] {
  const isOver = isWindowOver(group[0], limits, state);
  const merges: BlockMeta[][] = [];
  let run: BlockMeta[] = [];
  const finish = () => {
    if (isWorthIt(run, isOver) && isFewerAfter(run)) merges.push(run);
    run = [];
  };
  for (const meta of group.toSorted(inOrderOfArrival)) {
    if (!state.mayMerge(meta) || isDisabled(meta, limits) || meta.spans > FULL_ROWS) {
      finish();
      continue;
    }
    if (!fits([...run, meta], limits)) finish();
    run.push(meta);
  }
  finish();
  return merges;
}

/** Traces of a part begin before the next one does. */
function startOfNext({ id, merged, endUnixNano }: BlockMeta, { byId }: PartsState): string {
  const next = merged?.siblings[merged.siblings.indexOf(id) + 1];
  return byId.get(next ?? "")?.startUnixNano ?? endUnixNano;
}

function isWindowOver(meta: BlockMeta, limits: MergeLimits, { nowMs }: MergeState): boolean {
  const windowMs = windowMsOf(meta, limits);
  return Math.floor(meta.retainFromMs / windowMs) < Math.floor(nowMs / windowMs);
}

type PartsState = MergeState & { readonly byId: ReadonlyMap<string, BlockMeta> };

/** Full blocks that are the same part of merges behind each other. */
function planParts(group: BlockMeta[], limits: MergeLimits, state: PartsState): BlockMeta[][] {
  const isOver = isWindowOver(group[0], limits, state);
  const merges: BlockMeta[][] = [];
  const runs = new Map<number, BlockMeta[]>();
  const finish = (part: number) => {
    const run = runs.get(part) ?? [];
    // Spans of hours make all parts lie over each other: here starts alone count.
    const starts = run.map((meta) => ({ ...meta, endUnixNano: startOfNext(meta, state) }));
    if (isParted(starts) && isWorthIt(run, isOver)) merges.push(run);
    runs.delete(part);
  };
  for (const meta of group.toSorted(inOrderOfArrival)) {
    const { merged } = meta;
    if (merged === undefined || merged.siblings.length < 2) {
      for (const part of [...runs.keys()]) finish(part);
      continue;
    }
    const mayMerge = state.mayMerge(meta) && !isDisabled(meta, limits);
    // Of others the parts are finer already, and made of those that are neighbours here.
    if (merged.level > 1 || meta.spans <= FULL_ROWS || !mayMerge) continue;
    const part = merged.siblings.indexOf(meta.id);
    const run = runs.get(part) ?? [];
    if (run.length > 0 && !fits([...run, meta], limits)) finish(part);
    runs.set(part, [...(runs.get(part) ?? []), meta]);
  }
  for (const part of [...runs.keys()]) finish(part);
  return merges;
}

function inOrderOfArrival(a: BlockMeta, b: BlockMeta): number {
  return a.wal.from - b.wal.from || (a.id < b.id ? -1 : 1);
}

function fits(run: readonly BlockMeta[], { tracesMax, bytesMax }: MergeLimits): boolean {
  const traces = run.reduce((sum, meta) => sum + meta.traces, 0);
  const bytes = run.reduce((sum, { dataBytes, sidecarBytes }) => sum + dataBytes + sidecarBytes, 0);
  return (
    spansOf(run) <= (isParted(run) ? PARTED_ROWS_MAX : MERGED_ROWS_MAX) &&
    traces <= tracesMax &&
    bytes <= bytesMax &&
    run.length <= INPUTS_MAX
  );
}

/** Whether time would tell the parts of its merge from each other. */
function isParted(run: readonly BlockMeta[]): boolean {
  if (run.length === 0 || run[0].shared) return false;
  const starts = run.map(({ startUnixNano }) => Number(startUnixNano));
  const ends = run.map(({ endUnixNano }) => Number(endUnixNano));
  const all = ends.reduce((sum, end, i) => sum + end - starts[i], 0);
  return all > 0 && all >= OVERLAP_MIN * (Math.max(...ends) - Math.min(...starts));
}

function isWorthIt(run: readonly BlockMeta[], isOver: boolean): boolean {
  if (run.length < 2) return false;
  const spans = spansOf(run);
  // Of several blocks each is to be full.
  const full = isParted(run) ? PARTED_ROWS_MAX * (FULL_ROWS / MERGED_ROWS_MAX) : FULL_ROWS;
  if (run.length < MANY) {
    if (!isOver && spans < full) return false;
    if (Math.max(...run.map((meta) => meta.spans)) > spans * LARGEST_MAX) return false;
  }
  return true;
}

/**
 * Whether a merge makes fewer blocks, so that merging ends: of some that lie over each other it
 * makes several, which may lie over each other as well, and would be merged for ever. How many the
 * parts of one merge would make was seen then.
 */
function isFewerAfter(run: readonly BlockMeta[]): boolean {
  const outputs = Math.ceil(spansOf(run) / MERGED_ROWS_MAX);
  if (outputs === 1) return true;
  const siblings = run[0].merged?.siblings ?? [];
  return outputs < run.length && !run.every(({ id }) => siblings.includes(id));
}

function spansOf(metas: readonly BlockMeta[]): number {
  return metas.reduce((sum, meta) => sum + meta.spans, 0);
}
