/**
 * Which traces of a tenant's blocks may lie in several of them, by the hashes in the sidecars'
 * trace indexes: each block is read once when it comes, whatever others there are, and without its
 * data file. A block that goes leaves its traces behind, until they are as many as those that are
 * there and the table is made anew.
 *
 * Two ids may share a hash, so whoever is told of a trace here looks at its id.
 */

import { randomBytes } from "node:crypto";
import { EngineError } from "../base/error.ts";
import type { TraceTableExports } from "../kernel/scan-kernel.ts";
import type { BlockTenant } from "../model/block-meta.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { VectorCache } from "../vector/vector-cache.ts";
import type { Segment } from "./segment.ts";
import { TraceMembers } from "./trace-members.ts";

export interface TraceTableOptions {
  readonly vectors: Pick<VectorCache, "get" | "forget" | "weigh">;
  readonly scratch: StepScratch;
  readonly kernel: TraceTableExports;
  /** Begins the names under which tables are kept. */
  readonly name: string;
  /** Of the tenant's hashes. */
  readonly seed: number;
}

/** A block as the table reads it. */
export interface TracedBlock {
  readonly id: string;
  readonly tenant: BlockTenant;
  /** {hash u32, first row u32} of all traces in the file; undefined: damaged, which was said. */
  readIndex(): Uint8Array | undefined;
  segment(): Segment;
}

/** A trace of a segment, and one with the same hash. */
export interface Candidate {
  readonly trace: number;
  /** Of the table. */
  readonly slot: number;
  /** In that block. */
  readonly number: number;
}

/** Kept like a vector: when it had to go, it is made again from all blocks. */
interface Table {
  readonly at: number;
  readonly of: Content;
}

export interface Content {
  readonly members: TraceMembers;
  /** Slots by block. */
  readonly slots: Map<string, number>;
  /** By slot the ordinal of its first trace; ascending. */
  readonly firsts: number[];
  traces: number;
}

/** So large a part of it is worth as much as a column. */
const TABLE_BYTES_PER_COLUMN = 16_384;
const HEADER_BYTES = 64;
const ENTRY_BYTES = 8;
const BITS_MIN = 10;
/** Beyond it columns would have no room beside it. */
const BITS_MAX = 25;
/** Of its slots so many may be taken. */
const FILL = 0.625;
const TRACES_MAX = 2 ** BITS_MAX * FILL;
const TOO_MANY =
  `blocks of the tenant hold more than ${TRACES_MAX} traces, and TraceQL has no room for more: ` +
  "keep them for a shorter time (block_retention), or send them as several tenants; a trace by " +
  "its id is found all the same";
const GROUP = 0x80000000;
/** So many traces of blocks that went are not worth making it anew. */
const GONE_MIN = 65_536;

export class TraceTable {
  readonly #options: TraceTableOptions;
  readonly #mix = randomBytes(4).readUInt32LE();
  #bits = BITS_MIN;

  constructor(options: TraceTableOptions) {
    this.#options = options;
  }

  /** Whether the block is in it. In a step, like all that follows. */
  has(id: string): boolean {
    return this.#table().of.slots.has(id);
  }

  /** Makes room for these blocks, of which most may be in it. */
  prepare(blocks: readonly { readonly id: string; readonly traces: number }[]): void {
    const { slots, traces } = this.#table().of;
    let wanted = 0;
    let all = traces;
    for (const { id, traces: own } of blocks) {
      wanted += own;
      if (!slots.has(id)) all += own;
    }
    if (traces > 2 * wanted + GONE_MIN || all > TRACES_MAX) {
      this.#options.vectors.forget(this.#options.name);
      this.#bits = BITS_MIN;
      this.#growFor(wanted);
    } else this.#growFor(all);
  }

  /** A block that is not in it. Throws EngineError when neither its index nor its ids are whole. */
  add(block: TracedBlock): void {
    const { tenant } = block;
    this.#growFor(this.#table().of.traces + tenant.traces);
    const table = this.#table();
    this.#options.scratch.within(() => {
      const index = block.readIndex();
      if (index !== undefined && this.#join(table, block, { index, first: tenant.rowFirst }))
        return;
      // The ids of the data file say the same.
      const hashed = this.#hashed(block.segment());
      if (this.#join(table, block, { index: hashed, first: 0 })) return;
      throw new EngineError("block_corrupt", `block ${block.id}: number of its traces`, {
        block: block.id,
      });
    });
  }

