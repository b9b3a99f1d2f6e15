/**
 * All spans that a question is about, segment by segment: first what is in the head together with
 * the traces that lie in head and blocks, in one step while the head is pinned; then block by
 * block, the one that ends last first, each with the traces that it is the newest block of.
 *
 * Every span is in one of them, once: what is in the head and published meanwhile is taken from the
 * blocks, what is in several places is assembled. Blocks may be visited by several threads: a plan
 * follows from the ids of the blocks alone.
 *
 * Threads: one.
 */
import { MiB } from "../base/bytes.ts";
import { EngineError } from "../base/error.ts";
import type { AheadRange } from "../block/block-ahead.ts";
import { ValueCache } from "../block/file-cache.ts";
import { HalfView } from "../head/half-view.ts";
import { tenantRows } from "../head/head-rows.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import { type Keeper, StepKeeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { type AssembledPart, wholePart } from "./assembled-plan.ts";
import { AssembledSegment } from "./assembled-segment.ts";
import { naming } from "./block-naming.ts";
import type { BlockPlan, OwnedBlock, PlannedBlock } from "./block-plan.ts";
import { BlockPlans, type Planning, rowsOf } from "./block-plans.ts";
import { BlockSegment } from "./block-segment.ts";
import type { BlockSplits, Shared } from "./block-shares.ts";
import type { PartGatherer } from "./gatherer.ts";
import { HeadNotes } from "./head-notes.ts";
import { HeadSegment } from "./head-segment.ts";
import { HeadShares } from "./head-shares.ts";
import type { Question } from "./question.ts";
import type { ReadAhead } from "./read-ahead.ts";
import type { Segment } from "./segment.ts";
import { LazyPart, type PartOptions, type SegmentPart, type TimeSpan } from "./segment-part.ts";
import type { SegmentTools } from "./segment-tools.ts";
import { findSharedFacts, type SharedFacts } from "./shared-facts.ts";
import type { HeadHalf, ListedBlock } from "./trace-by-id.ts";
import type { Turn, Turns } from "./turns.ts";

export interface PinnedHead {
  pin(): readonly HeadHalf[];
  unpin(): void;
}

/** Lists are in the order of the log; that of now is the same array until a block comes or goes. */
export interface KnownBlocks {
  /** All blocks with this tenant, as of now or later. */
  all(tenant: string): Promise<readonly OwnedBlock[]>;
  /** Those of these that are there, or were replaced since a question began with them. */
  these(tenant: string, ids: readonly string[]): Promise<readonly OwnedBlock[]>;
  /** Those that this thread knows of just now. */
  now(tenant: string): readonly OwnedBlock[];
  /** Whether more was published than this thread knows of. */
  isBehind(): boolean;
}

export interface SegmentsOptions {
  readonly buffer: SharedArrayBuffer;
  readonly head: PinnedHead;
  readonly blocks: KnownBlocks;
  readonly nodeId: string;
  readonly tools: SegmentTools;
  readonly turns: Turns;
  /** undefined: all blocks are on this disk. */
  readonly ahead: ReadAhead | undefined;
  /** A block went away while it was asked for. */
  readonly onGone: (block: ListedBlock) => void;
  /** A file of a block is not as it was written. */
  readonly onDamaged: (block: ListedBlock, error: EngineError) => void;
}

export interface Window {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
}

/** Of one tenant, on one thread. */
export interface Visit {
  readonly tenant: string;
  /** Ids of blocks that are damaged, and left out. */
  readonly without: ReadonlySet<string>;
  readonly turn: Turn;
  readonly signal: AbortSignal;
  /** In one step; addresses hold until it returns. */
  readonly use: (part: SegmentPart) => void;
}

type Wants = NonNullable<PartGatherer["wants"]>;

/** Spans of a tenant as a question began with them: what comes later is not looked at. */
export interface Begun {
  readonly plan: BlockPlan;
  /** By block, numbers of the traces that were assembled with the head's. */
  readonly inHead: ReadonlyMap<string, readonly number[]>;
}

