/** Which attribute columns a block has: those with values in it, and no others of its half. */
import { parquetMetadata } from "hyparquet";
import { expect, test } from "vitest";
import { OWN_BLOCK_ROWS } from "../../src/block/block-format.ts";
import type { BlockStore } from "../../src/block/block-write.ts";
import { CutKernel } from "../support/cut-kernel.ts";
import { requestOf, spanOf } from "../support/send-spans.ts";

const kernel = new CutKernel();
const SPANS = 1024;

/** Blocks in memory. */
class MemoryStore implements BlockStore {
  readonly files = new Map<string, Uint8Array[]>();

  find() {
    return undefined;
  }

  begin({ tenants }: Parameters<BlockStore["begin"]>[0]) {
    const chunks: Uint8Array[] = [];
    this.files.set(tenants.map(({ name }) => name).join("+"), chunks);
    return {
      data: { append: (bytes: Uint8Array) => void chunks.push(bytes.slice()) },
      sidecar: { append: () => undefined },
      publish: () => undefined,
      abandon: () => undefined,
    };
  }

  /** Names of the attribute columns by tenants, sorted. */
  columns(): Record<string, string[]> {
    const columns: Record<string, string[]> = {};
    for (const [tenants, chunks] of this.files) {
      const { schema } = parquetMetadata(new Uint8Array(Buffer.concat(chunks)).buffer);
      const names = schema.map(({ name }) => name).filter((name) => name.startsWith("span."));
      columns[tenants] = names.sort();
    }
    return columns;
  }
}

function add(tenant: string, keys: readonly string[], spans: number): void {
  for (let from = 0; from < spans; from += SPANS) {
    const request = Array.from({ length: Math.min(SPANS, spans - from) }, (_, i) =>
      spanOf({
        traceId: (i + 1).toString(16),
        spanId: (from + i + 1).toString(16),
        attributes: keys.map((key) => [key, ["int", `${i}`]] as const),
      }),
    );
    kernel.add(requestOf(request), tenant);
  }
}

function cutColumns(): Record<string, string[]> {
  const store = new MemoryStore();
  kernel.cut(store);
  return store.columns();
}

test("a block has the columns of its own tenants only", () => {
  kernel.begin();
  add("a", ["all", "a"], OWN_BLOCK_ROWS);
  add("b", ["all", "b"], OWN_BLOCK_ROWS);
  add("c", ["c"], 10);
  add("d", ["d"], 10);
  expect(cutColumns()).toEqual({
    a: ["span.a:int", "span.all:int"],
    b: ["span.all:int", "span.b:int"],
    "c+d": ["span.c:int", "span.d:int"],
  });
});

test("a column that came from the half before and has no value here is in no block", () => {
  kernel.begin();
  add("a", ["all", "a", "gone"], OWN_BLOCK_ROWS);
  kernel.kernel.rankColumns();
  kernel.begin();
  kernel.kernel.carryColumns();
  add("a", ["new", "a"], 10);
  expect(cutColumns()).toEqual({ a: ["span.a:int", "span.new:int"] });
  // Alone in its half: nothing but what it would be without the half before.
  kernel.begin();
  add("a", ["a"], 10);
  const fresh = new MemoryStore();
  kernel.cut(fresh);
  kernel.kernel.rankColumns();
  kernel.begin();
  kernel.kernel.carryColumns();
  add("a", ["a"], 10);
  const carried = new MemoryStore();
  kernel.cut(carried);
  expect(Buffer.concat(carried.files.get("a") ?? [])).toEqual(
    Buffer.concat(fresh.files.get("a") ?? [Buffer.of(0)]),
  );
});
