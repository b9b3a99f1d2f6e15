/**
 * Traces of a block in a bucket that are looked at alone: the pages that hold them are a hundredth
 * of the block, and come in one go.
 */

import type { AheadRange } from "../block/block-ahead.ts";
import type { RowRange } from "../block/block-columns-read.ts";
import { planReads } from "../block/block-plan.ts";
import type { BlockCaches, OpenBlock } from "../block/block-read.ts";
import type { PartRange } from "../block/file-cache.ts";
import { chunkPlace } from "../block/parquet-footer-read.ts";
import type { Field } from "../traceql/ast.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { type AssembledPart, type PlanOptions, wholePart } from "./assembled-plan.ts";
import type { BlockNames } from "./block-names.ts";
import type { TraceRows } from "./trace-rows.ts";

/** What a search asks of a trace, whatever the query is. */
const USUAL: readonly string[] = [
  ...["trace_id", "start_unix_nano", "name", "kind", "status_code", "resource", "resource_otlp"],
  "residual",
];
/** Half of a block; whole where many of its traces are shown. */
const OF_SPANS: readonly string[] = ["span_id", "parent_span_id", "duration_nano"];

export interface RowsWanted {
  readonly names: BlockNames;
  readonly rows: RowRange;
  readonly fields: readonly Field[];
  readonly ofSpans: boolean;
}

/** One wait for all that a search reads of the rows. Throws EngineError. */
export function bringRows(caches: BlockCaches, block: OpenBlock, of: RowsWanted): void {
  caches.files.bring(block.path, rangesOfRows(caches, block, of));
}

/** The same, to be asked for with those of other blocks. */
export function aheadOfRows(caches: BlockCaches, block: OpenBlock, of: RowsWanted): AheadRange[] {
  return rangesOfRows(caches, block, of).map((range) => ({ ...range, path: block.path }));
}

/** Whether all that is asked of these fields is on this disk. */
export function areHere(
  caches: BlockCaches,
  { path, file }: OpenBlock,
  { names: { span }, fields }: Pick<RowsWanted, "names" | "fields">,
): boolean {
  return fields.every((field) => {
    // Of others more is read than what the field is called.
    if (field.node !== "attribute" || field.scope !== "span") return false;
    return (span.keys.get(field.name) ?? []).every(({ column }) => {
      const { at, end } = chunkPlace(file.columns[column]);
      return caches.files.isHere(path, at, end - at);
    });
  });
}

function rangesOfRows(
  caches: BlockCaches,
  { path, file }: OpenBlock,
  { names, rows, ...of }: RowsWanted,
): PartRange[] {
  const usual = of.ofSpans ? [...USUAL, ...OF_SPANS] : USUAL;
  const columns = usual.flatMap((name) => names.flat.get(name) ?? []);
  for (const field of of.fields) {
    if (field.node !== "attribute") continue;
    const scope = field.scope === "event" || field.scope === "link" ? field.scope : "span";
    for (const { column } of names[scope].keys.get(field.name) ?? []) columns.push(column);
  }
  const batches = planReads(file, {
    columns,
    rowFirst: rows.first,
    rowEnd: rows.end,
    hasDictionary: (column) => caches.dictionaries.get(path, String(column)) !== undefined,
  });
  const reads = batches.flatMap((batch) => batch.reads);
  return reads.map(({ offset, bytes }) => ({ offset, length: bytes }));
}

/** Where a trace begins that is alone, when that is asked for: `count` rows, and its id. */
export function rowsAlone(scratch: StepScratch, ids: number, count: number): () => TraceRows {
  return () => {
    // Whoever has the segment may have it longer than what is kept now.
    const starts = scratch.keep(8);
    scratch.words[starts / 4] = 0;
    scratch.words[starts / 4 + 1] = count;
    return { ids, starts, traces: 1 };
  };
}

/** What is read of all parts when these traces are shown. */
export function partsShowing({ parts }: PlanOptions, traces: readonly number[]): AheadRange[] {
  return parts.flatMap((part) => {
    const there = traces.map((trace) => part.traces[trace]).filter((trace) => trace >= 0);
    return there.length === 0 ? [] : part.with((segment) => [...segment.showing(there)]);
  });
}

/** Of each part its own rows of the trace. */
export function partsAlone(
  { parts }: PlanOptions,
  trace: number,
  fields: readonly Field[],
): AssembledPart[] {
  return parts.flatMap((part) => {
    const there = part.traces[trace];
    if (there < 0) return [];
    return [
      wholePart(
        part.with((segment) => segment.cutOut(there, fields)),
        Int32Array.of(0),
      ),
    ];
  });
}

/** Of each trace what the first of its parts says. */
export function latestStarts({ parts, traces, keeper, scratch, name }: PlanOptions): number {
  const bytes = () => traces * 8;
  return keeper.get(`${name}latestStarts`, bytes, (at) => {
    for (const part of parts.toReversed()) {
      part.with((segment) => {
        const from = segment.latestStarts() / 8;
        for (const [trace, there] of part.traces.entries()) {
          if (there >= 0) scratch.ulongs[at / 8 + trace] = scratch.ulongs[from + there];
        }
      });
    }
    return at;
  });
}
