/**
 * Where the rows of assembled traces come from, and the entries of their lists. Kept under the
 * names of what they belong to: gathering by a plan is the kernel's work, making one is not.
 */
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { Vector } from "../vector/vector.ts";
import type { ListScope, Lists, Segment } from "./segment.ts";

/** A segment, and which of its traces belong here. */
export interface AssembledPart {
  /** Vectors of the segment may hold no longer than `work`; its traces hold for the step. */
  with<T>(work: (segment: Segment) => T): T;
  /** The trace's number in the segment, by trace; -1: it has none of it. */
  readonly traces: Int32Array;
}

/** Of a segment that holds for the step. */
export function wholePart(segment: Segment, traces: Int32Array): AssembledPart {
  return { with: (work) => work(segment), traces };
}

export interface PlanOptions {
  /** In the order of the log. */
  readonly parts: readonly AssembledPart[];
  /** How many traces. */
  readonly traces: number;
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  /** Begins the names under which vectors are kept. */
  readonly name: string;
}

/** u32 each: rows of a part's segment, and the rows here that they become. */
export interface Moves {
  readonly rows: number;
  readonly places: number;
  readonly count: number;
}

export interface AssembledPlan {
  readonly starts: number;
  readonly rows: number;
  readonly moves: readonly Moves[];
  /** Which kinds of vectors attributes have, by key; known when they were asked for once. */
  readonly kinds: Map<string, ReadonlySet<Vector["kind"]>>;
  /** The attributes' names, by scope; likewise. */
  readonly keys: Map<string, readonly string[]>;
}

/** Rows or entries behind each other. */
interface Run {
  readonly first: number;
  readonly count: number;
}

/** The rows of all parts, trace by trace. */
export function planRows(options: PlanOptions): AssembledPlan {
  const { parts, traces: all, keeper, scratch, name } = options;
  const { words } = scratch;
  let lengths = new Uint32Array(0);
  let starts: readonly number[] = [];
  const counts = new Uint32Array(parts.length);
  const each = (use: (part: number, trace: number, from: Run) => void) => {
    for (let trace = 0; trace < all; trace++) {
      for (const [part, { traces }] of parts.entries()) {
        if (traces[trace] < 0) continue;
        const at = starts[part] / 4 + traces[trace];
        use(part, trace, { first: words[at], count: words[at + 1] - words[at] });
      }
    }
  };
  let rows = 0;
  const bytes = () => {
    starts = parts.map((part) => part.with(({ starts: at }) => at));
    lengths = new Uint32Array(all + 1);
    each((part, trace, { count }) => {
      lengths[trace] += count;
      counts[part] += count;
      rows += count;
    });
    return (all + 1) * 4 + rows * 8;
  };
  return keeper.get<AssembledPlan>(`${name}plan`, bytes, (to) => {
    const moves = movesFrom(to + (all + 1) * 4, counts);
    for (let trace = 0, at = 0; trace <= all; trace++) {
      words[to / 4 + trace] = at;
      at += lengths[trace];
    }
    const move = mover(moves, words);
    let row = 0;
    each((part, _, from) => {
      move(part, from, row);
      row += from.count;
    });
    return { starts: to, rows, moves, kinds: new Map(), keys: new Map() };
  });
}

/** The same for events or links: of each row of `plan` the entries of the row it comes from. */
export function planLists(
  { parts, keeper, scratch, name }: PlanOptions,
  plan: AssembledPlan,
  scope: ListScope,
): AssembledPlan {
  const { words } = scratch;
  /** By part, first and last entry of the list of each row that moves. */
  let bounds: readonly (Uint32Array | undefined)[] = [];
  let lengths = new Uint32Array(0);
  const counts = new Uint32Array(parts.length);
  const each = (use: (part: number, place: number, from: Run) => void) => {
    for (const [part, move] of plan.moves.entries()) {
      const of = bounds[part];
      if (of === undefined) continue;
      for (let i = 0; i < move.count; i++) {
        const from = { first: of[2 * i], count: of[2 * i + 1] - of[2 * i] };
        use(part, words[move.places / 4 + i], from);
      }
    }
  };
  const bytes = () => {
    bounds = parts.map((part, i) =>
      part.with((segment) => listBounds(segment.lists(scope), plan.moves[i], words)),
    );
    lengths = new Uint32Array(plan.rows);
    each((part, place, { count }) => {
      lengths[place] = count;
      counts[part] += count;
    });
    return (plan.rows + 1) * 4 + counts.reduce((sum, count) => sum + count, 0) * 8;
  };
  return keeper.get<AssembledPlan>(`${name}plan/${scope}`, bytes, (starts) => {
    let entries = 0;
    for (let row = 0; row < plan.rows; row++) {
      words[starts / 4 + row] = entries;
      entries += lengths[row];
    }
    words[starts / 4 + plan.rows] = entries;
    const moves = movesFrom(starts + (plan.rows + 1) * 4, counts);
    const move = mover(moves, words);
    each((part, place, from) => move(part, from, words[starts / 4 + place]));
    return { starts, rows: entries, moves, kinds: new Map(), keys: new Map() };
  });
}

function listBounds(
  lists: Lists | undefined,
  { rows, count }: Moves,
  words: Uint32Array,
): Uint32Array | undefined {
  if (lists === undefined) return undefined;
  const bounds = new Uint32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const at = lists.starts / 4 + words[rows / 4 + i];
    bounds[2 * i] = words[at];
    bounds[2 * i + 1] = words[at + 1];
  }
  return bounds;
}

/** Room for the moves of all parts, from `at` on. */
function movesFrom(at: number, counts: Uint32Array): Moves[] {
  let next = at;
  return Array.from(counts, (count): Moves => {
    const move = { rows: next, places: next + count * 4, count };
    next += count * 8;
    return move;
  });
}

/** Notes where rows go; those of a part come in order. */
function mover(moves: readonly Moves[], words: Uint32Array) {
  const done = new Uint32Array(moves.length);
  return (part: number, { first, count }: Run, place: number) => {
    const { rows, places } = moves[part];
    for (let i = 0; i < count; i++) {
      words[rows / 4 + done[part]] = first + i;
      words[places / 4 + done[part]] = place + i;
      done[part]++;
    }
  };
}
