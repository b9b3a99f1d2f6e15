/**
 * Traces whose spans lie in several places, put together: for each row the place that it comes from
 * is known, and vectors are gathered when they are asked for.
 *
 * Spans of a trace come in the order of the parts, and so the first of several that are the same
 * span is the one that was logged first.
 */
import { assert } from "../base/assert.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import type { DataValue } from "../model/data-value.ts";
import type { Field } from "../traceql/ast.ts";
import { codeNumbers } from "../vector/coded-numbers.ts";
import { StepKeeper } from "../vector/keeper.ts";
import {
  bitmapBytes,
  type CodesVector,
  type Dictionary,
  type NumbersVector,
  ValueList,
  type Vector,
  widthFor,
} from "../vector/vector.ts";
import { renumber, unite } from "./assembled-codes.ts";
import { findTraceIds } from "./assembled-ids.ts";
import { type AssembledPlan, type PlanOptions, planLists, planRows } from "./assembled-plan.ts";
import { latestStarts, partsAlone, partsShowing } from "./cut-out.ts";
import { someHave } from "./key-presence.ts";
import { nestedNumbers } from "./nested-numbers.ts";
import type {
  Entries,
  ListScope,
  Lists,
  NestedName,
  Segment,
  Source,
  Sources,
  TraceSpans,
  TraceStarts,
  TraceTimes,
} from "./segment.ts";
import {
  type FamilyTools,
  findDoubles,
  findDurationClasses,
  findFirstStarts,
  findLastStarts,
  findNewestFirst,
  findParents,
  findRoots,
  findTimes,
  findTraceOf,
  findTraceStarts,
} from "./segment-family.ts";
import { StepMemo } from "./step-memo.ts";
import { knownSpans } from "./trace-spans.ts";

export interface AssembledOptions extends PlanOptions {
  readonly kernel: ReadExports;
}

type Scope = "row" | ListScope;

/** Longs of so many rows, words at an address; undefined: it has only those of all. */
type SomeLongs = (segment: Segment, rows: number, count: number) => number | undefined;

export class AssembledSegment implements Segment {
  readonly traces: number;
  readonly #options: AssembledOptions;
  readonly #family: FamilyTools;
  readonly #memo = new StepMemo();
  /** Asked for trace by trace. */
  #times: TraceTimes | undefined;
  #plan: AssembledPlan | undefined;

  constructor(options: AssembledOptions) {
    this.#options = options;
    this.traces = options.traces;
    const { keeper, scratch, kernel, name } = options;
    this.#family = { keeper, scratch, kernel, name };
  }

  get rows(): number {
    return this.#wholePlan().rows;
  }

  get starts(): number {
    return this.#wholePlan().starts;
  }

  get traceIds(): number {
    return this.#memo.get("traceIds", () => findTraceIds(this.#options));
  }

