/**
 * Traces whose spans lie in several places, put together: for each row the place that it comes from
 * is known, and vectors are gathered when they are asked for.
 *
 * Spans of a trace come in the order of the parts, and so the first of several that are the same
 * span is the one that was logged first.
 */

import type { ReadExports } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import { valueKey } from "../vector/code-values.ts";
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import {
  bitmapBytes,
  type CodesVector,
  type NumbersVector,
  ValueList,
  type Vector,
} from "../vector/vector.ts";
import { codeNumbers } from "./coded-numbers.ts";
import { someHave } from "./key-presence.ts";
import { nestedNumbers } from "./nested-numbers.ts";
import { type PartDictionary, valuesOf } from "./part-values.ts";
import type {
  Entries,
  ListScope,
  Lists,
  NestedName,
  Segment,
  Source,
  Sources,
  TraceStarts,
  TraceTimes,
} from "./segment.ts";
import {
  type FamilyTools,
  findDoubles,
  findNewestFirst,
  findParents,
  findTimes,
  findTraceOf,
  findTraceStarts,
} from "./segment-family.ts";

/** A segment, and which of its traces belong here. */
export interface AssembledPart {
  readonly segment: Segment;
  /** The trace's number in the segment, by trace; -1: it has none of it. */
  readonly traces: Int32Array;
}

export interface AssembledOptions {
  /** In the order of the log. */
  readonly parts: readonly AssembledPart[];
  /** How many traces. */
  readonly traces: number;
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly kernel: ReadExports;
  /** Begins the names under which vectors are kept. */
  readonly name: string;
}

/** u32 each: rows of a part's segment, and the rows here that they become. */
interface Moves {
  readonly rows: number;
  readonly places: number;
  readonly count: number;
}

/** Rows or entries behind each other. */
interface Run {
  readonly first: number;
  readonly count: number;
}

interface Plan {
  readonly starts: number;
  readonly rows: number;
  readonly moves: readonly Moves[];
}

type Scope = "row" | ListScope;

export class AssembledSegment implements Segment {
  readonly traces: number;
  readonly #options: AssembledOptions;
  readonly #family: FamilyTools;
  /** Asked for trace by trace. */
  #times: TraceTimes | undefined;

  constructor(options: AssembledOptions) {
    this.#options = options;
    this.traces = options.traces;
    const { keeper, scratch, kernel, name } = options;
    this.#family = { keeper, scratch, kernel, name };
  }

  get rows(): number {
    return this.#plan().rows;
  }

  get starts(): number {
    return this.#plan().starts;
  }

  get traceIds(): number {
    const { parts, keeper, scratch, name } = this.#options;
    return keeper.get(
      `${name}ids`,
      () => this.traces * 16,
      (at) => {
        for (const { segment, traces } of parts) {
          for (const [trace, from] of traces.entries()) {
            if (from < 0) continue;
            const source = segment.traceIds + from * 16;
            scratch.bytes.copyWithin(at + trace * 16, source, source + 16);
          }
        }
        return at;
      },
    );
  }

