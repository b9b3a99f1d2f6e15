/**
 * Traces of a block in a bucket that are looked at alone: the pages that hold them are a hundredth
 * of the block, and come in one go.
 */

import type { RowRange } from "../block/block-columns-read.ts";
import { planReads } from "../block/block-plan.ts";
import type { BlockCaches, OpenBlock } from "../block/block-read.ts";
import type { Field } from "../traceql/ast.ts";
import { type AssembledPart, type PlanOptions, wholePart } from "./assembled-plan.ts";
import type { BlockNames } from "./block-names.ts";

/** What a search asks of a trace, whatever the query is. */
const USUAL: readonly string[] = [
  ...["trace_id", "start_unix_nano", "name", "kind", "status_code", "resource", "resource_otlp"],
  "residual",
];
/** Half of a block; whole where many of its traces are shown. */
const OF_SPANS: readonly string[] = ["span_id", "parent_span_id", "duration_nano"];

/** One wait for all that a search reads of the rows. Throws EngineError. */
export function bringRows(
  caches: BlockCaches,
  { path, file }: OpenBlock,
  of: {
    readonly names: BlockNames;
    readonly rows: RowRange;
    readonly fields: readonly Field[];
    readonly ofSpans: boolean;
  },
): void {
  const { names, rows } = of;
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
  caches.files.bring(
    path,
    reads.map(({ offset, bytes }) => ({ offset, length: bytes })),
  );
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
