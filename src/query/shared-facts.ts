/**
 * What rows of a block do not tell of themselves, because other spans of their traces lie in other
 * blocks: which are spans over again, what the root is, and how many children there are. With it a
 * question that asks no more of a trace counts the rows where they lie.
 *
 * Few and small, so it is kept longer than columns. Rows and traces are numbers of the block's.
 */
import type { StepScratch } from "../vector/step-scratch.ts";
import { type AssembledPlan, planRows } from "./assembled-plan.ts";
import { type AssembledOptions, AssembledSegment } from "./assembled-segment.ts";
import { rootText } from "./field-columns.ts";
import { codeOf } from "./number-vectors.ts";
import { labelKey } from "./numbered-values.ts";
import type { Value } from "./question.ts";
import type { Segment } from "./segment.ts";

export interface SharedFacts {
  /** Rows whose span counts elsewhere, or in a row before. */
  readonly doubles: Uint32Array;
  /** Rows that have another number of children than the block says. */
  readonly children: ValuesAt;
  /** Traces whose root is none of the block's, or another one than it seems; text. */
  readonly rootNames: ValuesAt;
  readonly rootServices: ValuesAt;
  /** In memory, about. */
  readonly bytes: number;
}

/** Some rows or traces, and which of the values each has. */
export interface ValuesAt {
  readonly places: Uint32Array;
  /** Indexes of values. */
  readonly which: Uint32Array;
  readonly values: readonly Value[];
}

export interface SharedOptions extends AssembledOptions {
  /** The block's number among the parts, and its segment. */
  readonly own: number;
  readonly segment: Segment;
}

const NO_ROW = 0xffff_ffff;
const VALUE_BYTES = 128;

/** Keeps scratch. */
export function findSharedFacts(options: SharedOptions): SharedFacts {
  const whole = new AssembledSegment(options);
  const { moves } = planRows(options);
  const { words } = options.scratch;
  const { rows, places, count } = moves[options.own];
  const own: Rows = {
    rows: words.subarray(rows / 4, rows / 4 + count),
    places: words.subarray(places / 4, places / 4 + count),
  };
  const doubles = findDoubles(whole, own, options.scratch);
  const children = findChildren(whole, own, options);
  const [rootNames, rootServices] = findRoots(whole, moves, options);
  const lists = [children, rootNames, rootServices];
  const bytes = lists.reduce(
    (sum, list) => sum + list.places.length * 8 + list.values.length * VALUE_BYTES,
    doubles.length * 4 + VALUE_BYTES * 4,
  );
  return { doubles, children, rootNames, rootServices, bytes };
}

/** Rows of the block, and what they are among the assembled ones. */
interface Rows {
  readonly rows: Uint32Array;
  readonly places: Uint32Array;
}

function findDoubles(whole: Segment, { rows, places }: Rows, scratch: StepScratch): Uint32Array {
  const doubles = whole.doubles();
  if (doubles === 0) return new Uint32Array(0);
  const { bytes } = scratch;
  return rows.filter((_, i) => (bytes[doubles + (places[i] >>> 3)] >>> (places[i] & 7)) & 1).sort();
}

function findChildren(
  whole: Segment,
  { rows, places }: Rows,
  { segment, scratch }: SharedOptions,
): ValuesAt {
  const counts = childCounts(whole, scratch);
  const doubles = whole.doubles();
  const said = childCountOf(segment, scratch);
  const found = new Places();
  for (let i = 0; i < rows.length; i++) {
    const place = places[i];
    if (doubles !== 0 && (scratch.bytes[doubles + (place >>> 3)] >>> (place & 7)) & 1) continue;
    if (said(rows[i]) === counts[place]) continue;
    found.add(rows[i], { type: "int", value: BigInt(counts[place]) });
  }
  return found.finish();
}

/** As nested-numbers.ts counts them. */
function childCounts(whole: Segment, { words, bytes }: StepScratch): Uint32Array {
  const counts = new Uint32Array(whole.rows);
  const doubles = whole.doubles();
  const [parents, parentIds, ids] = [whole.parents() / 4, whole.parentIds(), whole.spanIds()];
  for (let row = 0; row < counts.length; row++) {
    if (doubles !== 0 && (bytes[doubles + (row >>> 3)] >>> (row & 7)) & 1) continue;
    const parent = words[parents + row];
    if (parent !== NO_ROW) counts[parent]++;
    else {
      const [a, b] = [parentIds / 4 + row * 2, ids / 4 + row * 2];
      // It names itself.
      if (words[a] === words[b] && words[a + 1] === words[b + 1]) counts[row]++;
    }
  }
  return counts;
}

function childCountOf(segment: Segment, scratch: StepScratch): (row: number) => number {
  const vector = segment.childCount();
  const { at } = vector;
  if (vector.kind !== "codes") return (row) => Number(scratch.longs[at / 8 + row]);
  const { dictionary, width } = vector;
  const values = Array.from({ length: dictionary.size }, (_, i) => {
    const value = dictionary.at(i);
    return value.type === "int" || value.type === "float" ? Number(value.value) : -1;
  });
  return (row) => values[codeOf({ at, width }, scratch, row) - 1];
}

/** A trace of the block, and where its root lies; part -1: it has none. */
interface Root {
  readonly trace: number;
  readonly part: number;
  readonly row: number;
}

function findRoots(
  whole: Segment,
  moves: AssembledPlan["moves"],
  { parts, own, segment, scratch }: SharedOptions,
): [names: ValuesAt, services: ValuesAt] {
  const { words } = scratch;
  const partOf = new Int32Array(whole.rows);
  const rowOf = new Uint32Array(whole.rows);
  for (const [part, { rows, places, count }] of moves.entries()) {
    for (let i = 0; i < count; i++) {
      partOf[words[places / 4 + i]] = part;
      rowOf[words[places / 4 + i]] = words[rows / 4 + i];
    }
  }
  const roots = whole.roots() / 4;
  const said = segment.roots() / 4;
  const found: Root[] = [];
  for (const [place, trace] of parts[own].traces.entries()) {
    const root = words[roots + place];
    const part = root === NO_ROW ? -1 : partOf[root];
    const row = root === NO_ROW ? NO_ROW : rowOf[root];
    const isAsSaid = part === own || part < 0;
    if (!isAsSaid || words[said + trace] !== row) found.push({ trace, part, row });
  }
  const names = new Places();
  const services = new Places();
  for (const [part, all] of Map.groupBy(found, (root) => root.part)) {
    const add = (of: Segment, isThere: boolean) => {
      const name = rootText(of, "rootName", scratch);
      const service = rootText(of, "rootServiceName", scratch);
      for (const { trace, row } of all) {
        names.add(trace, name(isThere ? row : undefined));
        services.add(trace, service(isThere ? row : undefined));
      }
    };
    if (part < 0) add(segment, false);
    else parts[part].with((of) => add(of, true));
  }
  return [names.finish(), services.finish()];
}

class Places {
  readonly #places: number[] = [];
  readonly #which: number[] = [];
  readonly #values: Value[] = [];
  readonly #known = new Map<string, number>();

  add(place: number, value: Value): void {
    const key = labelKey(value);
    const known = this.#known.get(key) ?? this.#values.push(value) - 1;
    this.#known.set(key, known);
    this.#places.push(place);
    this.#which.push(known);
  }

  finish(): ValuesAt {
    return {
      places: Uint32Array.from(this.#places),
      which: Uint32Array.from(this.#which),
      values: this.#values,
    };
  }
}
