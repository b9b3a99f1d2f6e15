/**
 * All spans that a question is about, segment by segment: first what is in the head together with
 * the traces that lie in head and blocks, in one step while the head is pinned; then block by
 * block, the one that ends last first, each with the traces that it is the newest block of.
 *
 * Every span is in one of them, once: what is in the head and published meanwhile is taken from the
 * blocks, what is in several places is assembled.
 *
 * Threads: one.
 */
import { EngineError } from "../base/error.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import { StepKeeper } from "../vector/keeper.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import { AssembledSegment } from "./assembled-segment.ts";
import { type BlockPlan, type PlannedBlock, planBlocks } from "./block-plan.ts";
import { BlockSegment, type SegmentTools } from "./block-segment.ts";
import { HeadSegment } from "./head-segment.ts";
import { HeadShares } from "./head-shares.ts";
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
  all(tenant: string): Promise<readonly ListedBlock[]>;
  /** Whether more was published than all() has told of. */
  isBehind(): boolean;
}

export interface SegmentsOptions {
  readonly buffer: SharedArrayBuffer;
  readonly head: PinnedHead;
  readonly blocks: KnownBlocks;
  readonly nodeId: string;
  readonly tools: SegmentTools;
  readonly turns: Turns;
  /** A block went away while it was asked for. */
  readonly onGone: (block: ListedBlock) => void;
}

export interface Window {
  readonly startNano: bigint | undefined;
  readonly endNano: bigint | undefined;
}

export interface Visit {
  readonly tenant: string;
  readonly window: Window;
  readonly turn: Turn;
  readonly signal: AbortSignal;
  /** `block`: undefined for the head. In one step; addresses hold until it returns. */
  readonly use: (part: SegmentPart, block: ListedBlock | undefined) => void;
  /** Before each block, with the latest time that any span of it or of later ones touches. */
  readonly isDone?: (latestNano: bigint) => boolean;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly blocks: number;
  readonly blocksDone: number;
  readonly blockBytes: number;
}

/** A tenant's splits are forgotten when so many others were asked for since. */
const TENANTS_MAX = 256;

/** One visit under way. */
interface Visiting {
  readonly visit: Visit;
  readonly plan: BlockPlan;
}

/** What is known of a tenant's blocks. */
interface Tenant {
  readonly splits: SplitTraces;
  /** Ids of traces in blocks. */
  readonly filter: TraceFilter;
  /** Ids of the blocks that the plan is of. */
  ids: string;
  plan: BlockPlan;
}

interface Used extends Pick<PartOptions, "excluded" | "name" | "range"> {
  readonly visit: Visit;
  readonly block: ListedBlock | undefined;
}

