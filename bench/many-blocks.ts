/**
 * Questions about a tenant with thousands of small blocks: the first one after a start, the next
 * ones, and the first after another block was cut.
 *
 *   bun bench/many-blocks.ts [blocks] [folder]
 *
 * A folder keeps the blocks for the next run. One trace in twenty goes on in the next block.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { blockDisk } from "../src/store/block-disk.ts";
import { DiskStore } from "../src/store/store-disk.ts";
import { CutKernel } from "../test/support/cut-kernel.ts";
import { Server } from "../test/support/server.ts";
import { hold, median } from "./budget.ts";
import { shopRequests } from "./data/shop-requests.ts";

const SPANS = 500;
const TEMPLATES = 200;
const NEXT = 20;
const QUERY = '{ span.http.request.method = "POST" }';

const blocks = Number(process.argv[2] ?? 5000);
const kept = process.argv[3];
const folder = kept ?? mkdtempSync(join(tmpdir(), "vivace-many-"));
const pairs = shopRequests({ seed: 3, requests: TEMPLATES, spans: SPANS, splitOneIn: 20 });
if (!existsSync(join(folder, "blocks"))) fill();
{
  await using server = await Server.start({
    "storage.trace.local.path": join(folder, "blocks"),
    "storage.trace.wal.path": join(folder, "wal"),
    "vivace.memory_budget_bytes": undefined,
    "compactor.disabled": true,
  });
  const first = await ask(server);
  const next: number[] = [];
  for (let i = 0; i < NEXT; i++) next.push(await ask(server));
  const added: number[] = [];
  for (let i = 0; i < 5; i++) {
    const { early } = pairs[i];
    await server.send(
      early.stamped({ round: blocks + i + 1, atNano: BigInt(Date.now()) * 1_000_000n }),
    );
    await server.flush();
    added.push(await ask(server));
  }
  console.log(`${blocks} blocks of ${SPANS} spans`);
  hold("many_blocks_first_ms", first, "ms");
  hold("many_blocks_next_ms", median(next), "ms");
  hold("many_blocks_added_ms", median(added), "ms");
}
if (kept === undefined) rmSync(folder, { recursive: true });

function fill(): void {
  const path = join(folder, "blocks");
  mkdirSync(path, { recursive: true });
  const disk = blockDisk(path);
  // Nobody pulls the plug.
  const store = new DiskStore(path, {
    ...disk,
    create: (file) => ({ ...disk.create(file), sync: () => {} }),
    syncFolder: () => {},
  });
  const cutter = new CutKernel();
  const now = Date.now();
  for (let block = 0; block < blocks; block++) {
    const stamp = (of: number) => ({
      round: of + 1,
      atNano: BigInt(now - (blocks - of) * 1000) * 1_000_000n,
    });
    cutter.begin();
    cutter.add(pairs[block % TEMPLATES].early.stamped(stamp(block)), "single-tenant");
    const late = block > 0 ? pairs[(block - 1) % TEMPLATES].late : undefined;
    if (late !== undefined) cutter.add(late.stamped(stamp(block - 1)), "single-tenant");
    cutter.cut(store, [block, block + 1]);
  }
}

/** Milliseconds to the whole answer. */
async function ask(server: Server): Promise<number> {
  const began = performance.now();
  const response = await server.get(`/api/search?limit=20&q=${encodeURIComponent(QUERY)}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`bench: ${response.status} ${text}`);
  if (JSON.parse(text).traces.length !== 20) throw new Error("bench: too few traces");
  return performance.now() - began;
}