  doubles(): number {
    return this.#memo.get("doubles", () => findDoubles(this, this.#family));
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

  isFar(): boolean {
    return this.#options.parts.some((part) => part.with((segment) => segment.isFar()));
  }

  isHere(): boolean {
    // For spans that came twice the ids of all are read.
    return false;
  }

  /** A span that came twice counts where it came first: so what the first part says holds. */
  latestStarts(): number {
    return latestStarts(this.#options);
  }

  bring(among: number, fields: readonly Field[]): void {
    for (const part of this.#options.parts) part.with((segment) => segment.bring(among, fields));
  }

  showing(traces: readonly number[]) {
    return partsShowing(this.#options, traces);
  }

  cutOut(trace: number, fields: readonly Field[]): AssembledSegment {
    const { scratch, kernel } = this.#options;
    const parts = partsAlone(this.#options, trace, fields);
    const keeper = new StepKeeper(scratch);
    return new AssembledSegment({ parts, traces: 1, keeper, scratch, kernel, name: "" });
  }

  spansOf(trace: number): TraceSpans {
    return knownSpans(this, this.#options.scratch, trace);
  }

  roots(): number {
    return findRoots(this, this.#family);
  }

  firstStarts(): number {
    return findFirstStarts(this, this.#family);
  }

  lastStarts(): number {
    return findLastStarts(this, this.#family);
  }

  newestFirst(): number {
    return this.#memo.get("newestFirst", () => findNewestFirst(this, this.#family));
  }

  parents(): number {
    return findParents(this, this.#family);
  }

  spanIds(): number {
    return this.#longs("spanIds", (segment) => segment.spanIds());
  }

  parentIds(): number {
    const some = (segment: Segment, rows: number, count: number) => {
      return segment.parentIdsOf?.(rows, count);
    };
    return this.#longs("parentIds", (segment) => segment.parentIds(), some);
  }

  start(): number {
    return this.#longs("start", (segment) => segment.start());
  }

  duration(): number {
    return this.#longs("duration", (segment) => segment.duration());
  }

  durationClasses(): number {
    return this.#memo.get("durationClasses", () => findDurationClasses(this, this.#family));
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

  childCount(): Vector {
    return this.nested("span:childCount");
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
    const at: Scope = scope === "span" ? "row" : scope;
    const of = (segment: Segment) =>
      scope === "span" || segment.lists(scope) !== undefined ? segment.attribute(scope, key) : [];
    const kinds = this.#kinds(at, key, of);
    const vectors: Vector[] = [];
    if (kinds.has("codes")) {
      const coded = (segment: Segment) => of(segment).filter((one) => one.kind === "codes");
      vectors.push(this.#codes(`codes/${scope}/${key}`, at, coded));
    }
    for (const kind of ["longs", "doubles"] as const) {
      if (!kinds.has(kind)) continue;
      const plain = (segment: Segment) =>
        of(segment).flatMap((one) => (one.kind === kind ? [one] : []));
      vectors.push(this.#numbers(`${kind}/${scope}/${key}`, { scope: at, kind, vectors: plain }));
    }
    return vectors;
  }

  packed(): undefined {
    return undefined;
  }

  codesOf(numbers: NumbersVector, name: string): CodesVector {
    const of = { ...this.#options, entries: this.rows };
    return codeNumbers(numbers, { ...of, name: `${of.name}coded/${name}` });
  }

  keys(scope: "span" | ListScope): readonly string[] {
    const { keys } = this.#wholePlan();
    const known = keys.get(scope);
    if (known !== undefined) return known;
    const all = this.#options.parts.flatMap((part) => part.with((segment) => segment.keys(scope)));
    const found = [...new Set(all)];
    keys.set(scope, found);
    return found;
  }

  hasKey(scope: "span" | ListScope, key: string, among: Entries): boolean {
    const { keeper, scratch, kernel } = this.#options;
    const name = `${this.#options.name}has/${scope}/${key}`;
    return someHave(() => this.attribute(scope, key), among, { keeper, scratch, kernel, name });
  }

  #kinds(
    scope: Scope,
    key: string,
    of: (segment: Segment) => readonly Vector[],
  ): ReadonlySet<Vector["kind"]> {
    const { kinds } = this.#planOf(scope);
    const known = kinds.get(key);
    if (known !== undefined) return known;
    const found = new Set(
      this.#options.parts.flatMap((part) =>
        part.with((segment) => of(segment).map(({ kind }) => kind)),
      ),
    );
    kinds.set(key, found);
    return found;
  }

  #wholePlan(): AssembledPlan {
    this.#plan ??= planRows(this.#options);
    return this.#plan;
  }

  #listPlan(scope: ListScope): AssembledPlan {
    return this.#memo.get(`plan/${scope}`, () =>
      planLists(this.#options, this.#wholePlan(), scope),
    );
  }

  #planOf(scope: Scope): AssembledPlan {
    return scope === "row" ? this.#wholePlan() : this.#listPlan(scope);
  }

  /** `some`: of few rows alone, where the segment has it so. */
  #longs(what: string, of: (segment: Segment) => number, some?: SomeLongs): number {
    return this.#memo.get(what, () => this.#gatherLongs(what, of, some));
  }

  #gatherLongs(what: string, of: (segment: Segment) => number, some?: SomeLongs): number {
    const { parts, keeper, kernel, scratch, name } = this.#options;
    const { rows, moves } = this.#wholePlan();
    return keeper.get(
      `${name}${what}`,
      () => rows * 8,
      (at) => {
        for (const [part, { rows: from, places, count }] of moves.entries()) {
          if (count === 0) continue;
          parts[part].with((segment) => {
            scratch.within(() => {
              const few = some?.(segment, from, count);
              if (few !== undefined) kernel.placeLongs(few, places, count, at);
              else kernel.gatherLongs(of(segment), 0, from, places, count, at, 0);
            });
          });
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
          parts[part].with((segment) => {
            for (const vector of from.vectors(segment)) {
              kernel.gatherLongs(vector.at, vector.present, source, places, count, at, there);
            }
          });
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
    return this.#memo.get(what, () => this.#gatherCodes(what, scope, of));
  }

  #gatherCodes(
    what: string,
    scope: Scope,
    of: (segment: Segment) => readonly CodesVector[],
  ): CodesVector {
    const { keeper, kernel, scratch, name } = this.#options;
    const { rows } = this.#planOf(scope);
    const known = keeper.find<CodesVector>(`${name}${what}`);
    if (known !== undefined) return known;
    return scratch.within(() => {
      const words = scratch.zeros(rows * 4);
      const dictionary = this.#gatherWords(words, scope, of);
      const width = widthFor(dictionary.size);
      return keeper.get<CodesVector>(
        `${name}${what}`,
        () => rows * width,
        (at) => {
          kernel.narrow(words, rows, width, at);
          return { kind: "codes", at, width, dictionary };
        },
      );
    });
  }

  #gatherWords(
    at: number,
    scope: Scope,
    of: (segment: Segment) => readonly CodesVector[],
  ): ValueList {
    const { parts, kernel } = this.#options;
    const { rows, moves } = this.#planOf(scope);
    const values = new Map<number, DataValue>();
    let size = 0;
    for (const [part, { rows: source, places, count }] of moves.entries()) {
      if (count === 0) continue;
      parts[part].with((segment) => {
        for (const { at: codes, width, dictionary } of of(segment)) {
          kernel.gatherCodes(codes, width, source, places, count, size, at);
          this.#readValues({ codes: at, places, count }, { dictionary, offset: size }, values);
          size += dictionary.size;
        }
      });
    }
    const used = renumber({ at, rows }, size, this.#options);
    const list = Array.from(used, (code) => {
      const value = values.get(code);
      assert(value !== undefined, "query: a code without a value");
      return value;
    });
    return new ValueList(unite({ at, rows }, list, this.#options.scratch));
  }

  /** Values of the codes at these places that are of the dictionary, by code from 0. */
  #readValues(
    at: { readonly codes: number; readonly places: number; readonly count: number },
    { dictionary, offset }: { readonly dictionary: Dictionary; readonly offset: number },
    values: Map<number, DataValue>,
  ): void {
    const { words } = this.#options.scratch;
    for (let i = 0; i < at.count; i++) {
      const code = words[at.codes / 4 + words[at.places / 4 + i]] - 1;
      if (code < offset || values.has(code)) continue;
      values.set(code, dictionary.at(code - offset));
    }
  }

  #sources(what: string, of: (segment: Segment) => Sources): Sources {
    return this.#memo.get(what, () => this.#gatherSources(what, of));
  }

  #gatherSources(what: string, of: (segment: Segment) => Sources): Sources {
    const { parts, keeper, kernel, scratch, name } = this.#options;
    const { rows, moves } = this.#wholePlan();
    const known = keeper.find<Sources>(`${name}${what}`);
    if (known !== undefined) return known;
    return scratch.within(() => {
      const words = scratch.zeros(rows * 4);
      const all: Source[] = [];
      for (const [part, { rows: source, places, count }] of moves.entries()) {
        if (count === 0) continue;
        parts[part].with((segment) => {
          const { codes, list } = of(segment);
          kernel.gatherCodes(codes.at, codes.width, source, places, count, all.length, words);
          all.push(...list);
        });
      }
      const used = renumber({ at: words, rows }, all.length, this.#options);
      const list = Array.from(used, (index) => all[index]);
      const width = widthFor(list.length);
      return keeper.get<Sources>(
        `${name}${what}`,
        () => rows * width,
        (at) => {
          kernel.narrow(words, rows, width, at);
          return { codes: { at, width }, list };
        },
      );
    });
  }
}
