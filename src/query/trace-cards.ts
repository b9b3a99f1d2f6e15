/**
 * What an answer says of a trace whatever was asked: its root, its end, its services, and the ids
 * and times of its spans. It follows from the data alone, so it is kept from question to question:
 * most searches find the newest traces of a block, and the columns that this is read from are half
 * of the block.
 *
 * Threads: one.
 */
import { ValueCache } from "../block/file-cache.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { VectorCache } from "../vector/vector-cache.ts";
import { rootText, serviceOf } from "./field-columns.ts";
import type { FilterTools } from "./filter-bits.ts";
import { codeOf } from "./number-vectors.ts";
import type { ServiceCount } from "./question.ts";
import { RowBits } from "./row-bits.ts";
import type { Segment, TraceSpans } from "./segment.ts";

export interface TraceCard {
  readonly rootServiceName: string;
  readonly rootTraceName: string;
  /** Unix nanoseconds: the last time that one of its spans touches. */
  readonly endNano: bigint;
  /** Of all spans of the trace, each once. */
  readonly services: readonly ServiceCount[];
  /** By row, from the trace's first on. */
  readonly spans: readonly CardSpan[];
}

export interface CardSpan {
  readonly id: string;
  readonly startNano: bigint;
  readonly durationNano: bigint;
}

const CARD_BYTES = 512;
const SERVICE_BYTES = 96;
const SPAN_BYTES = 160;
const STATUS_ERROR = 2;

export class TraceCards {
  readonly #cards: ValueCache<TraceCard>;
  readonly #vectors: Pick<VectorCache, "isRoomy">;

  constructor(bytesMax: number, vectors: Pick<VectorCache, "isRoomy">) {
    this.#cards = new ValueCache(bytesMax);
    this.#vectors = vectors;
  }

  /** Whether whole columns, of which the next cards are made quickly, have no room to stay. */
  get areApart(): boolean {
    return !this.#vectors.isRoomy;
  }

  /** Of a trace of a segment with this name; `make` when it is not known. */
  get(name: string, trace: number, make: () => TraceCard): TraceCard {
    const part = String(trace);
    const known = this.#cards.get(name, part);
    if (known !== undefined) return known;
    const card = make();
    const { services, spans } = card;
    const bytes = CARD_BYTES + services.length * SERVICE_BYTES + spans.length * SPAN_BYTES;
    return this.#cards.put({ file: name, part }, card, bytes);
  }
}

/** Of a trace alone, out of the pages that hold it. */
export function cardApart(segment: Segment, trace: number, tools: FilterTools): TraceCard {
  const { scratch } = tools;
  return scratch.keptWithin(() =>
    scratch.within(() => {
      const alone = segment.cutOut(trace, []);
      const spans = alone.spansOf(0, Number.POSITIVE_INFINITY);
      return cardOf(alone, 0, { ...tools, spans });
    }),
  );
}

/** Texts and numbers of their own: no address is kept. */
export function cardOf(
  segment: Segment,
  trace: number,
  tools: FilterTools & { readonly spans: TraceSpans },
): TraceCard {
  const { scratch, spans } = tools;
  const text = (name: "rootName" | "rootServiceName") => {
    const value = rootText(segment, name, scratch)(spans.root);
    return value.type === "string" ? value.value : "";
  };
  return {
    rootServiceName: text("rootServiceName"),
    rootTraceName: text("rootName"),
    endNano: spans.end,
    services: servicesOf(segment, trace, tools),
    spans: Array.from(rowsOf(segment, trace, scratch), (row) => ({
      id: spans.id(row),
      startNano: scratch.ulongs[segment.start() / 8 + row],
      durationNano: spans.duration(row),
    })),
  };
}

function servicesOf(segment: Segment, trace: number, { scratch, kernel }: FilterTools) {
  const bits = new RowBits(scratch, kernel);
  const doubles = segment.doubles();
  const { codes, list } = segment.resources();
  const status = segment.status();
  const counts = new Map<string, { spans: number; errors: number }>();
  for (const row of rowsOf(segment, trace, scratch)) {
    if (doubles !== 0 && bits.has(doubles, row)) continue;
    const service = serviceOf(list[codeOf(codes, scratch, row) - 1]);
    const count = counts.get(service) ?? { spans: 0, errors: 0 };
    counts.set(service, count);
    count.spans++;
    const code = status.dictionary.at(codeOf(status, scratch, row) - 1);
    if (code.type === "float" && code.value === STATUS_ERROR) count.errors++;
  }
  return Array.from(counts, ([service, count]): ServiceCount => ({ service, ...count }));
}

function* rowsOf({ starts }: Segment, trace: number, { words }: StepScratch) {
  const end = words[starts / 4 + trace + 1];
  for (let row = words[starts / 4 + trace]; row < end; row++) yield row;
}
