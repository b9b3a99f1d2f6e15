/**
 * One trace out of the head and the blocks, each span once.
 *
 * Order of reading: the head first, while it is pinned and in one go; then the list of blocks. A
 * half that is published in between is in both, and taken from the blocks; the other way round it
 * could be in neither. Nothing is waited for while a half is pinned.
 *
 * Order of spans: blocks by their part of the log, then the halves by theirs, so that of a span
 * that was sent twice the first one wins, wherever both lie.
 *
 * Threads: any reader; every call has its own state.
 */
import { EngineError } from "../base/error.ts";
import type { BlockMeta } from "../model/block-meta.ts";
import type { SpanRow } from "../model/span-row.ts";
import { TraceCombiner } from "./trace-combine.ts";
import type { FoundTrace, TraceFinder, TraceQuestion } from "./trace-finder.ts";

/** A half of the head and the part of the log that it holds; empty (0, 0) before its first rows. */
export interface HeadHalf {
  readonly base: number;
  /** Another one each time that the half is begun anew. */
  readonly epoch: number;
  readonly walFrom: number;
  readonly walTo: number;
}

export interface HeadView {
  /** Halves that may be read until unpin(), which must follow in the same turn. */
  pin(): readonly HeadHalf[];
  unpin(): void;
  /** Rows of a trace in a half, in the order of their arrival; valid while it is pinned. */
  rows(half: HeadHalf, tenant: string, traceId: Uint8Array): Iterable<SpanRow>;
}

/** A published block and the folder that it lies in. */
export interface ListedBlock {
  readonly meta: BlockMeta;
  readonly folder: string;
}

export interface BlockView {
  /**
   * Blocks with this tenant that overlap the Unix seconds, as of now or later: whatever was
   * published before the call is among them.
   */
  blocks(
    tenant: string,
    startSeconds?: number,
    endSeconds?: number,
  ): Promise<readonly ListedBlock[]>;
  /** Brings what is not on this disk of a trace; undefined: nothing is to be waited for. */
  ahead?(
    blocks: readonly ListedBlock[],
    tenant: string,
    traceId: Uint8Array,
  ): Promise<void> | undefined;
  /** Rows in the order of their arrival, valid until the next call; undefined: none. */
  rows(block: ListedBlock, tenant: string, traceId: Uint8Array): Iterable<SpanRow> | undefined;
  /** Bytes that were read so far. */
  readonly inspectedBytes: number;
}

export interface TraceByIdOptions {
  readonly head: HeadView;
  readonly blocks: BlockView;
  /** Whose log the head belongs to. */
  readonly nodeId: string;
  /** A block is not as it was written; the answer is what the others have. */
  readonly onDamaged: (block: ListedBlock, error: EngineError) => void;
}

interface BlockQuestion extends Pick<TraceQuestion, "traceId"> {
  readonly tenant: string;
  readonly damaged: Set<string>;
}

/** What a half has of the trace, for one tenant. */
interface HeadPart {
  readonly half: HeadHalf;
  readonly tenant: string;
  readonly spans: TraceCombiner;
}

export class TraceById implements TraceFinder {
  readonly #head: HeadView;
  readonly #blocks: BlockView;
  readonly #nodeId: string;
  readonly #onDamaged: TraceByIdOptions["onDamaged"];
  #differingSpans = 0;

  constructor(options: TraceByIdOptions) {
    this.#head = options.head;
    this.#blocks = options.blocks;
    this.#nodeId = options.nodeId;
    this.#onDamaged = options.onDamaged;
  }

  /** Spans so far that came again with another content, and were left out. */
  get differingSpans(): number {
    return this.#differingSpans;
  }

  async find(question: TraceQuestion): Promise<FoundTrace> {
    const parts = this.#readHead(question);
    const { tenants, traceId, bytesMax, startSeconds, endSeconds } = question;
    const all = new TraceCombiner(traceId, bytesMax);
    const damaged = new Set<string>();
    let inspectedBytes = parts.reduce((sum, { spans }) => sum + spans.bytes, 0);
    for (const tenant of tenants) {
      const listed = await this.#blocks.blocks(tenant, startSeconds, endSeconds);
      const ahead = this.#blocks.ahead?.(listed, tenant, traceId);
      if (ahead !== undefined) await ahead;
      // From here on no other question gets in between: the count is this one's alone.
      const before = this.#blocks.inspectedBytes;
      all.addRows(this.#blockRows(listed, { tenant, traceId, damaged }));
      inspectedBytes += this.#blocks.inspectedBytes - before;
      for (const part of parts) {
        if (part.tenant !== tenant || this.#isCovered(part.half, listed)) continue;
        all.addAll(part.spans);
        part.spans.release();
      }
    }
    const { spans, partial } = all;
    this.#differingSpans += all.differing;
    const damagedBlocks = [...damaged];
    return { trace: all.finish(), spans, partial, damagedBlocks, inspectedBytes };
  }

  #readHead({ tenants, traceId, bytesMax }: TraceQuestion): HeadPart[] {
    const parts: HeadPart[] = [];
    try {
      const halves = this.#head.pin().toSorted((a, b) => a.walFrom - b.walFrom);
      for (const half of halves) {
        // For all tenants together, so that many of them do not take many times bytesMax.
        let bytesLeft = bytesMax;
        for (const tenant of tenants) {
          const spans = new TraceCombiner(traceId, bytesLeft);
          spans.addRows(this.#head.rows(half, tenant, traceId));
          if (spans.spans > 0 || spans.partial) parts.push({ half, tenant, spans });
          bytesLeft -= spans.bytes;
        }
      }
    } finally {
      this.#head.unpin();
    }
    return parts;
  }

  *#blockRows(
    listed: readonly ListedBlock[],
    { tenant, traceId, damaged }: BlockQuestion,
  ): Generator<SpanRow> {
    for (const block of listed.toSorted(byLog)) {
      try {
        yield* this.#blocks.rows(block, tenant, traceId) ?? [];
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
        damaged.add(block.meta.id);
        this.#onDamaged(block, error);
      }
    }
  }

  /** Halves are cut whole, so a block of the same range has every row of it. */
  #isCovered({ walFrom, walTo }: HeadHalf, listed: readonly ListedBlock[]): boolean {
    return listed.some(({ meta: { wal } }) => {
      if (wal.node !== this.#nodeId || walTo <= walFrom) return false;
      return wal.from <= walFrom && walTo <= wal.to;
    });
  }
}

export function byLog(a: ListedBlock, b: ListedBlock): number {
  return a.meta.wal.from - b.meta.wal.from || (a.meta.id < b.meta.id ? -1 : 1);
}
