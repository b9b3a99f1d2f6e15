/**
 * What the engine says about itself when `/metrics` is read: plain numbers, gathered by main.ts
 * from the threads' shared counters. Totals count from the start of the process.
 */
export interface EngineSnapshot {
  /** In a stable order: tenants seen first come first. */
  readonly tenants: ReadonlyMap<string, TenantCounts>;
  readonly receivers: readonly ReceiverCounts[];
  readonly head: HeadCounts;
  readonly wal: WalCounts;
  readonly replay: ReplayCounts;
  readonly blocks: BlockCounts;
  /** undefined: blocks are in a bucket. */
  readonly compaction: CompactionCounts | undefined;
  /** undefined: blocks are in a folder of this disk. */
  readonly store: StoreCounts | undefined;
  /** Request bytes in the rings, taken and not yet acknowledged. */
  readonly ringBytes: number;
  /** By kind of Worker. */
  readonly workersRestarted: ReadonlyMap<string, number>;
  /** CPU by thread; 0 where the system does not tell. */
  readonly threadCpuSeconds: ReadonlyMap<string, number>;
  /** Wall time by what ingest and the block thread were busy with. */
  readonly stageSeconds: ReadonlyMap<string, number>;
  /** Left out of answers: another span of the same id, with other content, came before. */
  readonly differingSpans: number;
  /** Questions that failed because a block is damaged. */
  readonly damagedAnswers: number;
  /** True while requests are refused because the disk does not take writes. */
  readonly diskFailing: boolean;
  readonly ready: boolean;
}

export interface TenantCounts {
  readonly spansReceived: number;
  /** Decompressed. */
  readonly bytesReceived: number;
  /** Spans refused, by reason. */
  readonly spansDiscarded: ReadonlyMap<string, number>;
  /** Keys and values of attributes that were cut, by what has the attribute. */
  readonly attributesCut: ReadonlyMap<string, number>;
  /** Published blocks now. */
  readonly blocks: number;
}

export interface ReceiverCounts {
  /** The key of the instance in the configuration. */
  readonly receiver: string;
  readonly transport: string;
  readonly acceptedSpans: number;
  readonly refusedSpans: number;
}

export interface HeadCounts {
  readonly rows: number;
  readonly cutsByReason: ReadonlyMap<string, number>;
}

export interface WalCounts {
  /** Acknowledged and not yet covered by published blocks. */
  readonly bytes: number;
  readonly tornBytes: number;
  readonly damagedBytes: number;
  readonly quarantinedRecords: number;
}

export interface ReplayCounts {
  /** Of the log at start; done equals total when the replay is over. */
  readonly bytesTotal: number;
  readonly bytesDone: number;
  readonly seconds: number;
}

export interface BlockCounts {
  /** In all published blocks now. */
  readonly rows: number;
  readonly bytes: number;
  readonly completed: number;
  readonly failed: number;
}

/** Of blocks on this disk, since the start. */
export interface CompactionCounts {
  readonly failures: number;
  /** Blocks that were merged. */
  readonly inputs: number;
  /** Of what they became. */
  readonly spans: number;
  readonly traces: number;
  readonly bytesWritten: number;
  readonly doubles: number;
  readonly seconds: number;
  /** Blocks whose time was over. */
  readonly expired: number;
  /** Spans of other blocks whose time was over. */
  readonly expiredSpans: number;
  /** Blocks whose files are still there although nobody looks at them. */
  readonly waiting: number;
}

/** Of the bucket that blocks are kept in. */
export interface StoreCounts {
  /** Blocks on this disk that wait for it. */
  readonly pendingBlocks: number;
  readonly pendingBytes: number;
  /** Its blocks' files on this disk, and their filters in memory. */
  readonly cacheBytes: number;
  readonly filterBytes: number;
  readonly uploads: number;
  readonly uploadErrors: number;
  readonly polls: number;
  readonly pollErrors: number;
  /** The last one. */
  readonly pollSeconds: number;
  readonly sweptObjects: number;
  readonly requests: readonly StoreRequestCounts[];
}

export interface StoreRequestCounts {
  readonly operation: string;
  readonly status: string;
  readonly seconds: number;
  readonly count: number;
  /** Upper bounds of the buckets but the last, in seconds. */
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
}
