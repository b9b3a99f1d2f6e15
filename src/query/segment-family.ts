/** What follows from the ids and times of a segment's rows: duplicates, parents, roots. */
import type {
  FamilyExports,
  PickExports,
  ScanExports,
  TallyExports,
} from "../kernel/scan-kernel.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { bitmapBytes, type CodesVector } from "../vector/vector.ts";
import { codeOf } from "./number-vectors.ts";
import { type BitsExports, RowBits } from "./row-bits.ts";
import type { Segment, TraceStarts, TraceTimes } from "./segment.ts";

export type FamilyOf = Pick<
  Segment,
  | ("rows" | "traces" | "starts" | "doubles" | "spanIds" | "parentIds" | "orphans")
  | ("kind" | "start" | "duration")
>;

export interface FamilyTools {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly kernel: FamilyExports &
    Pick<PickExports, "timeBounds" | "orderNewest"> &
    Pick<ScanExports, "classesOfLongs" | "rangeLongs"> &
    BitsExports &
    Pick<TallyExports, "startsOfTraces" | "powersOfLongs">;
  /** Begins the names under which results are kept. */
  readonly name: string;
}

/** A bitmap; 0 when there are none. */
export function findDoubles(of: FamilyOf, tools: FamilyTools): number {
  const { keeper, name } = tools;
  const bytes = () => bitmapBytes(of.rows);
  const { at, found } = keeper.get(`${name}doubles`, bytes, (to) => ({
    at: to,
    found: link(of, tools, { doubles: to, parents: 0 }),
  }));
  return found === 0 ? 0 : at;
}

export function findParents(of: FamilyOf, tools: FamilyTools): number {
  return tools.keeper.get(
    `${tools.name}parents`,
    () => of.rows * 4,
    (parents) => {
      tools.scratch.within(() => {
        const doubles = tools.scratch.take(bitmapBytes(of.rows));
        link(of, tools, { doubles, parents });
      });
      return parents;
    },
  );
}

export function findTimes(of: FamilyOf, tools: FamilyTools): TraceTimes {
  const { keeper, kernel, scratch, name } = tools;
  const bytes = () => of.traces * 16 + 128;
  return keeper.get<TraceTimes>(`${name}times`, bytes, (at) => {
    const start = at;
    const end = start + of.traces * 8;
    const { starts, traces } = of;
    kernel.traceTimes(of.start(), of.duration(), of.doubles(), starts, traces, start, end);
    const bounds = scratch.within(() => {
      const out = scratch.take(16);
      kernel.timeBounds(start, end, of.traces, out);
      return { first: scratch.ulongs[out / 8], last: scratch.ulongs[out / 8 + 1] };
    });
    return { start, end, ...bounds };
  });
}

export function findRoots(of: FamilyOf, tools: FamilyTools): number {
  const { keeper, kernel, scratch, name } = tools;
  return keeper.get(
    `${name}roots`,
    () => of.traces * 4,
    (at) => {
      const { starts, traces } = of;
      scratch.within(() => {
        const orphans = orphansOf(of, tools);
        // Most traces have one, and nothing else of it is read.
        if (kernel.firstRoots(orphans, starts, traces, at) >>> 0 === 0) return;
        const kinds = kindNumbers(of, tools);
        const [start, ids] = [of.start(), of.spanIds()];
        kernel.traceRoots(start, ids, kinds.at, kinds.width, orphans, starts, traces, at);
      });
      return at;
    },
  );
}

/** A bitmap of the rows without a parent, doubles left out. Takes scratch. */
function orphansOf(of: FamilyOf, { kernel, scratch }: FamilyTools): number {
  const bits = new RowBits(scratch, kernel);
  let orphans = of.orphans?.();
  if (orphans === undefined) {
    orphans = scratch.take(bitmapBytes(of.rows));
    kernel.rangeLongs(of.parentIds(), of.rows, 0n, 0n, orphans);
  }
  const doubles = of.doubles();
  return doubles === 0 ? orphans : bits.without(orphans, doubles, of.rows);
}

/** Of each trace the first and the last start of its rows, doubles as well. */
export function findTraceStarts(of: FamilyOf, tools: FamilyTools): TraceStarts {
  const { keeper, kernel, name } = tools;
  const bytes = () => of.traces * 16;
  return keeper.get<TraceStarts>(`${name}traceStarts`, bytes, (first) => {
    const last = first + of.traces * 8;
    kernel.startsOfTraces(of.start(), of.starts, of.traces, first, last);
    return { first, last };
  });
}

/** Without doubles no durations are asked for. */
export function findFirstStarts(of: FamilyOf, tools: FamilyTools): number {
  return of.doubles() === 0 ? findTraceStarts(of, tools).first : findTimes(of, tools).start;
}

