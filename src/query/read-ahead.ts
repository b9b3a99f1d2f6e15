/**
 * Brings the columns of a bucket's blocks to this disk before a question's steps read them, many
 * blocks at once. Which columns: those that the query mentions, and those that questions of its
 * kind read before, for a step knows best itself.
 *
 * Only ever a help: what is not there when it is read is waited for there.
 *
 * Threads: one.
 */
import type { WantedColumns } from "../block/block-ahead.ts";
import { printField } from "../traceql/print.ts";
import type { PlannedBlock } from "./block-plan.ts";
import { mentionsOf, searchedPipeline } from "./mentions.ts";
import type { Question } from "./question.ts";
import type { ListedBlock } from "./trace-by-id.ts";

/** How columns come to this disk. */
export interface ColumnFetch {
  /** Resolves when they are there, or cannot be brought: whoever reads them finds out why. */
  fetch(blocks: readonly ListedBlock[], wanted: WantedColumns): Promise<void>;
  /** Names of the columns that were read since this was last cleared. */
  readonly touched: Set<string>;
}

/** Blocks that are on their way while one is visited; each is some megabytes. */
const BLOCKS_AHEAD = 12;
/** Kinds of questions that are remembered, and columns of one. */
const KINDS_MAX = 256;
const NAMES_MAX = 512;

/** What nearly every question of a type reads. */
const USUAL: Readonly<Record<Question["type"], readonly string[]>> = {
  search: ["trace_id", "start_unix_nano", "duration_nano", "parent_span_id", "residual"],
  metrics: ["trace_id", "start_unix_nano", "residual"],
  tagNames: ["residual"],
  tagValues: ["residual"],
};

export const TRACE_IDS: WantedColumns = { names: new Set(["trace_id"]), keys: [] };

export class ReadAhead {
  readonly #columns: ColumnFetch;
  /** By kind of question, those asked last at the end. */
  readonly #known = new Map<string, Set<string>>();

  constructor(columns: ColumnFetch) {
    this.#columns = columns;
  }

  /** The ids of traces, of all blocks. */
  async traceIds(blocks: readonly ListedBlock[]): Promise<void> {
    await this.#columns.fetch(blocks, TRACE_IDS);
  }

  begin(question: Question, blocks: readonly PlannedBlock[]): BlocksAhead {
    const { kind, keys } = kindOf(question);
    const names = this.#known.get(kind) ?? new Set(USUAL[question.type]);
    this.#known.delete(kind);
    this.#known.set(kind, names);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= KINDS_MAX) break;
      this.#known.delete(oldest);
    }
    return new BlocksAhead(this.#columns, blocks, { names, keys });
  }
}

/** The blocks of one visit, in their order. */
export class BlocksAhead {
  readonly #columns: ColumnFetch;
  readonly #blocks: readonly PlannedBlock[];
  readonly #names: Set<string>;
  readonly #keys: WantedColumns["keys"];
  #begun = 0;

  constructor(
    columns: ColumnFetch,
    blocks: readonly PlannedBlock[],
    { names, keys }: { readonly names: Set<string>; readonly keys: WantedColumns["keys"] },
  ) {
    this.#columns = columns;
    this.#blocks = blocks;
    this.#names = names;
    this.#keys = keys;
  }

  /** Resolves when the block may be read; others behind it are begun. */
  async ready(place: number): Promise<void> {
    const end = Math.min(this.#blocks.length, place + 1 + BLOCKS_AHEAD);
    const behind = this.#blocks.slice(Math.max(place + 1, this.#begun), end);
    this.#begun = Math.max(this.#begun, end);
    const first = this.#fetch([this.#blocks[place]]);
    if (behind.length > 0) void this.#fetch(behind);
    await first;
  }

  visiting(): void {
    this.#columns.touched.clear();
  }

  /** In the same step. What was read of the block is what will be read of the others. */
  visited(): void {
    const { touched } = this.#columns;
    const before = this.#names.size;
    for (const name of touched) if (this.#names.size < NAMES_MAX) this.#names.add(name);
    // Those that are on their way lack it.
    if (this.#names.size > before) this.#begun = 0;
  }

  async #fetch(blocks: readonly PlannedBlock[]): Promise<void> {
    const all = new Set(
      blocks.flatMap(({ block, parts }) => [block, ...parts.map((part) => part.block)]),
    );
    await this.#columns.fetch([...all], { names: this.#names, keys: this.#keys });
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