  doubles(): number {
    return findDoubles(this, this.#family);
  }

  traceOf(): number {
    return findTraceOf(this, this.#family);
  }

  times(): TraceTimes {
    this.#times ??= findTimes(this, this.#family);
    return this.#times;
  }

  traceStarts(): TraceStarts {
    return findTraceStarts(this, this.#family);
  }

  newestFirst(): number {
    return findNewestFirst(this, this.#family);
  }

  parents(): number {
    return findParents(this, this.#family);
  }

  spanIds(): number {
    return this.#longs("spanIds", (segment) => segment.spanIds());
  }

  parentIds(): number {
    return this.#longs("parentIds", (segment) => segment.parentIds());
  }

  start(): number {
    return this.#longs("start", (segment) => segment.start());
  }

  duration(): number {
    return this.#longs("duration", (segment) => segment.duration());
  }

  kind(): CodesVector {
    return this.#codes("kind", "row", (segment) => [segment.kind()]);
  }

  status(): CodesVector {
    return this.#codes("status", "row", (segment) => [segment.status()]);
  }

  name(): CodesVector {
    return this.#codes("name", "row", (segment) => [segment.name()]);
  }

  statusMessage(): CodesVector {
    return this.#codes("statusMessage", "row", (segment) => {
      const messages = segment.statusMessage();
      return messages === undefined ? [] : [messages];
    });
  }

  nested(which: NestedName): NumbersVector {
    const { keeper, scratch, name } = this.#options;
    return nestedNumbers(this, { keeper, scratch, name })[which];
  }

  resources(): Sources {
    return this.#sources("resources", (segment) => segment.resources());
  }

  scopes(): Sources {
    return this.#sources("scopes", (segment) => segment.scopes());
  }

  lists(scope: ListScope): Lists | undefined {
    const { rows, starts } = this.#listPlan(scope);
    return rows === 0 ? undefined : { starts, entries: rows };
  }

  eventName(): CodesVector {
    return this.#codes("eventName", "event", (segment) =>
      segment.lists("event") === undefined ? [] : [segment.eventName()],
    );
  }

  eventTime(): NumbersVector {
    const vectors = (segment: Segment) =>
      segment.lists("event") === undefined ? [] : [segment.eventTime()];
    return this.#numbers("eventTime", { scope: "event", kind: "longs", vectors });
  }

  linkTraceId(): CodesVector {
    return this.#codes("linkTraceId", "link", (segment) =>
      segment.lists("link") === undefined ? [] : [segment.linkTraceId()],
    );
  }

  linkSpanId(): CodesVector {
    return this.#codes("linkSpanId", "link", (segment) =>
      segment.lists("link") === undefined ? [] : [segment.linkSpanId()],
    );
  }