  /** Takes a block as one without traces. */
  skip(id: string): void {
    const { slots, firsts, traces } = this.#table().of;
    slots.set(id, firsts.push(traces) - 1);
  }

  /** What is known of all that are in it; stays as it is when the table is made anew. */
  content(): Pick<Content, "members" | "slots"> {
    return this.#table().of;
  }

  /** Traces of the segment whose hash is that of some of a block. */
  find({ traceIds, traces }: Segment, membersOf: (group: number) => Iterable<number>): Candidate[] {
    const { scratch, kernel, seed } = this.#options;
    const { at, of } = this.#table();
    const { members, firsts } = of;
    return scratch.within(() => {
      const out = scratch.take(traces * 8);
      const found = kernel.findTraces(traceIds, traces, seed, at, out) >>> 0;
      const candidates: Candidate[] = [];
      for (let i = out / 4; i < out / 4 + found * 2; i += 2) {
        const trace = scratch.words[i];
        const place = scratch.words[i + 1];
        if (place < GROUP) {
          const slot = slotAt(firsts, place - 1);
          candidates.push({ trace, slot, number: place - 1 - firsts[slot] });
          continue;
        }
        for (const member of membersOf(place - GROUP)) {
          const number = members.numberOf(member);
          candidates.push({ trace, slot: members.slotOf(member), number });
        }
      }
      return candidates;
    });
  }

  /** False: the index is not what the block's meta says. */
  #join(
    { at, of }: Table,
    { id, tenant: { rows, traces } }: TracedBlock,
    { index, first }: { readonly index: Uint8Array; readonly first: number },
  ): boolean {
    const { scratch, kernel } = this.#options;
    const words = Math.ceil(rows / 64);
    const ranks = scratch.take(words * 4);
    const rowsOf = [first, rows, scratch.take(words * 8), ranks] as const;
    const entries = [scratch.copy(index), index.length / ENTRY_BYTES] as const;
    if (kernel.rankTraces(...entries, ...rowsOf) >>> 0 !== traces) return false;
    const out = scratch.take(traces * 2 * ENTRY_BYTES);
    const base = of.traces;
    const joined = kernel.joinTraces(...entries, ...rowsOf, base, at, out) >>> 0;
    const slot = of.firsts.push(base) - 1;
    of.slots.set(id, slot);
    of.traces += traces;
    for (let i = out / 4; i < out / 4 + joined * 2; i += 2) {
      const ordinal = scratch.words[i + 1];
      const where = ordinal >= base ? slot : slotAt(of.firsts, ordinal);
      of.members.add(scratch.words[i], where, ordinal - of.firsts[where]);
    }
    return true;
  }

  #hashed({ traceIds, starts, traces }: Segment): Uint8Array {
    const { scratch, kernel, seed } = this.#options;
    const out = scratch.take(traces * ENTRY_BYTES);
    kernel.hashTraces(traceIds, starts, traces, seed, out);
    return scratch.bytes.slice(out, out + traces * ENTRY_BYTES);
  }

  #growFor(traces: number): void {
    let bits = this.#bits;
    while (traces > 2 ** bits * FILL) bits++;
    if (bits === this.#bits) return;
    if (traces > TRACES_MAX) {
      throw new EngineError("overloaded", TOO_MANY);
    }
    const { vectors, kernel } = this.#options;
    const before = this.#table();
    const nameBefore = this.#name;
    this.#bits = bits;
    this.#make((at) => {
      kernel.growTable(before.at, at);
      return before.of;
    });
    vectors.forget(nameBefore);
  }

  get #name(): string {
    return `${this.#options.name}${this.#bits}/`;
  }

  #table(): Table {
    return this.#make(() => {
      return { members: new TraceMembers(), slots: new Map(), firsts: [], traces: 0 };
    });
  }

  #make(content: (at: number) => Content): Table {
    const bits = this.#bits;
    const bytes = () => HEADER_BYTES + 2 ** bits * ENTRY_BYTES;
    const { vectors, kernel } = this.#options;
    const table = vectors.get<Table>(this.#name, bytes, (at) => {
      kernel.beginTable(at, bits, this.#mix);
      return { at, of: content(at) };
    });
    // As many blocks are read for it, and more of them with each that it has room for.
    vectors.weigh(this.#name, bytes() / TABLE_BYTES_PER_COLUMN);
    return table;
  }
}

/** Of the block that the ordinal is of. */
function slotAt(firsts: readonly number[], ordinal: number): number {
  let low = 0;
  let high = firsts.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (firsts[middle] <= ordinal) low = middle;
    else high = middle;
  }
  return low;
}