const NO_SHARES: ReadonlyMap<string, readonly number[]> = new Map();

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

  /** Rejects with the signal's reason when it aborts. */
  async visit(visit: Visit): Promise<Progress> {
    const { blocks: known, turns } = this.#options;
    for (;;) {
      const all = (await known.all(visit.tenant)).toSorted(byLog);
      const visiting = { visit, plan: await this.#planned(all, visit) };
      visit.signal.throwIfAborted();
      const inBlocks = await turns.step(visit.turn, () =>
        this.#inStep(() => this.#visitHead(visiting)),
      );
      if (inBlocks !== undefined) return this.#visitBlocks(visiting, inBlocks);
    }
  }

  /** What the blocks share is found block by block. */
  async #planned(
    all: readonly ListedBlock[],
    { tenant: name, turn, signal }: Visit,
  ): Promise<BlockPlan> {
    const { turns } = this.#options;
    const tenant = this.#tenant(name);
    const ids = all.map(({ meta }) => meta.id).join(" ");
    if (tenant.ids === ids) return tenant.plan;
    const { splits } = tenant;
    const blocks = this.#sharing(all, name);
    for (let newest = 1; newest < blocks.length; newest++) {
      signal.throwIfAborted();
      if (splits.isCompared(blocks, newest)) continue;
      await turns.step(turn, () => this.#inStep(() => splits.compare(blocks, newest)));
    }
    const plan = await turns.step(turn, () =>
      this.#inStep(() => planBlocks(all, splits.settle(blocks))),
    );
    tenant.ids = ids;
    tenant.plan = plan;
    return plan;
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

  /** Traces by block that were assembled with the head's; undefined: the list of blocks is old. */
  #visitHead(visiting: Visiting): ReadonlyMap<string, readonly number[]> | undefined {
    const { blocks: known, head } = this.#options;
    const halves = head.pin();
    try {
      // What was published since the list was made may be gone from the head.
      if (known.isBehind()) return undefined;
      return this.#useHead(halves, visiting);
    } finally {
      head.unpin();
    }
  }

  #useHead(
    halves: readonly HeadHalf[],
    { visit, plan: { all } }: Visiting,
  ): ReadonlyMap<string, readonly number[]> {
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
    const inHead = { visit, block: undefined, name: undefined, range: undefined };
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

  async #visitBlocks(
    visiting: Visiting,
    inHead: ReadonlyMap<string, readonly number[]>,
  ): Promise<Progress> {
    const { visit, plan } = visiting;
    const chosen = plan.newestFirst.filter(({ range }) => overlaps(range, visit.window));
    const blockBytes = chosen.reduce((sum, { block }) => sum + block.meta.dataBytes, 0);
    let blocksDone = 0;
    for (const one of chosen) {
      if (visit.isDone?.(one.range.to) === true) break;
      visit.signal.throwIfAborted();
      const shared = inHead.get(one.block.meta.id) ?? [];
      await this.#options.turns.step(visit.turn, () =>
        this.#inStep(() => this.#visitBlock(one, shared, visit)),
      );
      blocksDone++;
      visit.onProgress?.({ blocks: chosen.length, blocksDone, blockBytes });
    }
    return { blocks: chosen.length, blocksDone: chosen.length, blockBytes };
  }

  #visitBlock(
    { block, split, parts: of, range }: PlannedBlock,
    inHead: readonly number[],
    visit: Visit,
  ): void {
    const { kernel, scratch, vectors } = this.#options.tools;
    try {
      if (split.traces > 0) {
        const parts = of.map(({ block: one, traces }) => {
          return { segment: this.#segmentOf(one, visit.tenant), traces };
        });
        const name = `${block.folder}/split/${visit.tenant}/${split.version}/`;
        const { traces } = split;
        const options = { parts, traces, keeper: vectors, scratch, kernel, name };
        const excluded = placesOf(split, block.meta.id, inHead);
        const whole = { visit, excluded, block, name: nameOf(name, excluded), range };
        this.#use(new AssembledSegment(options), whole);
      }
      const segment = this.#segmentOf(block, visit.tenant);
      const excluded =
        inHead.length === 0 ? split.excluded : Uint32Array.from([...split.excluded, ...inHead]);
      const name = nameOf(`${block.folder}/rows/${visit.tenant}/`, excluded);
      this.#use(segment, { visit, excluded, block, name, range });
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "not_found") throw error;
      // Retention takes the files first and tells afterwards.
      this.#options.onGone(block);
    }
  }

  #use(segment: Segment, { visit, block, ...of }: Used): void {
    const { kernel, scratch, vectors: keeper } = this.#options.tools;
    scratch.within(() => {
      visit.use(new LazyPart({ segment, scratch, kernel, keeper, ...of }), block);
    });
  }

  #segmentOf(block: ListedBlock, tenant: string): Segment {
    const rows = block.meta.tenants.find(({ name }) => name === tenant);
    if (rows === undefined) throw new EngineError("not_found", `block without tenant ${tenant}`);
    return new BlockSegment(this.#options.tools, block.folder, rows);
  }

  #inStep<T>(work: () => T): T {
    const { scratch, vectors } = this.#options.tools;
    vectors.beginStep();
    scratch.reset();
    return work();
  }
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

function overlaps({ from, to }: TimeSpan, { startNano, endNano }: Window): boolean {
  if (endNano !== undefined && from > endNano) return false;
  return startNano === undefined || to >= startNano;
}

/** Of the rows of all traces but these. */
function nameOf(segment: string, excluded: ArrayLike<number>): string {
  return `${segment}${excluded.length === 0 ? "" : Bun.hash(Uint32Array.from(excluded).buffer)}`;
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
