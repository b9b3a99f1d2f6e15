/** Merges of blocks on disk, for tests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MiB } from "../../src/base/bytes.ts";
import { readColumns } from "../../src/block/block-columns-read.ts";
import { layoutOf } from "../../src/block/block-layout.ts";
import { BlockCaches, openBlock } from "../../src/block/block-read.ts";
import type { Columns } from "../../src/block/block-rows.ts";
import type { ColumnRows, ColumnValue } from "../../src/block/parquet-decode.ts";
import { MERGE_MEMORY_BYTES, mergeBlocks } from "../../src/compact/merge-blocks.ts";
import type { MergeInput, MergeResult } from "../../src/compact/merge-options.ts";
import { instantiate, type Kernel, makeMemory, sharedBuffer } from "../../src/kernel/kernel.ts";
import type { DiskStore } from "../../src/store/store-disk.ts";
import { ROOT } from "../support/checkout.ts";

export const CLOCK = { nowMs: () => 2_000_000_000_000 };

export class MergeKernel {
  readonly kernel: Kernel;
  readonly buffer: SharedArrayBuffer;

  constructor() {
    const memory = makeMemory(MERGE_MEMORY_BYTES);
    const path = join(ROOT, "native", "build", "kernel.wasm");
    this.kernel = instantiate(new WebAssembly.Module(readFileSync(path)), memory);
    this.buffer = sharedBuffer(memory);
  }

  merge(store: DiskStore, inputs: readonly MergeInput[]): MergeResult {
    const { kernel, buffer } = this;
    return mergeBlocks({ kernel, buffer, inputs, store, clock: CLOCK, idWords: [] });
  }
}

/** All of a block, by the names of its columns; attribute orders name attributes. */
export function contentOf(folder: string): Map<string, unknown[]> {
  const caches = new BlockCaches({ filesMax: 4, bytesMax: 64 * MiB });
  const { path, file } = openBlock(caches, folder);
  const columns = file.columns.map((_, i) => i);
  const rows = { first: 0, end: file.rows };
  const read: Columns = readColumns(caches, { path, file }, { columns, rows });
  const layout = layoutOf(file);
  const content = new Map<string, unknown[]>();
  for (const [i, { path: name }] of file.columns.entries()) {
    const column = read.get(i);
    if (column === undefined) throw new Error("test: a column was not read");
    const scope = name[0] === "events" ? "event" : name[0] === "links" ? "link" : "span";
    const isOrder = name.at(-1) === "attribute_order";
    const numbers = layout[scope].attributes.map(({ column: place }) =>
      file.columns[place].path.join("."),
    );
    content.set(
      name.join("."),
      rowsOf(column).map((row) =>
        row
          .map((value) => (isOrder ? orderNames(value, numbers) : plain(value)))
          .concat(column.definitions.length > 0 ? ["levels"] : []),
      ),
    );
  }
  return content;
}

function rowsOf({ starts, values }: ColumnRows): (ColumnValue | undefined)[][] {
  return starts.slice(0, -1).map((first, row) => values.slice(first, starts[row + 1]));
}

function plain(value: ColumnValue | undefined): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return value;
}

function orderNames(value: ColumnValue | undefined, numbers: readonly string[]): unknown {
  if (!(value instanceof Uint8Array)) return value;
  const names: string[] = [];
  let number = 0;
  let shift = 0;
  for (const byte of value) {
    number |= (byte & 127) << shift;
    shift += 7;
    if (byte >= 128) continue;
    names.push(number === 0 ? "residual" : numbers[number - 1]);
    number = 0;
    shift = 0;
  }
  return names.join("\n");
}
