/**
 * Which spans stand in a relation to others: `{ left } >> { right }` and its kin, on bitmaps of a
 * segment's rows. Relations follow parent links. A span is not its own ancestor or sibling; roots
 * are siblings of each other, and orphans that name the same parent are.
 */
import type { StructuralOp } from "../traceql/ast.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { RowBits } from "./row-bits.ts";
import type { Segment } from "./segment.ts";

type Relation = ">" | ">>" | "<" | "<<" | "~";

const INVERSE: Readonly<Record<Relation, Relation>> = {
  ">": "<",
  ">>": "<<",
  "<": ">",
  "<<": ">>",
  "~": "~",
};
const NONE = 0xffffffff;

const UNKNOWN = 0;
const NO = 1;
const YES = 2;
const ON_PATH = 3;

export interface Sides {
  readonly left: number;
  readonly right: number;
}

export class Structural {
  readonly #segment: Segment;
  readonly #bits: RowBits;
  readonly #scratch: StepScratch;

  constructor(segment: Segment, bits: RowBits, scratch: StepScratch) {
    this.#segment = segment;
    this.#bits = bits;
    this.#scratch = scratch;
  }

  run(op: StructuralOp, { left, right }: Sides): number {
    const bits = this.#bits;
    const { rows } = this.#segment;
    // The last characters of an operator are a relation.
    const relation = op.replace(/^[!&]/, "") as Relation;
    const found = this.#related(relation, { left, right });
    if (op.startsWith("!")) return bits.without(right, found, rows);
    if (!op.startsWith("&")) return found;
    const partners = this.#related(INVERSE[relation], { left: right, right: left });
    return bits.or(found, partners, rows);
  }

  /** Rows of `right` that have one of `left` for which the relation holds. */
  #related(relation: Relation, sides: Sides): number {
    switch (relation) {
      case ">":
        return this.#children(sides);
      case ">>":
        return this.#descendants(sides);
      case "<":
        return this.#parents(sides);
      case "<<":
        return this.#ancestors(sides);
      case "~":
        return this.#siblings(sides);
    }
  }

  #children({ left, right }: Sides): number {
    const bits = this.#bits;
    const { rows } = this.#segment;
    const parents = this.#parentRows();
    const out = bits.none(rows);
    for (const row of bits.list(right, rows)) {
      const parent = parents[row];
      if (parent !== NONE && bits.has(left, parent)) bits.set(out, row);
    }
    return out;
  }

  #parents({ left, right }: Sides): number {
    const bits = this.#bits;
    const { rows } = this.#segment;
    const parents = this.#parentRows();
    const out = bits.none(rows);
    for (const row of bits.list(left, rows)) {
      const parent = parents[row];
      if (parent !== NONE && bits.has(right, parent)) bits.set(out, parent);
    }
    return out;
  }

  /**
   * What is found out on the way up is noted for all rows of the way: linear, whatever the depth.
   */
  #descendants({ left, right }: Sides): number {
    const bits = this.#bits;
    const { rows } = this.#segment;
    const parents = this.#parentRows();
    const out = bits.none(rows);
    const stateAt = this.#scratch.zeros(rows);
    const state = this.#scratch.bytes.subarray(stateAt, stateAt + rows);
    const path: number[] = [];
    for (const row of bits.list(right, rows)) {
      let at = row;
      while (at !== NONE && state[at] === UNKNOWN) {
        state[at] = ON_PATH;
        path.push(at);
        at = parents[at];
      }
      if (at !== NONE && state[at] === ON_PATH) this.#settleCycle(path, at, { left, state });
      while (path.length > 0) {
        const below = path.pop() ?? 0;
        const parent = parents[below];
        const isBelow = parent !== NONE && (state[parent] === YES || bits.has(left, parent));
        state[below] = isBelow ? YES : NO;
      }
      if (state[row] === YES) bits.set(out, row);
    }
    return out;
  }

  /** Parents that lead back to a span: each is below all others of the circle. */
  #settleCycle(
    path: number[],
    first: number,
    { left, state }: { readonly left: number; readonly state: Uint8Array },
  ): void {
    const circle = path.splice(path.indexOf(first));
    const found = circle.filter((row) => this.#bits.has(left, row)).length;
    for (const row of circle) {
      state[row] = found - Number(this.#bits.has(left, row)) > 0 ? YES : NO;
    }
  }

  #ancestors({ left, right }: Sides): number {
    const bits = this.#bits;
    const { rows } = this.#segment;
    const parents = this.#parentRows();
    const marked = bits.none(rows);
    const onPath = bits.none(rows);
    const inCircle = new Map<number, readonly number[]>();
    for (const row of bits.list(left, rows)) {
      const path: number[] = [];
      // A row that is marked has its own ancestors marked, unless it is in a circle.
      let at = row;
      while (at !== NONE && !bits.has(onPath, at) && !inCircle.has(at)) {
        if (at !== row && bits.has(marked, at)) break;
        bits.set(onPath, at);
        path.push(at);
        at = parents[at];
      }
      for (const one of path) this.#clear(onPath, one);
      for (const one of path.slice(1)) bits.set(marked, one);
      if (at === NONE) continue;
      if (path.includes(at)) {
        const circle = path.slice(path.indexOf(at));
        for (const one of circle) inCircle.set(one, circle);
      }
      const circle = inCircle.get(at);
      if (circle === undefined) bits.set(marked, at);
      else this.#markCircle(circle, { row, left, marked });
    }
    return bits.and(marked, right, rows);
  }

  /** A row below a circle has all of it above; one of the circle has all others. */
  #markCircle(
    circle: readonly number[],
    { row, left, marked }: { readonly row: number; readonly left: number; readonly marked: number },
  ): void {
    const bits = this.#bits;
    const found = circle.filter((one) => bits.has(left, one)).length;
    const isBelow = !circle.includes(row);
    for (const one of circle) {
      // What a row below the circle has marked already stays.
      if (isBelow || found - Number(bits.has(left, one)) > 0) bits.set(marked, one);
    }
  }

  #siblings({ left, right }: Sides): number {
    const bits = this.#bits;
    const { rows } = this.#segment;
    const parents = this.#parentRows();
    const counts = new Map<string, number>();
    const countAt = this.#scratch.zeros(rows * 4);
    const below = this.#scratch.words.subarray(countAt / 4, countAt / 4 + rows);
    for (const row of bits.list(left, rows)) {
      const parent = parents[row];
      if (parent !== NONE) below[parent]++;
      else {
        const key = this.#orphanKey(row);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    const out = bits.none(rows);
    for (const row of bits.list(right, rows)) {
      const parent = parents[row];
      const count = parent === NONE ? (counts.get(this.#orphanKey(row)) ?? 0) : below[parent];
      if (count > Number(bits.has(left, row))) bits.set(out, row);
    }
    return out;
  }

  /** The same for spans of a trace that name the same parent, which is not there, or none. */
  #orphanKey(row: number): string {
    const { words, ulongs } = this.#scratch;
    const trace = words[this.#segment.traceOf() / 4 + row];
    return `${trace} ${ulongs[this.#segment.parentIds() / 8 + row]}`;
  }

  #clear(bitmap: number, row: number): void {
    this.#scratch.bytes[bitmap + (row >>> 3)] &= ~(1 << (row & 7));
  }

  #parentRows(): Uint32Array {
    const at = this.#segment.parents() / 4;
    return this.#scratch.words.subarray(at, at + this.#segment.rows);
  }
}