  attribute(scope: "span" | ListScope, key: string): readonly Vector[] {
    const of = new Map<Segment, readonly Vector[]>();
    for (const { segment } of this.#options.parts) {
      if (scope === "span" || segment.lists(scope) !== undefined) {
        of.set(segment, segment.attribute(scope, key));
      }
    }
    const kinds = new Set([...of.values()].flat().map(({ kind }) => kind));
    const at: Scope = scope === "span" ? "row" : scope;
    const vectors: Vector[] = [];
    if (kinds.has("codes")) {
      const coded = (segment: Segment) =>
        (of.get(segment) ?? []).filter((one) => one.kind === "codes");
      vectors.push(this.#codes(`codes/${scope}/${key}`, at, coded));
    }
    for (const kind of ["longs", "doubles"] as const) {
      if (!kinds.has(kind)) continue;
      const plain = (segment: Segment) =>
        (of.get(segment) ?? []).flatMap((one) => (one.kind === kind ? [one] : []));
      vectors.push(this.#numbers(`${kind}/${scope}/${key}`, { scope: at, kind, vectors: plain }));
    }
    return vectors;
  }

  codesOf(numbers: NumbersVector, name: string): CodesVector {
    const of = { ...this.#options, entries: this.rows };
    return codeNumbers(numbers, { ...of, name: `${of.name}coded/${name}` });
  }

  keys(scope: "span" | ListScope): readonly string[] {
    return this.#options.parts.flatMap(({ segment }) => segment.keys(scope));
  }

  hasKey(scope: "span" | ListScope, key: string, among: Entries): boolean {
    const { keeper, scratch, kernel } = this.#options;
    const name = `${this.#options.name}has/${scope}/${key}`;
    return someHave(() => this.attribute(scope, key), among, { keeper, scratch, kernel, name });
  }

  #plan(): Plan {
    const { parts, keeper, scratch, name } = this.#options;
    const { words } = scratch;
    let lengths = new Uint32Array(0);
    const counts = new Uint32Array(parts.length);
    const each = (use: (part: number, trace: number, from: Run) => void) => {
      for (let trace = 0; trace < this.traces; trace++) {
        for (const [part, { segment, traces }] of parts.entries()) {
          if (traces[trace] < 0) continue;
          const at = segment.starts / 4 + traces[trace];
          use(part, trace, { first: words[at], count: words[at + 1] - words[at] });
        }
      }
    };
    let rows = 0;
    const bytes = () => {
      lengths = new Uint32Array(this.traces + 1);
      each((part, trace, { count }) => {
        lengths[trace] += count;
        counts[part] += count;
        rows += count;
      });
      return (this.traces + 1) * 4 + rows * 8;
    };
    return keeper.get<Plan>(`${name}plan`, bytes, (starts) => {
      let next = starts + (this.traces + 1) * 4;
      const moves = Array.from(counts, (count): Moves => {
        const move = { rows: next, places: next + count * 4, count };
        next += count * 8;
        return move;
      });
      for (let trace = 0, at = 0; trace <= this.traces; trace++) {
        words[starts / 4 + trace] = at;
        at += lengths[trace];
      }
      const done = new Uint32Array(parts.length);
      let row = 0;
      each((part, _, { first, count }) => {
        const { rows: from, places } = moves[part];
        for (let i = 0; i < count; i++) {
          words[from / 4 + done[part]] = first + i;
          words[places / 4 + done[part]] = row++;
          done[part]++;
        }
      });
      return { starts, rows, moves };
    });
  }

  /** The same for events or links: of each row the entries of the row that it comes from. */
  #listPlan(scope: ListScope): Plan {
    const { parts, keeper, scratch, name } = this.#options;
    const { words } = scratch;
    const plan = this.#plan();
    const lists = parts.map(({ segment }) => segment.lists(scope));
    let lengths = new Uint32Array(0);
    const counts = new Uint32Array(parts.length);
    const each = (use: (part: number, place: number, from: Run) => void) => {
      for (const [part, move] of plan.moves.entries()) {
        const starts = lists[part]?.starts;
        if (starts === undefined) continue;
        for (let i = 0; i < move.count; i++) {
          const at = starts / 4 + words[move.rows / 4 + i];
          const from = { first: words[at], count: words[at + 1] - words[at] };
          use(part, words[move.places / 4 + i], from);
        }
      }
    };
    const bytes = () => {
      lengths = new Uint32Array(plan.rows);
      each((part, place, { count }) => {
        lengths[place] = count;
        counts[part] += count;
      });
      return (plan.rows + 1) * 4 + counts.reduce((sum, count) => sum + count, 0) * 8;
    };
    return keeper.get<Plan>(`${name}plan/${scope}`, bytes, (starts) => {
      let entries = 0;
      for (let row = 0; row < plan.rows; row++) {
        words[starts / 4 + row] = entries;
        entries += lengths[row];
      }
      words[starts / 4 + plan.rows] = entries;
      let next = starts + (plan.rows + 1) * 4;
      const moves = Array.from(counts, (count): Moves => {
        const move = { rows: next, places: next + count * 4, count };
        next += count * 8;
        return move;
      });
      const done = new Uint32Array(parts.length);
      each((part, place, { first, count }) => {
        const { rows: from, places } = moves[part];
        for (let i = 0; i < count; i++) {
          words[from / 4 + done[part]] = first + i;
          words[places / 4 + done[part]] = words[starts / 4 + place] + i;
          done[part]++;
        }
      });
      return { starts, rows: entries, moves };
    });
  }

  #planOf(scope: Scope): Plan {
    return scope === "row" ? this.#plan() : this.#listPlan(scope);
  }