export interface BlocksVisit extends Visit {
  readonly question: Question;
  /** Enough was found, and only what is better is wanted. */
  readonly isBounded: boolean;
  /** Of a part before it is used; undefined: what questions of its kind read is all. */
  readonly wants?: Wants | undefined;
  /** See PartGatherer. */
  readonly byRows: boolean;
  readonly begun: Begun;
  readonly blocks: readonly PlannedBlock[];
  /** Before each block, with the latest time that any span of it touches. */
  readonly isDone: (latestNano: bigint) => boolean;
  /** The same of a block further on, as it seems now. */
  readonly seemsDone: (latestNano: bigint) => boolean;
}

interface Used extends Pick<PartOptions, "excluded" | "name" | "block" | "range" | "facts"> {
  readonly visit: Visit;
}

/** Where there is little to see in blocks, a turn for each would be most of the work. */
const SHORT_STEP_MS = 2;

/** Of a block of half a million spans 50 KB. */
const FACTS_BYTES_MAX = 16 * MiB;

const NO_SHARES: Begun["inHead"] = new Map();

export class Segments {
  readonly #options: SegmentsOptions;
  readonly #plans: BlockPlans;
  readonly #notes = new HeadNotes();
  readonly #facts = new ValueCache<SharedFacts>(FACTS_BYTES_MAX);

