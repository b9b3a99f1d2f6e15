import type { BlockCaches } from "../block/block-read.ts";
import type { ValueCache } from "../block/file-cache.ts";
import type { ReadExports } from "../kernel/scan-kernel.ts";
import type { BlockTenant } from "../model/block-meta.ts";
import type { StepScratch } from "../vector/step-scratch.ts";
import type { VectorCache } from "../vector/vector-cache.ts";
import type { ResidualIndex } from "./residual.ts";
import type { ListedBlock } from "./trace-by-id.ts";

/** What one thread reads and keeps blocks with. */
export interface SegmentTools {
  readonly caches: BlockCaches;
  readonly vectors: VectorCache;
  readonly scratch: StepScratch;
  readonly kernel: ReadExports;
  readonly residuals: ValueCache<ResidualIndex>;
}

/** A block's rows of one tenant. */
export interface TenantBlock extends ListedBlock {
  readonly tenant: BlockTenant;
}