  #longs(what: string, of: (segment: Segment) => number): number {
    const { parts, keeper, kernel, name } = this.#options;
    const { rows, moves } = this.#plan();
    return keeper.get(
      `${name}${what}`,
      () => rows * 8,
      (at) => {
        for (const [part, { rows: from, places, count }] of moves.entries()) {
          if (count > 0) kernel.gatherLongs(of(parts[part].segment), 0, from, places, count, at, 0);
        }
        return at;
      },
    );
  }

  #numbers(
    what: string,
    from: {
      readonly scope: Scope;
      readonly kind: "longs" | "doubles";
      readonly vectors: (segment: Segment) => readonly NumbersVector[];
    },
  ): NumbersVector {
    const { parts, keeper, kernel, scratch, name } = this.#options;
    const { rows, moves } = this.#planOf(from.scope);
    const values = Math.ceil((rows * 8) / 64) * 64;
    const bytes = () => values + bitmapBytes(rows);
    return keeper.get<NumbersVector>(`${name}${what}`, bytes, (at) =>
      scratch.within(() => {
        scratch.bytes.fill(0, at, at + values);
        const there = scratch.zeros(rows * 4);
        for (const [part, { rows: source, places, count }] of moves.entries()) {
          if (count === 0) continue;
          for (const vector of from.vectors(parts[part].segment)) {
            kernel.gatherLongs(vector.at, vector.present, source, places, count, at, there);
          }
        }
        kernel.bitsOfWords(there, rows, at + values);
        return { kind: from.kind, at, present: at + values };
      }),
    );
  }

  #codes(
    what: string,
    scope: Scope,
    of: (segment: Segment) => readonly CodesVector[],
  ): CodesVector {
    const { parts, keeper, kernel, scratch, name } = this.#options;
    const { rows, moves } = this.#planOf(scope);
    return keeper.get<CodesVector>(
      `${name}${what}`,
      () => rows * 4,
      (at) => {
        scratch.bytes.fill(0, at, at + rows * 4);
        const dictionaries: PartDictionary[] = [];
        let size = 0;
        for (const [part, { rows: source, places, count }] of moves.entries()) {
          if (count === 0) continue;
          for (const vector of of(parts[part].segment)) {
            const { at: codes, width, dictionary } = vector;
            kernel.gatherCodes(codes, width, source, places, count, size, at);
            dictionaries.push({ dictionary, offset: size });
            size += dictionary.size;
          }
        }
        const used = this.#renumber(at, rows, size);
        const dictionary = new ValueList(this.#unite({ at, rows }, valuesOf(dictionaries, used)));
        return { kind: "codes", at, width: 4, dictionary };
      },
    );
  }

  /** One code for equal values, which several parts have; returns the values that are left. */
  #unite(
    { at, rows }: { readonly at: number; readonly rows: number },
    values: readonly DataValue[],
  ): readonly DataValue[] {
    const united = new Map<string, number>();
    const left: DataValue[] = [];
    const codes = new Uint32Array(values.length + 1);
    for (const [i, value] of values.entries()) {
      const key = valueKey(value);
      const code = united.get(key) ?? left.push(value);
      united.set(key, code);
      codes[i + 1] = code;
    }
    if (left.length === values.length) return values;
    const { words } = this.#options.scratch;
    for (let i = at / 4; i < at / 4 + rows; i++) words[i] = codes[words[i]];
    return left;
  }

  #sources(what: string, of: (segment: Segment) => Sources): Sources {
    const { parts, keeper, kernel, scratch, name } = this.#options;
    const { rows, moves } = this.#plan();
    return keeper.get<Sources>(
      `${name}${what}`,
      () => rows * 4,
      (at) => {
        scratch.bytes.fill(0, at, at + rows * 4);
        const all: Source[] = [];
        for (const [part, { rows: source, places, count }] of moves.entries()) {
          if (count === 0) continue;
          const { codes, list } = of(parts[part].segment);
          kernel.gatherCodes(codes.at, codes.width, source, places, count, all.length, at);
          all.push(...list);
        }
        const used = this.#renumber(at, rows, all.length);
        return { codes: { at, width: 4 }, list: Array.from(used, (index) => all[index]) };
      },
    );
  }

  /** Only codes that occur, in order of appearance; returns what they were, from 0. */
  #renumber(at: number, count: number, most: number): Uint32Array {
    const { kernel, scratch } = this.#options;
    return scratch.within(() => {
      const table = scratch.take((most + 1) * 4);
      const list = scratch.take((count + 1) * 4);
      const found = kernel.renumber(at, count, most, table, list) >>> 0;
      return scratch.words.slice(list / 4, list / 4 + found).map((code) => code - 1);
    });
  }
}
