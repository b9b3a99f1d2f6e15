/**
 * Plans of tenants' blocks, made in steps: what a block shares with others is found when it comes,
 * and costs about as much as it has traces.
 *
 * Threads: one.
 */
import { join } from "node:path";
import { EngineError } from "../base/error.ts";
import { namingBlock } from "../block/block-error.ts";
import { openBlock, SIDECAR_FILE } from "../block/block-read.ts";
import { readTraceIndex, SidecarReader } from "../block/sidecar-read.ts";
import { tenantSeed, traceHash } from "../block/trace-hash.ts";
import type { BlockTenant } from "../model/block-meta.ts";
import {
  type BlockPlan,
  type OwnedBlock,
  type PlannedBlock,
  planAlone,
  planBlocks,
} from "./block-plan.ts";
import { BlockShares } from "./block-shares.ts";
import type { ShareCandidate } from "./head-shares.ts";
import type { ReadAhead } from "./read-ahead.ts";
import type { Segment } from "./segment.ts";
import type { SegmentTools } from "./segment-tools.ts";
import type { ListedBlock } from "./trace-by-id.ts";
import { listedIds } from "./trace-rows.ts";
import { type TracedBlock, TraceTable } from "./trace-table.ts";
import type { Turn } from "./turns.ts";

export interface BlockPlansOptions {
  readonly tools: SegmentTools;
  /** undefined: all blocks are on this disk. */
  readonly ahead: ReadAhead | undefined;
  readonly segmentOf: (block: ListedBlock, tenant: string) => Segment;
  readonly step: <T>(turn: Turn, work: () => T) => Promise<T>;
  /** A block went away while it was asked for. */
  readonly onGone: (block: ListedBlock) => void;
  /** A file of the block is not as it was written; what it says is had elsewhere. */
  readonly onDamaged: (block: ListedBlock, error: EngineError) => void;
}

/** Who wants a plan. */
export interface Planning {
  readonly tenant: string;
  readonly turn: Turn;
  readonly signal: AbortSignal;
}

/** A tenant's plan is forgotten when so many others were asked for since. */
const TENANTS_MAX = 256;

/** What is looked at in one step: some milliseconds. */
const STEP_TRACES = 50_000;
const STEP_BLOCKS = 64;

interface Tenant {
  readonly table: TraceTable;
  plan: BlockPlan;
}

interface Untold extends TracedBlock {
  readonly block: OwnedBlock;
}

export class BlockPlans {
  readonly #options: BlockPlansOptions;
  readonly #tenants = new Map<string, Tenant>();

  constructor(options: BlockPlansOptions) {
    this.#options = options;
  }

  /** The tenant's last one. */
  find(tenant: string): BlockPlan | undefined {
    return this.#tenants.get(tenant)?.plan;
  }

  /** In steps of its own. `all` is in the order of the log. */
  async make(all: readonly OwnedBlock[], { tenant, turn, signal }: Planning): Promise<BlockPlan> {
    const { ahead, step } = this.#options;
    const { plan } = this.#tenant(tenant);
    if (plan.all === all) return plan;
    const untold = all.length < 2 ? [] : await step(turn, () => this.#untold(all, tenant));
    await ahead?.traceIndexes(untold.map(({ block }) => block));
    for (const some of inSteps(untold)) {
      signal.throwIfAborted();
      await step(turn, () => this.#tell(some, tenant));
    }
    return step(turn, () => this.settle(all, tenant));
  }

  /** In the step at hand, which is short when most of the blocks were there before. */
  settle(all: readonly OwnedBlock[], name: string): BlockPlan {
    const tenant = this.#tenant(name);
    if (tenant.plan.all !== all) {
      tenant.plan = all.length < 2 ? planAlone(all) : planBlocks(all, this.#shares(all, name));
    }
    return tenant.plan;
  }

  /** Traces of a segment of the head that lie in the plan's blocks, as it seems. */
  candidates(segment: Segment, { all, shares }: BlockPlan, tenant: string): ShareCandidate[] {
    if (all.length === 0) return [];
    const { table } = this.#tenant(tenant);
    this.#tell(this.#untold(all, tenant), tenant);
    // The table may have been made anew since.
    const told = table.content().members === shares.members ? shares : this.#shares(all, tenant);
    const { caches, scratch } = this.#options.tools;
    const seed = tenantSeed(tenant);
    const found: ShareCandidate[] = [];
    for (const { trace, slot, number } of table.find(segment, (group) => told.membersOf(group))) {
      const block = told.blockOf(slot);
      if (block < 0) continue;
      const at = segment.traceIds + trace * 16;
      const hash = traceHash(seed, scratch.bytes.subarray(at, at + 16));
      const path = join(all[block].folder, SIDECAR_FILE);
      const mayHave = this.#sidecar(all[block], () => {
        return new SidecarReader(caches, path).mayHave(hash);
      });
      if (mayHave ?? true) found.push({ trace, block, number });
    }
    return found;
  }

  /** Before a block is visited: reads the ids of what it may share, a block at a step. */
  async learn(
    { shares, all }: BlockPlan,
    one: PlannedBlock,
    { tenant, turn, signal }: Planning,
  ): Promise<void> {
    const { step, onGone } = this.#options;
    for (const number of shares.unknownOf(one.number)) {
      signal.throwIfAborted();
      await step(turn, () => {
        try {
          const ids = this.#idsOf(all[number], tenant);
          shares.members.learn(shares.unknownIn(number), ids);
        } catch (error) {
          if (!isGone(error)) throw error;
          onGone(all[number]);
        }
      });
    }
  }

  /** Of all the tenant's traces in the block, 16 bytes each; valid in the step at hand. */
  #idsOf(block: OwnedBlock, tenant: string): Uint8Array {
    const { tools, segmentOf } = this.#options;
    const rows = rowsOf(block, tenant);
    const listed = listedIds(tools.caches, openBlock(tools.caches, block.folder), rows);
    if (listed !== undefined) return listed;
    const { traceIds, traces } = segmentOf(block, tenant);
    return tools.scratch.bytes.subarray(traceIds, traceIds + traces * 16);
  }

