/**
 * The rows of a segment that names and values are asked of: those that count, of traces that
 * overlap the time asked for, for which the filter holds. What is asked of the rows of a whole
 * segment, whatever the time, can be kept under the segment's name.
 */
import type { DistinctExports, PickExports, ScanExports } from "../kernel/scan-kernel.ts";
import type { FieldExpr } from "../traceql/ast.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes } from "../vector/vector.ts";
import type { FieldScope } from "./field-of.ts";
import { FilterBits } from "./filter-bits.ts";
import { RowBits } from "./row-bits.ts";
import type { Entries, Segment } from "./segment.ts";
import type { SegmentPart, TimeSpan } from "./segment-part.ts";

export interface TagTools {
  readonly scratch: StepScratch;
  readonly kernel: ScanExports & PickExports & DistinctExports;
}

export interface TagAsked {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
  readonly filter: FieldExpr | undefined;
}

const ULONG_MAX = 2n ** 64n - 1n;
const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;

export class TagRows {
  readonly segment: Segment;
  /** Names the rows, when they are all that count in the segment and stay the same. */
  readonly name: string | undefined;
  readonly bits: RowBits;
  readonly #tools: TagTools;
  readonly #rows: () => number;
  readonly #entries = new Map<FieldScope, Entries>();

  constructor(
    { segment, name }: Pick<SegmentPart, "segment" | "name">,
    rows: () => number,
    tools: TagTools,
  ) {
    this.segment = segment;
    this.name = name;
    this.#rows = rows;
    this.#tools = tools;
    this.bits = new RowBits(tools.scratch, tools.kernel);
  }

  /** Whether they are all that the segment has. */
  get isAll(): boolean {
    return this.entries("row").count === this.segment.rows;
  }

  /** The rows, or their events or links: those of an empty list have a place, but no value. */
  entries(scope: FieldScope): Entries {
    const known = this.#entries.get(scope);
    if (known !== undefined) return known;
    const { bits, entries } = this.#bitsOf(scope);
    const found = { bits, entries, count: this.bits.count(bits, entries) };
    this.#entries.set(scope, found);
    return found;
  }

  #bitsOf(scope: FieldScope): Pick<Entries, "bits" | "entries"> {
    const { segment } = this;
    const { rows } = segment;
    if (scope === "row") return { bits: this.#rows(), entries: rows };
    const lists = segment.lists(scope);
    if (lists === undefined) return { bits: 0, entries: 0 };
    const { scratch, kernel } = this.#tools;
    const bits = scratch.keep(bitmapBytes(lists.entries));
    kernel.rowsOfGroups(this.entries("row").bits, lists.starts, rows, bits);
    return { bits, entries: lists.entries };
  }
}

/** Undefined: there are none. */
export function tagRows(asked: TagAsked, part: SegmentPart, tools: TagTools): TagRows | undefined {
  const { segment, name } = part;
  const inTime = isCovered(asked, part.range) ? "all" : tracesInTime(asked, segment, tools);
  if (inTime === "none") return undefined;
  if (inTime === "all" && asked.filter === undefined) {
    return new TagRows({ segment, name }, () => part.within, tools);
  }
  const rows = chosenRows({ inTime, filter: asked.filter }, part, tools);
  const all = new TagRows({ segment, name: undefined }, () => rows, tools);
  return all.entries("row").count === 0 ? undefined : all;
}

function isCovered({ startNano, endNano }: TagAsked, range: TimeSpan | undefined): boolean {
  if (startNano === undefined && endNano === undefined) return true;
  if (range === undefined) return false;
  if (startNano !== undefined && range.from < startNano) return false;
  return endNano === undefined || range.to <= endNano;
}

/** A bitmap of traces. */
function tracesInTime(
  { startNano, endNano }: TagAsked,
  segment: Segment,
  { scratch, kernel }: TagTools,
): "all" | "none" | number {
  const { traces } = segment;
  const { start, end } = segment.times();
  const bytes = bitmapBytes(traces);
  const out = scratch.keep(bytes);
  const time = [startNano ?? 0n, endNano ?? ULONG_MAX] as const;
  kernel.tracesInTime(start, end, segment.lastStarts(), traces, ...time, LONG_MIN, LONG_MAX, out);
  const found = kernel.countBits(out, bytes) >>> 0;
  if (found === 0) return "none";
  return found === traces ? "all" : out;
}

/** The bitmap stays to the end of the step. */
function chosenRows(
  { inTime, filter }: { readonly inTime: "all" | number; readonly filter: FieldExpr | undefined },
  { segment, within }: SegmentPart,
  tools: TagTools,
): number {
  const { scratch, kernel } = tools;
  const { rows, starts, traces } = segment;
  const bytes = bitmapBytes(rows);
  const out = scratch.keep(bytes);
  scratch.within(() => {
    const filters = new FilterBits(segment, tools);
    let found = within;
    if (inTime !== "all") {
      const ofTraces = scratch.take(bytes);
      kernel.rowsOfGroups(inTime, starts, traces, ofTraces);
      found = filters.bits.and(ofTraces, within, rows);
    }
    if (filter !== undefined) found = filters.rows(filter, found);
    scratch.bytes.copyWithin(out, found, found + bytes);
  });
  return out;
}
