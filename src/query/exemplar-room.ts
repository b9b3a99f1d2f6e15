/**
 * Which exemplars stay: of each stretch of the question's time the first two.
 *
 * A trace gives one candidate, in the one segment that it is in, so which ones stay follows from
 * the data alone: not from the order of segments, nor from which thread took them up.
 */
import { assert } from "../base/assert.ts";
import type { MetricsPlan } from "./metrics-plan.ts";
import type { KeyValue } from "./question.ts";

/** Where a candidate stands among the others. */
export interface ExemplarPlace {
  readonly slot: number;
  /** Nanoseconds. */
  readonly time: bigint;
  readonly traceId: string;
}

export interface PartialExemplar extends ExemplarPlace {
  readonly fragment: number;
  /** Of the series. */
  readonly key: string;
  /** NaN: that of the series in the slot. */
  readonly value: number;
  readonly labels: readonly KeyValue[];
}

const PER_STRETCH = 2;
const END_OF_TIME = 2n ** 64n - 1n;

export function orderExemplars(a: ExemplarPlace, b: ExemplarPlace): number {
  if (a.time !== b.time) return a.time < b.time ? -1 : 1;
  return a.traceId < b.traceId ? -1 : Number(a.traceId > b.traceId);
}

function stretchesOf(most: number): number {
  return Math.max(1, Math.floor(most / PER_STRETCH));
}

/** Those of one fragment; it puts them into `exemplars` and takes them out. */
export class ExemplarRoom {
  /** Of each slot the stretch of time that it is in, by its number. */
  readonly stretchOf: Uint8Array;
  /** Of each stretch the last nanosecond. */
  readonly lasts: BigUint64Array;
  /** Of each stretch: who comes at that time or later does not stay. */
  readonly ends: BigUint64Array;
  readonly #fragment: number;
  readonly #most: number;
  readonly #exemplars: PartialExemplar[];
  /** In order. */
  readonly #stretches: PartialExemplar[][];

  constructor(
    { exemplars: max, fragments, slots }: MetricsPlan,
    exemplars: PartialExemplar[],
    fragment: number,
  ) {
    const most = Math.floor(max / fragments.length);
    const count = stretchesOf(most);
    assert(count <= 256, "query: stretches of exemplars have a byte");
    this.#fragment = fragment;
    this.#exemplars = exemplars;
    this.#most = Math.min(most, PER_STRETCH);
    this.#stretches = Array.from({ length: count }, () => []);
    this.stretchOf = new Uint8Array(slots.count);
    this.lasts = new BigUint64Array(count);
    this.ends = new BigUint64Array(count).fill(END_OF_TIME);
    for (let slot = 0; slot < slots.count; slot++) {
      this.stretchOf[slot] = Math.floor((slot * count) / slots.count);
    }
    for (const [stretch] of this.#stretches.entries()) {
      const end = BigInt(this.stretchOf.lastIndexOf(stretch) + 1);
      this.lasts[stretch] = slots.first + end * slots.step;
    }
    for (const one of exemplars)
      if (one.fragment === fragment) this.#stretches[this.stretchOf[one.slot]].push(one);
    for (const [stretch, own] of this.#stretches.entries()) {
      own.sort(orderExemplars);
      this.#end(stretch);
    }
  }

  get stretches(): number {
    return this.#stretches.length;
  }

  /** Whether the candidate stays, so far. */
  has(candidate: ExemplarPlace): boolean {
    const stretch = this.#stretches[this.stretchOf[candidate.slot]];
    const last = stretch.at(-1);
    if (stretch.length < this.#most || last === undefined) return this.#most > 0;
    return orderExemplars(candidate, last) < 0;
  }

  /** Undefined: it does not stay. */
  add(candidate: Omit<PartialExemplar, "fragment">): PartialExemplar | undefined {
    if (!this.has(candidate)) return undefined;
    const number = this.stretchOf[candidate.slot];
    const stretch = this.#stretches[number];
    const exemplar = { ...candidate, fragment: this.#fragment };
    stretch.push(exemplar);
    stretch.sort(orderExemplars);
    this.#exemplars.push(exemplar);
    const over = stretch.length > this.#most ? stretch.pop() : undefined;
    if (over !== undefined) this.#exemplars.splice(this.#exemplars.indexOf(over), 1);
    this.#end(number);
    return exemplar;
  }

  #end(stretch: number): void {
    const own = this.#stretches[stretch];
    const last = own.length < this.#most ? undefined : own.at(-1);
    this.ends[stretch] = last === undefined ? END_OF_TIME : last.time + 1n;
  }
}
