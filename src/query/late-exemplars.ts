/**
 * What is read of exemplars when all blocks of a thread were visited. Ids of spans are a third of
 * what a question about all spans reads, and of a block of half a million hardly one is shown.
 */
import { EngineError } from "../base/error.ts";
import type { PartialExemplar } from "./exemplar-room.ts";
import type { KeyValue } from "./question.ts";
import type { LateSpan } from "./segment.ts";

export interface LateExemplar {
  readonly span: LateSpan;
  readonly label: (span: LateSpan) => KeyValue;
  /** Undefined: the value is known. */
  readonly value: ((span: LateSpan) => number) | undefined;
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

function read(exemplar: PartialExemplar, { span, label, value }: LateExemplar): PartialExemplar[] {
  try {
    const labels = [...exemplar.labels, label(span)];
    return [{ ...exemplar, labels, value: value?.(span) ?? exemplar.value }];
  } catch (error) {
    // Retention takes the files first and tells afterwards.
    if (error instanceof EngineError && error.code === "not_found") return [];
    throw error;
  }
}
