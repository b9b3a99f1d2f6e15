/**
 * Which rows of a half are a tenant's, by trace, those of one trace in the order of their arrival.
 * Addresses are in scratch memory, to the end of the step.
 */
import { HALF_DURATION, HALF_START } from "../../native/src/layout.ts";
import type { GatherExports } from "../kernel/scan-kernel.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { HalfView } from "./half-view.ts";

export interface HeadRows {
  readonly rows: number;
  readonly traces: number;
  /** u32: where the rows of each trace begin; traces + 1 of them. */
  readonly starts: number;
  /** u32 a trace: its number in the half. */
  readonly traceOf: number;
  /** u32 a row: which one of the half it is. */
  readonly order: number;
  /** Rows of the half that may be looked at. */
  readonly below: number;
}

export interface RowTools {
  readonly kernel: GatherExports;
  readonly scratch: StepScratch;
}

export function tenantRows(
  view: HalfView,
  tenant: string,
  { kernel, scratch }: RowTools,
): HeadRows {
  const below = view.rows;
  const name = new TextEncoder().encode(tenant);
  const starts = scratch.keep((below + 1) * 4);
  const traceOf = scratch.keep(below * 4);
  const order = scratch.keep(below * 4);
  const traces = scratch.within(() => {
    const nameAt = scratch.copy(name);
    const counts = scratch.take((below + 1) * 4);
    const out = [counts, starts, traceOf, order] as const;
    return kernel.groupHead(view.half, below, nameAt, name.length, ...out) >>> 0;
  });
  return { rows: scratch.words[starts / 4 + traces], traces, starts, traceOf, order, below };
}

/** Those of some traces alone, which are numbered anew in this order. */
export function rowsOfTraces(
  of: HeadRows,
  traces: ArrayLike<number>,
  { kernel, scratch }: RowTools,
): HeadRows {
  const { words } = scratch;
  let most = 0;
  for (let i = 0; i < traces.length; i++) {
    const at = of.starts / 4 + traces[i];
    most += words[at + 1] - words[at];
  }
  const starts = scratch.keep((traces.length + 1) * 4);
  const traceOf = scratch.keep(traces.length * 4);
  const order = scratch.keep(most * 4);
  const rows = scratch.within(() => {
    const chosen = scratch.take(traces.length * 4);
    words.set(traces, chosen / 4);
    const from = [of.starts, of.traceOf, of.order, chosen, traces.length] as const;
    return kernel.chooseTraces(...from, starts, traceOf, order) >>> 0;
  });
  return { rows, traces: traces.length, starts, traceOf, order, below: of.below };
}

/** Traces with a row of `since` or later. */
export function tracesSince(of: HeadRows, since: number, tools: RowTools): Uint32Array {
  const { kernel, scratch } = tools;
  return scratch.within(() => {
    const out = scratch.take(of.traces * 4);
    const found = kernel.tracesSince(of.starts, of.traces, of.order, since, out) >>> 0;
    return scratch.words.slice(out / 4, out / 4 + found);
  });
}

/** Unix nanoseconds. */
export interface HeadBounds {
  readonly from: bigint;
  readonly to: bigint;
  /** Rows of the half that are within; those that follow may not be. */
  readonly below: number;
}

export const NO_BOUNDS: HeadBounds = { from: 2n ** 64n - 1n, to: 0n, below: 0 };

/** Of all rows of the view, of which some are known. */
export function boundRows(
  view: HalfView,
  known: HeadBounds,
  { kernel, scratch }: RowTools,
): HeadBounds {
  return scratch.within(() => {
    const at = scratch.take(16);
    const { ulongs } = scratch;
    ulongs[at / 8] = known.from;
    ulongs[at / 8 + 1] = known.to;
    const columns = [view.header(HALF_START), view.header(HALF_DURATION)] as const;
    kernel.boundRows(...columns, known.below, view.rows, at);
    return { from: ulongs[at / 8], to: ulongs[at / 8 + 1], below: view.rows };
  });
}
