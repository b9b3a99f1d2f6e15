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
import { EngineError } from "../base/error.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import { StepKeeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { AssembledSegment } from "./assembled-segment.ts";
import { type BlockPlan, type OwnedBlock, type PlannedBlock, planBlocks } from "./block-plan.ts";
import { BlockSegment, type SegmentTools } from "./block-segment.ts";
import { HeadSegment } from "./head-segment.ts";
import { HeadShares } from "./head-shares.ts";
import type { Question } from "./question.ts";
import type { ReadAhead } from "./read-ahead.ts";
import type { Segment } from "./segment.ts";
import { LazyPart, type PartOptions, type SegmentPart, type TimeSpan } from "./segment-part.ts";
import { type BlockSplits, type SplitBlock, SplitTraces } from "./split-traces.ts";
import type { HeadHalf, ListedBlock } from "./trace-by-id.ts";
import { TraceFilter } from "./trace-filter.ts";
import type { Turn, Turns } from "./turns.ts";

export interface PinnedHead {
  pin(): readonly HeadHalf[];
  unpin(): void;
}

export interface KnownBlocks {
  /** All blocks with this tenant, as of now or later. */
  all(tenant: string): Promise<readonly OwnedBlock[]>;
  /** Those of these that are there, or were replaced since a question began with them. */
  these(tenant: string, ids: ReadonlySet<string>): Promise<readonly OwnedBlock[]>;
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
}

export interface Window {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
}

/** Of one tenant, on one thread. */
export interface Visit {
  readonly tenant: string;
  readonly turn: Turn;
  readonly signal: AbortSignal;
  /** In one step; addresses hold until it returns. */
  readonly use: (part: SegmentPart) => void;
}

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
  readonly begun: Begun;
  readonly blocks: readonly PlannedBlock[];
  /** Before each block, with the latest time that any span of it touches. */
  readonly isDone: (latestNano: bigint) => boolean;
}

/** A tenant's splits are forgotten when so many others were asked for since. */
const TENANTS_MAX = 256;

/** What is known of a tenant's blocks. */
interface Tenant {
  readonly splits: SplitTraces;
  /** Ids of traces in blocks. */
  readonly filter: TraceFilter;
  /** Which blocks the plan is of, and where they were: one may have moved into a bucket since. */
  ids: string;
  plan: BlockPlan;
}

interface Used extends Pick<PartOptions, "excluded" | "name" | "range"> {
  readonly visit: Visit;
}

const NO_SHARES: Begun["inHead"] = new Map();

export class Segments {
  readonly #options: SegmentsOptions;
  readonly #tenants = new Map<string, Tenant>();

  constructor(options: SegmentsOptions) {
    this.#options = options;
  }

  get scratch(): StepScratch {
    return this.#options.tools.scratch;
  }

  get kernel(): ReadExports {
    return this.#options.tools.kernel;
  }

  /** Visits the head, with traces that lie in blocks too; rejects with the signal's reason. */
  async begin(visit: Visit): Promise<Begun> {
    const { blocks: known, turns } = this.#options;
    for (;;) {
      const all = (await known.all(visit.tenant)).toSorted(byLog);
      await this.#planned(all, visit);
      visit.signal.throwIfAborted();
      const begun = await turns.step(visit.turn, () =>
        this.#inStep(visit.turn, () => this.#visitHead(visit)),
      );
      if (begun !== undefined) return begun;
    }
  }

