/** The chunk of the kernel's open column for one file: dictionary, then page after page. */
import { assert } from "../base/assert.ts";
import type { EncodeExports } from "../kernel/encode-kernel.ts";
import type { PlannedFile } from "./cut-plan.ts";
import type { ParquetFile } from "./parquet-file.ts";
import type { Encoding } from "./parquet-schema.ts";

const encodingOf: Readonly<Record<number, Encoding>> = {
  0: "PLAIN",
  5: "DELTA_BINARY_PACKED",
  8: "RLE_DICTIONARY",
};

export interface ChunkTarget {
  readonly plan: PlannedFile;
  readonly parquet: ParquetFile;
}

/** `memory` is the whole of the shared memory. */
export function writeChunk(kernel: EncodeExports, memory: Uint8Array, target: ChunkTarget): void {
  const { plan, parquet } = target;
  kernel.beginChunk(plan.rowFirst, plan.rows);
  const encoding = encodingOf[kernel.chunkEncoding()];
  assert(encoding !== undefined, "block: unknown encoding");
  const view = (at: number, bytes: number) => memory.subarray(at >>> 0, (at >>> 0) + bytes);
  if (encoding === "RLE_DICTIONARY") {
    const bytes = kernel.dictionaryPageBytes();
    parquet.dictionaryPage(view(kernel.dictionaryPageAt(), bytes), kernel.dictionaryPageValues());
  }
  kernel.beginPages();
  for (let bytes = kernel.nextPage(); bytes !== 0; bytes = kernel.nextPage()) {
    const page = {
      values: kernel.pageEntries(),
      rows: kernel.pageRows(),
      nulls: kernel.pageNulls(),
      encoding,
    };
    const bounds =
      kernel.hasBounds() === 0
        ? {}
        : {
            min: view(kernel.minimumAt(), kernel.minimumBytes()),
            max: view(kernel.maximumAt(), kernel.maximumBytes()),
          };
    parquet.dataPage(view(kernel.pageBytesAt(), bytes), { ...page, ...bounds });
  }
}