  constructor(options: SegmentsOptions) {
    this.#options = options;
    const { tools, ahead, onGone, onDamaged } = options;
    this.#plans = new BlockPlans({
      ...{ tools, ahead, onGone, onDamaged },
      segmentOf: (block, tenant) => this.#segmentOf(block, tenant),
      step: (turn, work) => options.turns.step(turn, () => this.#inStep(turn, work)),
    });
  }

  get scratch(): StepScratch {
    return this.#options.tools.scratch;
  }

  get kernel(): ReadExports {
    return this.#options.tools.kernel;
  }

  /** Whether there are blocks whose columns are brought when they are read. */
  get mayBeFar(): boolean {
    return this.#options.ahead !== undefined;
  }

  /** Visits the head, with traces that lie in blocks too; rejects with the signal's reason. */
  async begin(visit: Visit): Promise<Begun> {
    const { blocks: known, turns } = this.#options;
    for (;;) {
      await this.#plans.make(leaveOut(await known.all(visit.tenant), visit.without), visit);
      visit.signal.throwIfAborted();
      const begun = await turns.step(visit.turn, () =>
        this.#inStep(visit.turn, () => this.#visitHead(visit)),
      );
      if (begun !== undefined) return begun;
    }
  }

  /**
   * What questions must know of these blocks, with the plan of all that there are. A tenant whose
   * blocks nobody asked for yet has no plan, and gets none; nothing is brought from a bucket.
   */
  async prepare(ids: ReadonlySet<string>, planning: Planning): Promise<void> {
    const { blocks: known, turns, ahead } = this.#options;
    const { tenant, turn } = planning;
    if (this.#plans.find(tenant) === undefined || ahead !== undefined) return;
    const plan = await this.#plans.make(known.now(tenant), planning);
    for (const one of plan.newestFirst) {
      if (!ids.has(one.block.meta.id)) continue;
      await this.#plans.learn(plan, one, planning);
      // Its footer.
      await turns.step(turn, () => this.#inStep(turn, () => this.#segmentOf(one.block, tenant)));
    }
  }

  /** Ids of a tenant's blocks, when this thread has no plan of them yet. */
  unplanned(tenant: string): readonly string[] | undefined {
    const all = this.#options.blocks.now(tenant);
    if (this.#plans.find(tenant)?.all === all) return undefined;
    return all.map(({ meta }) => meta.id);
  }

  /** The plan of a question that began on another thread, about the blocks with these ids. */
  async join(ids: readonly string[], visit: Visit): Promise<BlockPlan> {
    return this.#plans.make(await this.#options.blocks.these(visit.tenant, ids), visit);
  }

  /** Block by block in their order, until the visitor is done. */
  async visitBlocks(visit: BlocksVisit): Promise<void> {
    const { begun, blocks, isDone, signal, turn } = visit;
    const { turns } = this.#options;
    const ahead = this.#options.ahead?.begin(visit.question, blocks, visit.isBounded);
    if (visit.wants !== undefined) await this.#bringWanted(visit, visit.wants);
    const visitNext = (one: PlannedBlock) =>
      this.#inStep(turn, () => {
        ahead?.visiting();
        this.#visitBlock(one, visit);
        ahead?.visited();
      });
    const isKnown = ({ number }: PlannedBlock) => begun.plan.shares.unknownOf(number).length === 0;
    let place = 0;
    const isOver = () => place === blocks.length || isDone(blocks[place].range.to);
    for (let isLeft = !isOver(); isLeft; ) {
      if (ahead !== undefined) await ahead.ready(place, this.#wantedEnd(visit, place));
      await this.#plans.learn(begun.plan, blocks[place], visit);
      signal.throwIfAborted();
      isLeft = await turns.step(turn, () => {
        const shortUntilMs = turns.nowMs + SHORT_STEP_MS;
        for (;;) {
          visitNext(blocks[place++]);
          if (isOver()) return false;
          const isShort = turns.nowMs < shortUntilMs;
          if (ahead !== undefined || !isShort || !isKnown(blocks[place])) return true;
        }
      });
    }
  }

  /** Before which of the blocks, as it seems now, the visitor is done. */
  #wantedEnd({ blocks, seemsDone }: BlocksVisit, place: number): number {
    const end = blocks.findIndex(({ range }, i) => i > place && seemsDone(range.to));
    return end < 0 ? blocks.length : end;
  }

  /** Of all blocks at once, where one after the other would wait each time. */
  async #bringWanted(visit: BlocksVisit, wants: Wants): Promise<void> {
    const { ahead, turns } = this.#options;
    if (ahead === undefined) return;
    const { turn, signal, begun, blocks } = visit;
    const ranges: AheadRange[] = [];
    for (const one of blocks) {
      await this.#plans.learn(begun.plan, one, visit);
      signal.throwIfAborted();
      const use = (part: SegmentPart) => void ranges.push(...wants(part));
      await turns.step(turn, () => {
        this.#inStep(turn, () => this.#visitBlock(one, { ...visit, use }));
      });
    }
    await ahead.ranges(ranges);
  }

  /** Undefined: more was published meanwhile than this thread has heard of. */
  #visitHead(visit: Visit): Begun | undefined {
    const { blocks: known, head } = this.#options;
    const { tenant } = visit;
    // Where blocks come all the time, a plan that was made a moment ago is never that of now.
    const plan = this.#plans.settle(leaveOut(known.now(tenant), visit.without), tenant);
    const halves = head.pin();
    try {
      // What was published since then may be gone from the head.
      if (known.isBehind()) return undefined;
      return { plan, inHead: this.#useHead(halves, plan, visit) };
    } finally {
      head.unpin();
    }
  }

  #useHead(halves: readonly HeadHalf[], plan: BlockPlan, visit: Visit): Begun["inHead"] {
    const { nodeId, tools } = this.#options;
    const { all } = plan;
    const { kernel, scratch } = tools;
    const { tenant } = visit;
    const found = halves
      .filter((half) => !isCovered(half, all, nodeId))
      .toSorted((a, b) => a.walFrom - b.walFrom)
      .map((half) => this.#headSegment(half, tenant))
      .filter(({ segment }) => segment.rows > 0);
    if (found.length === 0) return NO_SHARES;
    const segments = found.map(({ segment }) => segment);
    const shares = new HeadShares(segments, {
      ...{ kernel, scratch, blocks: all.map((block) => () => this.#segmentOf(block, tenant)) },
      candidates: (segment) => this.#plans.candidates(segment, plan, tenant),
    });
    const inHead = { visit, name: undefined, block: undefined };
    if (shares.traces > 0) {
      const { traces } = shares;
      const keeper = new StepKeeper(scratch);
      const options = { parts: shares.parts(), traces, keeper, scratch, kernel, name: "" };
      this.#use(new AssembledSegment(options), { ...inHead, range: undefined, excluded: [] });
    }
    for (const [half, { segment, range }] of found.entries()) {
      const excluded = shares.ofHalf(half).sort((a, b) => a - b);
      this.#use(segment, { ...inHead, range, excluded });
    }
    return new Map(Array.from(shares.ofBlocks(), ([block, of]) => [all[block].meta.id, of]));
  }

  #headSegment(half: HeadHalf, tenant: string) {
    const { buffer, tools } = this.#options;
    const { kernel, scratch } = tools;
    const view = new HalfView(buffer, half.base);
    const notes = this.#notes.of(half);
    const rows = tenantRows(view, tenant, tools);
    const own = notes.tenant(tenant);
    const segment = new HeadSegment({ view, rows, kernel, scratch, notes, tenant: own });
    return { segment, range: notes.range(view, tools) };
  }

  #visitBlock(one: PlannedBlock, visit: BlocksVisit): void {
    const { block, number, range } = one;
    const { kernel, scratch, vectors } = this.#options.tools;
    const { plan, inHead: shared } = visit.begun;
    const of = { visit, block: block.meta.id, range };
    const inHead = shared.get(block.meta.id) ?? [];
    try {
      const segment = this.#segmentOf(block, visit.tenant);
      if (visit.byRows) {
        const { facts, version } = this.#factsOf(one, segment, visit);
        const name = nameOf(`${block.folder}/rows/${visit.tenant}/${version}/`, inHead);
        const excluded = inHead.toSorted((a, b) => a - b);
        naming(block, () => this.#use(segment, { ...of, excluded, name, facts }));
        return;
      }
      const split = plan.shares.splitOf(number);
      const others =
        inHead.length === 0
          ? split.excluded
          : Uint32Array.from([...split.excluded, ...inHead]).sort();
      const own = nameOf(`${block.folder}/rows/${visit.tenant}/`, others);
      naming(block, () => this.#use(segment, { ...of, excluded: others, name: own }));
      if (split.traces > 0) {
        const parts = this.#partsOf(one, split, visit);
        const name = `${block.folder}/split/${visit.tenant}/${split.version}/`;
        const { traces } = split;
        const options = { parts, traces, keeper: vectors, scratch, kernel, name };
        const excluded = placesOf(split, number, inHead);
        const whole = { ...of, excluded, name: nameOf(name, excluded) };
        this.#use(new AssembledSegment(options), whole);
      }
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
      // Retention takes the files first and tells afterwards.
      this.#options.onGone(block);
    }
  }

  #partsOf({ block }: PlannedBlock, { parts }: Shared, { tenant, begun }: BlocksVisit) {
    return parts.map(({ block: other, traces }) => {
      const from = begun.plan.all[other];
      if (from.owner === block.owner) return wholePart(this.#segmentOf(from, tenant), traces);
      return this.#passingPart(from, tenant, traces);
    });
  }

  /** Of a block that shares nothing undefined. */
  #factsOf(one: PlannedBlock, segment: Segment, visit: BlocksVisit) {
    const { block, number } = one;
    const shared = visit.begun.plan.shares.sharedOf(number);
    const { traces, version } = shared;
    if (traces === 0) return { facts: undefined, version };
    const name = { file: block.folder, part: `${visit.tenant}/${version}` };
    const known = this.#facts.get(name.file, name.part);
    if (known !== undefined) return { facts: known, version };
    const { kernel, scratch } = this.#options.tools;
    const facts = scratch.within(() =>
      scratch.keptWithin(() => {
        const keeper = new StepKeeper(scratch);
        const parts = this.#partsOf(one, shared, visit);
        const own = shared.parts.findIndex((part) => part.block === number);
        const options = { parts, traces, keeper, scratch, kernel, name: "", own, segment };
        return findSharedFacts(options);
      }),
    );
    return { facts: this.#facts.put(name, facts, facts.bytes), version };
  }

  #use(segment: Segment, { visit, ...of }: Used): void {
    const { kernel, scratch, vectors: keeper } = this.#options.tools;
    scratch.within(() => {
      visit.use(new LazyPart({ segment, scratch, kernel, keeper, ...of }));
    });
  }

  /** Of a block whose columns another thread keeps: this one needs few of its rows, once. */
  #passingPart(block: ListedBlock, tenant: string, traces: Int32Array): AssembledPart {
    const { scratch } = this.#options.tools;
    return {
      with: (work) =>
        scratch.keptWithin(() => work(this.#segmentOf(block, tenant, new StepKeeper(scratch)))),
      traces,
    };
  }

  #segmentOf(block: ListedBlock, tenant: string, columns?: Keeper): Segment {
    const of = { ...block, tenant: rowsOf(block, tenant) };
    return new BlockSegment(this.#options.tools, of, { columns });
  }

  #inStep<T>({ untilMs, question }: Turn, work: () => T): T {
    const { scratch, vectors } = this.#options.tools;
    vectors.beginStep(question);
    scratch.reset(untilMs);
    return work();
  }
}