  /** Ids of a tenant's blocks, when this thread has no plan of them yet. */
  unplanned(tenant: string): readonly string[] | undefined {
    const all = this.#options.blocks.now(tenant).toSorted(byLog);
    if (this.#tenants.get(tenant)?.ids === placesKey(all)) return undefined;
    return all.map(({ meta }) => meta.id);
  }

  /** The plan of a question that began on another thread, about the blocks with these ids. */
  async join(ids: readonly string[], visit: Visit): Promise<BlockPlan> {
    const known = await this.#options.blocks.these(visit.tenant, new Set(ids));
    return this.#planned(known.toSorted(byLog), visit);
  }

  /** Block by block in their order, until the visitor is done. */
  async visitBlocks(visit: BlocksVisit): Promise<void> {
    const { begun, blocks, isDone, signal, turn } = visit;
    const ahead = this.#options.ahead?.begin(visit.question, blocks, visit.isBounded);
    for (const [place, one] of blocks.entries()) {
      if (isDone(one.range.to)) return;
      if (ahead !== undefined) await ahead.ready(place);
      signal.throwIfAborted();
      const shared = begun.inHead.get(one.block.meta.id) ?? [];
      await this.#options.turns.step(turn, () =>
        this.#inStep(turn, () => {
          ahead?.visiting();
          this.#visitBlock(one, shared, visit);
          ahead?.visited();
        }),
      );
    }
  }

  /** What the blocks share is found block by block. */
  async #planned(
    all: readonly OwnedBlock[],
    { tenant: name, turn, signal }: Visit,
  ): Promise<BlockPlan> {
    const { turns } = this.#options;
    const tenant = this.#tenant(name);
    const ids = placesKey(all);
    if (tenant.ids === ids) return tenant.plan;
    const { splits } = tenant;
    const blocks = this.#sharing(all, name);
    if (this.#options.ahead !== undefined && all.length > 1)
      await this.#options.ahead.traceIds(all);
    for (let newest = 1; newest < blocks.length; newest++) {
      signal.throwIfAborted();
      if (splits.isCompared(blocks, newest)) continue;
      await turns.step(turn, () => this.#inStep(turn, () => splits.compare(blocks, newest)));
    }
    return turns.step(turn, () => this.#inStep(turn, () => this.#settled(all, name)));
  }

  /** The plan of blocks of which most are compared with each other. */
  #settled(all: readonly OwnedBlock[], name: string): BlockPlan {
    const tenant = this.#tenant(name);
    const ids = placesKey(all);
    if (tenant.ids !== ids) {
      tenant.plan = planBlocks(all, tenant.splits.settle(this.#sharing(all, name)));
      tenant.ids = ids;
    }
    return tenant.plan;
  }

  #tenant(name: string): Tenant {
    const { kernel, scratch, vectors } = this.#options.tools;
    const tenant = this.#tenants.get(name) ?? {
      splits: new SplitTraces(kernel, scratch),
      filter: new TraceFilter({ keeper: vectors, scratch, kernel, name: `filter/${name}/` }),
      ids: "",
      plan: planBlocks([], new Map()),
    };
    // Those asked for last stay.
    this.#tenants.delete(name);
    this.#tenants.set(name, tenant);
    for (const oldest of this.#tenants.keys()) {
      if (this.#tenants.size <= TENANTS_MAX) break;
      this.#tenants.delete(oldest);
    }
    return tenant;
  }

  #sharing(all: readonly ListedBlock[], tenant: string): SplitBlock[] {
    return all.map((block) => ({
      id: block.meta.id,
      segment: () => this.#segmentOf(block, tenant),
    }));
  }

  /** Undefined: more was published meanwhile than this thread has heard of. */
  #visitHead(visit: Visit): Begun | undefined {
    const { blocks: known, head } = this.#options;
    const { tenant } = visit;
    // Where blocks come all the time, a plan that was made a moment ago is never that of now.
    const plan = this.#settled(known.now(tenant).toSorted(byLog), tenant);
    const halves = head.pin();
    try {
      // What was published since then may be gone from the head.
      if (known.isBehind()) return undefined;
      return { plan, inHead: this.#useHead(halves, plan, visit) };
    } finally {
      head.unpin();
    }
  }

  #useHead(halves: readonly HeadHalf[], { all }: BlockPlan, visit: Visit): Begun["inHead"] {
    const { buffer, nodeId, tools } = this.#options;
    const { kernel, scratch } = tools;
    const { tenant } = visit;
    const segments = halves
      .filter((half) => !isCovered(half, all, nodeId))
      .toSorted((a, b) => a.walFrom - b.walFrom)
      .map(({ base }) => new HeadSegment({ buffer, kernel, scratch, half: base, tenant }))
      .filter(({ rows }) => rows > 0);
    if (segments.length === 0) return NO_SHARES;
    const blocks = this.#sharing(all, tenant);
    const { filter } = this.#tenant(tenant);
    const shares = new HeadShares(segments, blocks, { kernel, scratch, filter });
    const inHead = { visit, name: undefined, range: undefined };
    if (shares.traces > 0) {
      const { traces } = shares;
      const keeper = new StepKeeper(scratch);
      const options = { parts: shares.parts(), traces, keeper, scratch, kernel, name: "" };
      this.#use(new AssembledSegment(options), { ...inHead, excluded: [] });
    }
    for (const [half, segment] of segments.entries()) {
      this.#use(segment, { ...inHead, excluded: shares.ofHalf(half) });
    }
    return new Map(blocks.map(({ id }) => [id, shares.ofBlock(id)]));
  }

  #visitBlock(
    { block, split, parts: of, range }: PlannedBlock,
    inHead: readonly number[],
    visit: Visit,
  ): void {
    const { kernel, scratch, vectors } = this.#options.tools;
    try {
      const segment = this.#segmentOf(block, visit.tenant);
      const others =
        inHead.length === 0 ? split.excluded : Uint32Array.from([...split.excluded, ...inHead]);
      const own = nameOf(`${block.folder}/rows/${visit.tenant}/`, others);
      this.#use(segment, { visit, excluded: others, name: own, range });
      if (split.traces > 0) {
        const parts = of.map(({ block: one, traces }) => {
          return { segment: this.#segmentOf(one, visit.tenant), traces };
        });
        const name = `${block.folder}/split/${visit.tenant}/${split.version}/`;
        const { traces } = split;
        const options = { parts, traces, keeper: vectors, scratch, kernel, name };
        const excluded = placesOf(split, block.meta.id, inHead);
        const whole = { visit, excluded, name: nameOf(name, excluded), range };
        this.#use(new AssembledSegment(options), whole);
      }
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
      // Retention takes the files first and tells afterwards.
      this.#options.onGone(block);
    }
  }

  #use(segment: Segment, { visit, ...of }: Used): void {
    const { kernel, scratch, vectors: keeper } = this.#options.tools;
    scratch.within(() => {
      visit.use(new LazyPart({ segment, scratch, kernel, keeper, ...of }));
    });
  }

  #segmentOf(block: ListedBlock, tenant: string): Segment {
    const rows = block.meta.tenants.find(({ name }) => name === tenant);
    if (rows === undefined) throw new EngineError("not_found", `block without tenant ${tenant}`);
    return new BlockSegment(this.#options.tools, block.folder, rows);
  }

  #inStep<T>({ untilMs }: Turn, work: () => T): T {
    const { scratch, vectors } = this.#options.tools;
    vectors.beginStep();
    scratch.reset(untilMs);
    return work();
  }
}

function placesKey(blocks: readonly ListedBlock[]): string {
  return blocks.map(({ folder }) => folder).join(" ");
}

function byLog(a: ListedBlock, b: ListedBlock): number {
  return a.meta.wal.from - b.meta.wal.from || (a.meta.id < b.meta.id ? -1 : 1);
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
function placesOf({ parts }: BlockSplits, block: string, traces: readonly number[]): number[] {
  if (traces.length === 0) return [];
  const wanted = new Set(traces);
  const own = parts.find((part) => part.block === block);
  const places: number[] = [];
  for (const [place, trace] of (own?.traces ?? []).entries()) {
    if (wanted.has(trace)) places.push(place);
  }
  return places;
}
