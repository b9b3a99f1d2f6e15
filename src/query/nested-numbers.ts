/**
 * Nested-set numbers of a segment's traces, where no block has them ready: as native/src/
 * nested-set.ts counts them, each span once.
 */
import type { Keeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { NumbersVector } from "../vector/vector.ts";
import type { NestedName, Segment } from "./segment.ts";

export interface NestedTools {
  readonly keeper: Keeper;
  readonly scratch: StepScratch;
  readonly name: string;
}

type Numbers = Readonly<Record<NestedName, NumbersVector>>;

const NONE = 0xffffffff;

export function nestedNumbers(segment: Segment, tools: NestedTools): Numbers {
  const { keeper, scratch, name } = tools;
  const { rows, traces } = segment;
  const column = Math.ceil(rows / 8) * 64;
  return keeper.get<Numbers>(
    `${name}nested`,
    () => column * 4,
    (at) => {
      scratch.bytes.fill(0, at, at + column * 4);
      const place = (i: number) => at / 8 + i * (column / 8);
      const walk = new TraceWalk(segment, scratch, {
        left: place(0),
        right: place(1),
        parent: place(2),
        children: place(3),
      });
      for (let trace = 0; trace < traces; trace++) walk.number(trace);
      const vector = (i: number): NumbersVector => {
        return { kind: "longs", at: at + i * column, present: 0 };
      };
      return {
        nestedSetLeft: vector(0),
        nestedSetRight: vector(1),
        nestedSetParent: vector(2),
        "span:childCount": vector(3),
      };
    },
  );
}

interface Places {
  readonly left: number;
  readonly right: number;
  readonly parent: number;
  readonly children: number;
}

class TraceWalk {
  readonly #segment: Segment;
  readonly #scratch: StepScratch;
  readonly #out: Places;
  readonly #parents: number;
  readonly #parentIds: number;
  readonly #ids: number;
  readonly #doubles: number;

  constructor(segment: Segment, scratch: StepScratch, out: Places) {
    this.#segment = segment;
    this.#scratch = scratch;
    this.#out = out;
    this.#parents = segment.parents() / 4;
    this.#parentIds = segment.parentIds() / 8;
    this.#ids = segment.spanIds() / 8;
    this.#doubles = segment.doubles();
  }

  number(trace: number): void {
    const { words, ulongs, longs } = this.#scratch;
    const starts = this.#segment.starts / 4;
    const rows: number[] = [];
    for (let row = words[starts + trace]; row < words[starts + trace + 1]; row++) {
      if (!this.#isDouble(row)) rows.push(row);
    }
    const children = new Map<number, number[]>();
    for (const row of rows) {
      const parent = words[this.#parents + row];
      if (parent === NONE) {
        // It names itself: its own child, but not its parent.
        if (ulongs[this.#parentIds + row] === ulongs[this.#ids + row]) {
          longs[this.#out.children + row]++;
        }
        continue;
      }
      longs[this.#out.children + parent]++;
      const list = children.get(parent);
      if (list === undefined) children.set(parent, [row]);
      else list.push(row);
    }
    const roots = rows.filter((row) => ulongs[this.#parentIds + row] === 0n);
    if (roots.length === 0 || this.#hasTriple(rows)) return;
    let counter = 1n;
    for (const root of roots) counter = this.#walk(root, { children, counter });
  }

  /** Without recursion: a trace may be as deep as it is long. */
  #walk(root: number, from: { children: ReadonlyMap<number, number[]>; counter: bigint }): bigint {
    const { longs } = this.#scratch;
    let { counter } = from;
    longs[this.#out.parent + root] = -1n;
    longs[this.#out.left + root] = counter++;
    const path = [{ row: root, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const child = from.children.get(top.row)?.[top.next++];
      if (child === undefined) {
        longs[this.#out.right + top.row] = counter++;
        path.pop();
        continue;
      }
      longs[this.#out.parent + child] = longs[this.#out.left + top.row];
      longs[this.#out.left + child] = counter++;
      path.push({ row: child, next: 0 });
    }
    return counter;
  }

  #hasTriple(rows: readonly number[]): boolean {
    const seen = new Map<bigint, number>();
    for (const row of rows) {
      const id = this.#scratch.ulongs[this.#ids + row];
      const count = (seen.get(id) ?? 0) + 1;
      if (count > 2) return true;
      seen.set(id, count);
    }
    return false;
  }

  #isDouble(row: number): boolean {
    if (this.#doubles === 0) return false;
    return ((this.#scratch.bytes[this.#doubles + (row >>> 3)] >>> (row & 7)) & 1) === 1;
  }
}