/** Lists without some of their blocks are kept, for plans are found by the list. */
const lessThan = new WeakMap<readonly OwnedBlock[], Map<string, readonly OwnedBlock[]>>();

function leaveOut(all: readonly OwnedBlock[], without: ReadonlySet<string>): readonly OwnedBlock[] {
  if (without.size === 0) return all;
  const kept = lessThan.get(all) ?? new Map<string, readonly OwnedBlock[]>();
  lessThan.set(all, kept);
  const key = [...without].sort().join();
  const less = kept.get(key) ?? all.filter(({ meta }) => !without.has(meta.id));
  kept.set(key, less);
  return less;
}

/** Halves are cut whole, so a block of the same range has every row of it. */
function isCovered(
  { walFrom, walTo }: HeadHalf,
  blocks: readonly ListedBlock[],
  nodeId: string,
): boolean {
  if (walTo <= walFrom) return false;
  return blocks.some(({ meta: { wal } }) => {
    return wal.node === nodeId && wal.from <= walFrom && walTo <= wal.to;
  });
}

/** Whether anything of the range is in the window. */
export function overlaps({ from, to }: TimeSpan, { startNano, endNano }: Window): boolean {
  if (endNano !== undefined && from > endNano) return false;
  return startNano === undefined || to >= startNano;
}

/** The lists of a plan stay the same as long as it does. */
const hashes = new WeakMap<ArrayLike<number>, string>();

/** Of the rows of all traces but these. */
function nameOf(segment: string, excluded: ArrayLike<number>): string {
  if (excluded.length === 0) return segment;
  const hash = hashes.get(excluded) ?? String(Bun.hash(Uint32Array.from(excluded).buffer));
  hashes.set(excluded, hash);
  return segment + hash;
}

/** Places among the assembled traces of those that the block has under these numbers. */
function placesOf({ parts }: BlockSplits, block: number, traces: readonly number[]): number[] {
  if (traces.length === 0) return [];
  const wanted = new Set(traces);
  const own = parts.find((part) => part.block === block);
  const places: number[] = [];
  for (const [place, trace] of (own?.traces ?? []).entries()) {
    if (wanted.has(trace)) places.push(place);
  }
  return places;
}