  #shares(all: readonly OwnedBlock[], name: string): BlockShares {
    this.#tell(this.#untold(all, name), name);
    const { members, slots } = this.#tenant(name).table.content();
    const ids = all.map(({ meta }) => meta.id);
    return new BlockShares({ members, slots: ids.map((id) => slots.get(id) ?? -1), ids });
  }

  /** Blocks that are not in the tenant's table, which has room for them then. */
  #untold(all: readonly OwnedBlock[], name: string): Untold[] {
    const { table } = this.#tenant(name);
    const tracesOf = (block: OwnedBlock) => rowsOf(block, name).traces;
    const { slots } = table.content();
    if (all.every(({ meta }) => slots.has(meta.id))) return [];
    table.prepare(all.map((block) => ({ id: block.meta.id, traces: tracesOf(block) })));
    const untold = all.filter(({ meta }) => !table.has(meta.id));
    return untold.map((block) => this.#traced(block, name));
  }

  #tell(blocks: readonly Untold[], name: string): void {
    const { table } = this.#tenant(name);
    for (const one of blocks) {
      if (table.has(one.id)) continue;
      try {
        table.add(one);
      } catch (error) {
        if (!isGone(error)) throw error;
        this.#options.onGone(one.block);
        table.skip(one.id);
      }
    }
  }

  #tenant(name: string): Tenant {
    const { kernel, scratch, vectors } = this.#options.tools;
    const tenant = this.#tenants.get(name) ?? {
      table: new TraceTable({
        ...{ vectors, scratch, kernel, seed: tenantSeed(name) },
        name: `traces/${encodeURIComponent(name)}/`,
      }),
      plan: planAlone([]),
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

  #traced(block: OwnedBlock, tenant: string): Untold {
    const { id, sidecarBytes } = block.meta;
    const { files } = this.#options.tools.caches;
    return {
      ...{ block, id, tenant: rowsOf(block, tenant) },
      readIndex: () => {
        const path = join(block.folder, SIDECAR_FILE);
        return this.#sidecar(block, () => readTraceIndex(files, path, sidecarBytes));
      },
      segment: () => this.#options.segmentOf(block, tenant),
    };
  }

  /** undefined: it is damaged, which is said. */
  #sidecar<T>(block: ListedBlock, read: () => T): T | undefined {
    try {
      return namingBlock(block.folder, read);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== "block_corrupt") throw error;
      this.#options.onDamaged(block, error);
      return undefined;
    }
  }
}

/** Throws not_found when the block has none of the tenant's. */
export function rowsOf({ meta }: ListedBlock, tenant: string): BlockTenant {
  const rows = meta.tenants.find(({ name }) => name === tenant);
  if (rows === undefined) throw new EngineError("not_found", `block without tenant ${tenant}`);
  return rows;
}

function* inSteps(blocks: readonly Untold[]): Generator<readonly Untold[]> {
  let some: Untold[] = [];
  let traces = 0;
  for (const one of blocks) {
    some.push(one);
    traces += one.tenant.traces;
    if (some.length < STEP_BLOCKS && traces < STEP_TRACES) continue;
    yield some;
    some = [];
    traces = 0;
  }
  if (some.length > 0) yield some;
}

function isGone(error: unknown): boolean {
  return error instanceof EngineError && error.code === "not_found";
}
