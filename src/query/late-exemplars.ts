/**
 * What is read of exemplars when all blocks of a thread were visited. Ids of spans are a third of
 * what a question about all spans reads, and of a block of half a million hardly one is shown.
 */
import { EngineError } from "../base/error.ts";
import type { PartialExemplar } from "./exemplar-room.ts";
import type { KeyValue } from "./question.ts";

export interface LateExemplar {
  /** Of those that are known all. */
  readonly labels: (known: readonly KeyValue[]) => readonly KeyValue[];
  /** Undefined: the value is known. */
  readonly value: (() => number) | undefined;
}

export class LateExemplars {
  readonly #late = new Map<PartialExemplar, LateExemplar>();

  add(exemplar: PartialExemplar, late: LateExemplar): void {
    this.#late.set(exemplar, late);
  }

  /** Those of `exemplars` that lack something get it; one whose block is gone goes as well. */
  settle(exemplars: PartialExemplar[]): void {
    const whole = exemplars.flatMap((one) => {
      const late = this.#late.get(one);
      return late === undefined ? [one] : read(one, late);
    });
    exemplars.splice(0, exemplars.length, ...whole);
    this.#late.clear();
  }
}

function read(exemplar: PartialExemplar, { labels, value }: LateExemplar): PartialExemplar[] {
  try {
    const all = labels(exemplar.labels);
    return [{ ...exemplar, labels: all, value: value?.() ?? exemplar.value }];
  } catch (error) {
    // Retention takes the files first and tells afterwards.
    if (error instanceof EngineError && error.code === "not_found") return [];
    throw error;
  }
}
