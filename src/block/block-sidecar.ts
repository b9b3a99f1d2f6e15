/** sidecar.bin: bloom filter and trace index of one file, made by the kernel. */
import type { EncodeExports } from "../kernel/encode-kernel.ts";
import {
  BLOOM_BLOCK_BYTES,
  bloomBlocksFor,
  SIDECAR_HEADER_BYTES,
  TRACE_INDEX_ENTRY_BYTES,
  writeSidecarHeader,
} from "./block-format.ts";
import type { PlannedFile } from "./cut-plan.ts";
import type { ByteSink } from "./parquet-file.ts";
import { tenantSeed } from "./trace-hash.ts";

/** `memory` is the whole of the kernel's. Returns the bytes of the whole. */
export function writeSidecar(
  kernel: EncodeExports,
  memory: Uint8Array,
  target: {
    readonly plan: Pick<PlannedFile, "tenants" | "traces" | "rowFirst">;
    readonly sink: ByteSink;
  },
): number {
  const { plan, sink } = target;
  const bloomBlocks = bloomBlocksFor(plan.traces);
  kernel.beginSidecar(bloomBlocks);
  for (const tenant of plan.tenants) {
    const seed = tenantSeed(tenant.name);
    kernel.addTraces(tenant.traceFirst, tenant.traces, seed, plan.rowFirst);
  }
  kernel.finishSidecar();
  const part = (at: number, bytes: number) => memory.subarray(at >>> 0, (at >>> 0) + bytes);
  const bloom = part(kernel.bloomAt(), bloomBlocks * BLOOM_BLOCK_BYTES);
  const index = part(kernel.traceIndexAt(), plan.traces * TRACE_INDEX_ENTRY_BYTES);
  const indexOffset = SIDECAR_HEADER_BYTES + bloom.length;
  sink.append(
    writeSidecarHeader({
      bloomOffset: SIDECAR_HEADER_BYTES,
      bloomBlocks,
      bloomCrc: Bun.hash.crc32(bloom),
      indexOffset,
      indexEntries: plan.traces,
      indexCrc: Bun.hash.crc32(index),
    }),
  );
  sink.append(bloom);
  sink.append(index);
  return indexOffset + index.length;
}