export function findLastStarts(of: FamilyOf, tools: FamilyTools): number {
  const { keeper, scratch, name } = tools;
  const doubles = of.doubles();
  if (doubles === 0) return findTraceStarts(of, tools).last;
  const bytes = () => of.traces * 8;
  return keeper.get(`${name}lastStarts`, bytes, (at) => {
    const { words, ulongs } = scratch;
    const start = of.start() / 8;
    const starts = of.starts / 4;
    for (let trace = 0; trace < of.traces; trace++) {
      let last = 0n;
      for (let row = words[starts + trace]; row < words[starts + trace + 1]; row++) {
        const isDouble = (scratch.bytes[doubles + (row >>> 3)] >>> (row & 7)) & 1;
        if (isDouble === 0 && ulongs[start + row] > last) last = ulongs[start + row];
      }
      ulongs[at / 8 + trace] = last;
    }
    return at;
  });
}

export function findNewestFirst(of: FamilyOf & Pick<Segment, "traceIds">, tools: FamilyTools) {
  const { keeper, kernel, scratch, name } = tools;
  const bytes = of.traces * 4;
  return keeper.get(
    `${name}newest`,
    () => bytes,
    (at) => {
      const start = findFirstStarts(of, tools);
      scratch.within(() => {
        kernel.orderNewest(start, of.traceIds, of.traces, at, scratch.take(bytes));
      });
      return at;
    },
  );
}

/** A byte a row, for ranges of durations. */
export function findDurationClasses(of: FamilyOf, tools: FamilyTools): number {
  const { keeper, kernel, name } = tools;
  const bytes = () => Math.ceil(of.rows / 64) * 64;
  return keeper.get(`${name}durationClasses`, bytes, (at) => {
    kernel.classesOfLongs(of.duration(), of.rows, at);
    return at;
  });
}

/** A byte a row, for buckets of durations. */
export function findDurationPowers(of: FamilyOf, tools: FamilyTools): number {
  const { keeper, kernel, name } = tools;
  return keeper.get(
    `${name}durationPowers`,
    () => of.rows,
    (at) => {
      kernel.powersOfLongs(of.duration(), 0, of.rows, at);
      return at;
    },
  );
}

/** u64 a row. */
export function findZeros(of: FamilyOf, { keeper, scratch, name }: FamilyTools): number {
  const bytes = of.rows * 8;
  return keeper.get(
    `${name}zeros`,
    () => bytes,
    (at) => {
      scratch.bytes.fill(0, at, at + bytes);
      return at;
    },
  );
}

export function findTraceOf(of: FamilyOf, tools: FamilyTools): number {
  return tools.keeper.get(
    `${tools.name}traceOf`,
    () => of.rows * 4,
    (at) => {
      tools.kernel.groupOfRows(of.starts, of.traces, at);
      return at;
    },
  );
}

/** OTLP's numbers plus 1 instead of codes, whose order is that of their appearance. */
function kindNumbers(
  of: FamilyOf,
  { keeper, scratch, name }: FamilyTools,
): Pick<CodesVector, "at" | "width"> {
  const kinds = of.kind();
  const { dictionary } = kinds;
  const numbers = Array.from({ length: dictionary.size }, (_, i) => {
    const value = dictionary.at(i);
    return value.type === "float" || value.type === "int" ? Number(value.value) + 1 : 0;
  });
  if (numbers.every((number, i) => number === i + 1)) return kinds;
  return keeper.get(
    `${name}kindNumbers`,
    () => of.rows,
    (at) => {
      for (let row = 0; row < of.rows; row++) {
        scratch.bytes[at + row] = numbers[codeOf(kinds, scratch, row) - 1] ?? 0;
      }
      return { at, width: 1 };
    },
  );
}

function link(
  of: FamilyOf,
  tools: FamilyTools,
  out: { readonly doubles: number; readonly parents: number },
): number {
  const { scratch, kernel } = tools;
  const kinds = kindNumbers(of, tools);
  return scratch.within(() => {
    let most = 0;
    const { starts, traces } = of;
    for (let at = starts / 4; at < starts / 4 + traces; at++) {
      most = Math.max(most, scratch.words[at + 1] - scratch.words[at]);
    }
    const slots = scratch.take(kernel.linkBytes(most) >>> 0);
    const parents = out.parents === 0 ? 0 : of.parentIds();
    return (
      kernel.linkSpans(
        ...[of.spanIds(), parents, kinds.at, kinds.width, starts, traces],
        ...[slots, out.doubles, out.parents],
      ) >>> 0
    );
  });
}
