/**
 * Brings the columns of a bucket's blocks to this disk before a question's steps read them, many
 * blocks at once. Which columns: those that the query mentions, and those that questions of its
 * kind have read of most blocks lately, for a step knows best itself.
 *
 * A search that has found enough looks at the starts of other blocks, and then at the few traces
 * that are better than those found, alone (cut-out.ts).
 *
 * Only ever a help: what is not there when it is read is waited for there.
 *
 * Threads: one.
 */
import { KiB } from "../base/bytes.ts";
import type { AheadRange, WantedColumns } from "../block/block-ahead.ts";
import { printField } from "../traceql/print.ts";
import type { PlannedBlock } from "./block-plan.ts";
import { mentionsOf, searchedPipeline } from "./mentions.ts";
import type { Question } from "./question.ts";
import type { ListedBlock } from "./trace-by-id.ts";

/** How columns come to this disk. */
export interface ColumnFetch {
  /** Resolves when they are there, or cannot be brought: whoever reads them finds out why. */
  fetch(blocks: readonly ListedBlock[], wanted: WantedColumns): Promise<void>;
  /** The same for their trace indexes. */
  fetchIndexes(blocks: readonly ListedBlock[]): Promise<void>;
  /** The same for bytes of their files. */
  fetchRanges(ranges: readonly AheadRange[]): Promise<void>;
  /** Names of the columns that were read since this was last cleared. */
  readonly touched: Set<string>;
}

/** Blocks that are on their way while one is visited; each is some megabytes. */
const BLOCKS_AHEAD = 12;
/** Kinds of questions that are remembered, and columns of one. */
const KINDS_MAX = 256;
const NAMES_MAX = 512;
/** How much the last block counts among all before, and what is often enough. */
const LAST_SHARE = 0.4;
const OFTEN = 0.5;

/** By name of a column how often it was read, 0 to 1. */
type ReadOften = Map<string, number>;

/** What nearly every question of a type reads. */
const USUAL: Readonly<Record<Question["type"], readonly string[]>> = {
  search: ["trace_id", "start_unix_nano", "residual"],
  metrics: ["trace_id", "start_unix_nano", "residual"],
  tagNames: ["residual"],
  tagValues: ["residual"],
};

const USUAL_BOUNDED = ["trace_id", "start_unix_nano"];
/** Longer columns of a block are more than its few traces that may be better. */
const BOUNDED_KEYS_BYTES_MAX = 256 * KiB;

const TRACE_IDS: WantedColumns = { names: new Set(["trace_id"]), keys: [] };

export class ReadAhead {
  readonly #columns: ColumnFetch;
  /** By kind of question, those asked last at the end. */
  readonly #known = new Map<string, ReadOften>();

  constructor(columns: ColumnFetch) {
    this.#columns = columns;
  }

  /** Of blocks that are new to a plan. */
  async traceIndexes(blocks: readonly ListedBlock[]): Promise<void> {
    if (blocks.length > 0) await this.#columns.fetchIndexes(blocks);
  }

  async ranges(ranges: readonly AheadRange[]): Promise<void> {
    if (ranges.length > 0) await this.#columns.fetchRanges(ranges);
  }

  /** `isBounded`: enough was found, and only what is better is wanted. */
  begin(question: Question, blocks: readonly PlannedBlock[], isBounded: boolean): BlocksAhead {
    if (isBounded) {
      const often = new Map(USUAL_BOUNDED.map((name) => [name, 1]));
      const keysBytesMax = BOUNDED_KEYS_BYTES_MAX;
      const wanted = { often, keys: kindOf(question).keys, keysBytesMax, learns: false };
      return new BlocksAhead(this.#columns, blocks, wanted);
    }
    const { kind, keys } = kindOf(question);
    const usual = USUAL[question.type];
    const often = this.#known.get(kind) ?? new Map(usual.map((name) => [name, 1]));
    this.#known.delete(kind);
    this.#known.set(kind, often);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KINDS_MAX) break;
      this.#known.delete(oldest);
    }
    return new BlocksAhead(this.#columns, blocks, { often, keys, learns: true });
  }
}

/** The blocks of one visit, in their order. */
export class BlocksAhead {
  readonly #columns: ColumnFetch;
  readonly #blocks: readonly PlannedBlock[];
  readonly #often: ReadOften;
  readonly #keys: Pick<WantedColumns, "keys" | "keysBytesMax">;
  readonly #learns: boolean;
  #begun = 0;

  constructor(
    columns: ColumnFetch,
    blocks: readonly PlannedBlock[],
    {
      often,
      learns,
      ...keys
    }: Omit<WantedColumns, "names"> & {
      readonly often: ReadOften;
      readonly learns: boolean;
    },
  ) {
    this.#learns = learns;
    this.#columns = columns;
    this.#blocks = blocks;
    this.#often = often;
    this.#keys = keys;
  }

  /** Resolves when the block may be read; others behind it are begun, before `blocksEnd`. */
  async ready(place: number, blocksEnd = this.#blocks.length): Promise<void> {
    const end = Math.min(blocksEnd, place + 1 + BLOCKS_AHEAD);
    const behind = this.#blocks.slice(Math.max(place + 1, this.#begun), end);
    this.#begun = Math.max(this.#begun, end);
    const first = this.#fetch([this.#blocks[place]]);
    if (behind.length > 0) void this.#fetch(behind);
    await first;
  }

  visiting(): void {
    this.#columns.touched.clear();
  }

  /** In the same step. */
  visited(): void {
    if (!this.#learns) return;
    const { touched } = this.#columns;
    let isNews = false;
    for (const [name, share] of this.#often) {
      const now = share * (1 - LAST_SHARE) + (touched.has(name) ? LAST_SHARE : 0);
      this.#often.set(name, now);
      isNews ||= share < OFTEN && now >= OFTEN;
    }
    for (const name of touched) {
      if (this.#often.has(name) || this.#often.size >= NAMES_MAX) continue;
      this.#often.set(name, 1);
      isNews = true;
    }
    // Those that are on their way lack it.
    if (isNews) this.#begun = 0;
  }

  async #fetch(blocks: readonly PlannedBlock[]): Promise<void> {
    const all = new Set(blocks.flatMap((one) => [one.block, ...one.parts()]));
    const unknown = new Set(blocks.flatMap((one) => one.unknown()));
    const names = new Set<string>();
    for (const [name, share] of this.#often) if (share >= OFTEN) names.add(name);
    await Promise.all([
      this.#columns.fetch([...all], { names, ...this.#keys }),
      this.#columns.fetch([...unknown], TRACE_IDS),
    ]);
  }
}

interface Kind {
  readonly kind: string;
  readonly keys: WantedColumns["keys"];
}

/** Questions that mention the same fields read the same columns. */
function kindOf(question: Question): Kind {
  if (question.type === "tagNames") return { kind: "tagNames", keys: [] };
  if (question.type === "tagValues") {
    const { field } = question;
    const keys = field.node === "attribute" ? scopesOf(field.scope, field.name) : [];
    return { kind: `tagValues ${printField(field)}`, keys };
  }
  const mentions = mentionsOf(searchedPipeline(question.query.body));
  const fields = mentions.map(({ field }) => printField(field));
  return {
    kind: `${question.type} ${fields.join(" ")}`,
    keys: mentions.flatMap(({ field }) =>
      field.node === "attribute" ? scopesOf(field.scope, field.name) : [],
    ),
  };
}

function scopesOf(scope: string, key: string): WantedColumns["keys"] {
  if (scope === "event" || scope === "link") return [{ scope, key }];
  return scope === "span" || scope === "none" ? [{ scope: "span", key }] : [];
}
